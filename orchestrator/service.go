package orchestrator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/orchestrator/call"
	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/orchestrator/esl"
	"github.com/tidegate/tidegate/orchestrator/llm"
	"github.com/tidegate/tidegate/orchestrator/spool"
	"github.com/tidegate/tidegate/schemas"
)

// Deps is what the orchestrator is given.
type Deps struct {
	Log      *slog.Logger
	Registry prometheus.Registerer
	Bus      *bus.Bus
}

// Service is one orchestrator.
type Service struct {
	cfg      Config
	name     string
	log      *slog.Logger
	bus      *bus.Bus
	flows    *repertoire
	metrics  *call.Metrics
	listener *esl.Listener
	nodes    []*esl.NodeLink
	spool    *spool.Spool
	playouts sync.Map // Core-UUID -> play-out way
	dialects *dialectRouter
	llm      *llm.Client // nil: there is no language model

	mu       sync.Mutex
	sessions map[string]*call.Session

	background sync.WaitGroup
	ctx        context.Context
	cancel     context.CancelFunc
}

// New makes an orchestrator; Start lets it take calls.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, name: cfg.Name, log: deps.Log, bus: deps.Bus, metrics: call.NewMetrics(deps.Registry), sessions: map[string]*call.Session{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.name == "" {
		host, _ := os.Hostname()
		s.name = fmt.Sprintf("%s-%d", host, os.Getpid())
	}
	var err error
	if s.dialects, err = newDialectRouter(cfg.Dialects, s.log); err != nil {
		return nil, fmt.Errorf("dialects: %w", err)
	}
	if cfg.LLM.Enabled() {
		if s.llm, err = llm.New(cfg.LLM, s.log, deps.Registry); err != nil {
			return nil, fmt.Errorf("llm: %w", err)
		}
	}
	if s.flows, err = newRepertoire(cfg, s.build, s.log, deps.Registry); err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	eslDeps := esl.Deps{Log: s.log, Registry: deps.Registry}
	if s.listener, err = esl.New(cfg.ESL, s.handle, eslDeps); err != nil {
		return nil, err
	}
	for _, addr := range cfg.Nodes {
		nc := esl.NodeDefaults()
		nc.Address, nc.Password = addr, cfg.NodePassword
		link, err := esl.NewNodeLink(nc, eslDeps)
		if err != nil {
			return nil, fmt.Errorf("nodes: %w", err)
		}
		s.nodes = append(s.nodes, link)
	}
	if s.spool, err = spool.Open(cfg.Spool, deps.Bus, s.log, deps.Registry); err != nil {
		return nil, err
	}
	return s, nil
}

// Start takes calls until Drain or Stop.
func (s *Service) Start(ctx context.Context) error {
	s.spool.Start()
	if err := s.listener.Start(ctx); err != nil {
		s.spool.Stop()
		return err
	}
	if err := s.announcePrompts(); err != nil {
		return err
	}
	for _, n := range s.nodes {
		if err := n.Start(ctx); err != nil {
			return err
		}
		s.background.Go(func() { s.watch(n) })
	}
	s.log.Info("orchestrator takes calls", "address", s.Addr(), "name", s.name, "flow", flowLabel(s.Flow()))
	return nil
}

// Addr is where FreeSWITCH connects for each call.
func (s *Service) Addr() string { return s.listener.Addr().String() }

// build makes what steps the calls of a flow.
func (s *Service) build(flow *dialog.Flow) *call.Machine {
	m := &call.Machine{Flow: flow, Config: s.cfg.call(s.name, flow.Voice())}
	if s.llm != nil {
		m.Config.Advice = s.llm.Advice()
	}
	return m
}

// Flow is the conversation that calls are led by whose number has none of its
// own.
func (s *Service) Flow() *dialog.Flow { return s.flows.machines()[0].Flow }

// Ready is nil while calls can be taken and led.
func (s *Service) Ready() error {
	if s.listener.Addr() == nil {
		return errors.New("not listening")
	}
	return s.bus.Ready()
}

// Drain leaves new calls to the dialplan's next action and waits for those
// in progress, or for ctx.
func (s *Service) Drain(ctx context.Context) error { return s.listener.Drain(ctx) }

// Hangup ends every call in progress: the second signal.
func (s *Service) Hangup() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sess := range s.sessions {
		// Q.850 cause 41: the network, not the caller, could not go on.
		sess.Post(call.Hangup{Cause: "NORMAL_TEMPORARY_FAILURE", Reason: "shutdown"})
	}
}

// Stop gives up what is still in progress: its calls go on with the next
// action of their dialplan.
func (s *Service) Stop(ctx context.Context) error {
	s.cancel()
	err := s.listener.Stop(ctx)
	for _, n := range s.nodes {
		err = errors.Join(err, n.Stop(ctx))
	}
	s.background.Wait()
	s.spool.Stop()
	if s.llm != nil {
		s.llm.Close()
	}
	return err
}

// handle runs one call for as long as this orchestrator has it.
func (s *Service) handle(ctx context.Context, ech *esl.Channel) {
	info := ech.Info()
	log := s.log.With("call", info.ID)
	snaps := &snapshots{bus: s.bus, callID: info.ID, owner: s.name}
	machine, state, first := s.begin(ctx, ech, snaps, log)
	ch := newChannel(s, ech)
	tenant := cmp.Or(state.Tenant, s.cfg.Tenant)
	ch.machine, ch.tenant = machine, tenant

	// The ports need the session's inbox, and the session the ports.
	var sess *call.Session
	post := func(ev call.Event) bool { return sess.Post(ev) }
	link := &mediaLink{callID: info.ID, bus: s.bus, ch: ch, log: log, post: post, states: make(chan schemas.MediaState, 1)}
	d := &desk{bus: s.bus, spool: s.spool, log: log, tenant: tenant, post: post, budget: s.cfg.Limits.LookupBudget}
	ports := call.Ports{Switch: ch, Media: link, Desk: d, Recorder: recorder{spool: s.spool, log: log}, Snapshots: snaps}
	if s.llm != nil {
		ports.Adviser = s.llm
	}
	sess = call.NewSession(machine, state, ports, s.log, s.metrics)
	ch.onSide = link.onSide

	for subject, h := range map[string]func(bus.Message){
		schemas.SubjectMediaEvent(info.ID):      link.onMessage,
		schemas.SubjectTicketFact(info.ID, "*"): d.onTicketFact,
	} {
		sub, err := s.bus.Subscribe(subject, "", h)
		if err != nil {
			log.Error("call left to the dialplan", "error", err)
			return
		}
		defer func() { _ = sub.Unsubscribe() }()
	}
	pumpCtx, stopPump := context.WithCancel(context.Background())
	var pump sync.WaitGroup
	pump.Go(func() { ch.pump(pumpCtx) })

	defer s.bus.OnRestored(func() { post(call.BusRestored{}) })()
	s.track(info.ID, sess)
	defer s.track(info.ID, nil)
	log.Info("call in hand", "caller", obs.Phone(info.CallerNumber), "called", obs.Phone(info.CalledNumber), "as", first.Kind())
	end := sess.Run(s.ctx, first)
	ch.Close()
	stopPump()
	pump.Wait()
	log.Info("call out of hand", "phase", end.Phase, "outcome", end.Dialog.Outcome(), "turns", end.Turns, "cause", end.Cause)
}

func (s *Service) track(id string, sess *call.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sess == nil {
		delete(s.sessions, id)
		return
	}
	s.sessions[id] = sess
}

// begin decides whether a call is new or taken over. Only an answered call
// can have a past.
func (s *Service) begin(ctx context.Context, ch *esl.Channel, snaps *snapshots, log *slog.Logger) (*call.Machine, call.State, call.Event) {
	info := ch.Info()
	if info.Answered {
		state, found, err := snaps.load(ctx)
		if err != nil {
			log.Warn("snapshot not read; the call begins anew", "error", err)
		}
		var machine *call.Machine
		if found {
			if machine, err = s.flows.resume(info.CalledNumber, state.Dialog); err != nil {
				log.Error("call begins anew", "error", err)
			}
		}
		if machine != nil {
			attached, err := ch.ForkAttached(ctx, bugName)
			if err != nil {
				log.Warn("fork not found out about", "error", err)
			}
			return machine, state, call.Resumed{Answered: true, ForkAttached: attached}
		}
	}
	route := s.dialects.route(info.CalledNumber, info.CallerNumber)
	machine, tenant := s.flows.route(info.CalledNumber)
	state := machine.Begin(call.Start{
		ID: info.ID, Node: info.Hostname, Core: info.CoreUUID, Caller: info.CallerNumber, Called: info.CalledNumber, Tenant: tenant,
		Dialect: route.dialect, DialectSource: route.source, Likely: route.likely,
	}, now())
	return machine, state, call.Arrived{Answered: info.Answered}
}
