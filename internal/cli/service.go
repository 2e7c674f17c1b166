package cli

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/console"
	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/lifecycle"
	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/internal/retention"
	"github.com/tidegate/tidegate/internal/speechmodel"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/mediabridge"
	"github.com/tidegate/tidegate/orchestrator"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/oms"
	"github.com/tidegate/tidegate/workers/ticket"
	"github.com/tidegate/tidegate/workers/ticket/link"
	"github.com/tidegate/tidegate/workers/tts"
)

func randomKey() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// process is one running tidegate: its services and what they share.
type process struct {
	cfg    *Config
	log    *slog.Logger
	reg    *prometheus.Registry
	group  *lifecycle.Group
	checks []obs.Check
	// started is set when every service is: before, the process is not ready,
	// whatever those that run already say, and nobody else reads checks.
	started atomic.Bool
	bus     *bus.Bus
	store   *store.Store
	models  *speechmodel.Store
	links   *connections
}

func newProcess(cfg *Config) *process {
	log := obs.NewLogger(os.Stderr, cfg.Log)
	return &process{
		cfg: cfg, log: log, reg: obs.NewRegistry(), models: speechmodel.NewStore(cfg.Models),
		group: &lifecycle.Group{Log: log, DrainLimit: cfg.Ops.DrainLimit, StopLimit: cfg.Ops.StopLimit},
	}
}

// serviceCommand runs one service as a process of its own.
func serviceCommand(service, short string, start func(*process, context.Context) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: service, Short: short, Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadValid(cmd, service, nil)
			if err != nil {
				return err
			}
			p := newProcess(cfg)
			return p.run(cmd.Context(), func(ctx context.Context) error {
				if err := p.startBus(ctx, service); err != nil {
					return err
				}
				return start(p, ctx)
			}, nil)
		},
	}
	addConfigFlags(cmd, service)
	return cmd
}

func addConfigFlags(cmd *cobra.Command, service string) {
	addConfigFlagsOf(cmd, sectionsOf(service)...)
}

func addConfigFlagsOf(cmd *cobra.Command, sections ...string) {
	def := Defaults()
	cmd.Flags().String("config", "", "configuration file (YAML); default $TIDEGATE_CONFIG, else tidegate.yaml if it is there")
	config.AddFlags(cmd.Flags(), &def, sections...)
	cmd.Flags().SortFlags = false
}

// run starts everything, serves until a signal, and ends everything; the
// operators' listener starts first and closes last.
func (p *process) run(ctx context.Context, start func(context.Context) error, up func(context.Context)) error {
	signals, stop := p.signals(ctx)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var ops *obs.Server
	err := p.group.Start(ctx, lifecycle.Part{
		Name: "ops",
		Start: func(context.Context) (err error) {
			ops, err = obs.Serve(p.cfg.Ops.Listen, obs.OpsHandler(p.reg, p.lateChecks()...), p.log)
			return err
		},
		Stop: func(ctx context.Context) error { return ops.Stop(ctx) },
	})
	if err == nil {
		err = interruptible(ctx, cancel, signals, start)
	}
	if err != nil {
		return errors.Join(err, p.group.Stop())
	}
	p.started.Store(true)
	p.log.Info("ready", "ops", ops.Addr())
	if up != nil {
		up(ctx)
	}
	return p.group.Wait(signals)
}

var errInterrupted = errors.New("interrupted while starting")

// interruptible lets a signal end a start that waits, for NATS or a database
// that is not there yet.
func interruptible(ctx context.Context, cancel func(), signals <-chan struct{}, start func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- start(ctx) }()
	select {
	case err := <-done:
		return err
	case <-signals:
		cancel()
		<-done
		return errInterrupted
	}
}

// lateChecks asks the checks that exist when the question comes: services
// that are still starting make the process not ready.
func (p *process) lateChecks() []obs.Check {
	return []obs.Check{{Name: "services", Ready: func() error {
		if !p.started.Load() {
			return errors.New("starting")
		}
		var errs []error
		for _, c := range p.checks {
			if err := c.Ready(); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", c.Name, err))
			}
		}
		return errors.Join(errs...)
	}}}
}

// signals turns SIGINT, SIGTERM, and the end of ctx into the first and the
// second signal.
func (p *process) signals(ctx context.Context) (<-chan struct{}, func()) {
	raw := make(chan os.Signal, 2)
	signal.Notify(raw, os.Interrupt, syscall.SIGTERM)
	out := make(chan struct{}, 4)
	done := make(chan struct{})
	go func() {
		ctxDone := ctx.Done()
		for {
			select {
			case <-raw:
				out <- struct{}{}
			case <-ctxDone:
				ctxDone = nil
				out <- struct{}{}
			case <-done:
				return
			}
		}
	}()
	return out, func() { signal.Stop(raw); close(done) }
}

func (p *process) instance(service string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return fmt.Sprintf("/tidegate/%s/%s-%d", service, host, os.Getpid())
}

// startBus connects; without NATS at first it keeps trying, since machines
// start in any order.
func (p *process) startBus(ctx context.Context, service string) error {
	return p.group.Start(ctx, lifecycle.Part{
		Name: "bus",
		Start: func(ctx context.Context) error {
			b, err := bus.Connect(ctx, p.cfg.NATS, bus.Deps{Log: p.log, Registry: p.reg, Source: p.instance(service), Retry: true})
			if err != nil {
				return err
			}
			p.bus = b
			p.checks = append(p.checks, obs.Check{Name: "nats", Ready: b.Ready})
			return p.awaitStreams(ctx)
		},
		Stop: func(ctx context.Context) error { return p.bus.Drain(ctx) },
	})
}

func (p *process) awaitStreams(ctx context.Context) error {
	for said := false; ; {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := p.bus.EnsureStreams(try)
		cancel()
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if !said {
			said = true
			p.log.Warn("waiting for NATS", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func (p *process) startStore(ctx context.Context) error {
	if p.store != nil {
		return nil
	}
	return p.group.Start(ctx, lifecycle.Part{
		Name: "store",
		Start: func(ctx context.Context) error {
			s, err := openStore(ctx, p.cfg.Store, store.Deps{
				Log: p.log, Registry: p.reg,
				// Asked when a ticket is opened: the connections may be read after this.
				TicketSystem: func(tenant string) string { return p.links.connector(tenant) },
			})
			if err != nil {
				return err
			}
			p.store = s
			p.checks = append(p.checks, obs.Check{Name: "store", Ready: func() error {
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
				defer cancel()
				return s.Ready(ctx)
			}})
			return nil
		},
		Stop: func(context.Context) error { return p.store.Close() },
	})
}

// service is what every service offers.
type service interface {
	Start(context.Context) error
	Drain(context.Context) error
	Stop(context.Context) error
	Ready() error
}

func (p *process) startService(ctx context.Context, name string, s service, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	part := lifecycle.Part{Name: name, Start: s.Start, Drain: s.Drain, Stop: s.Stop}
	if c, ok := s.(interface{ Hangup() }); ok {
		part.Cut = c.Hangup
	}
	p.checks = append(p.checks, obs.Check{Name: name, Ready: s.Ready})
	return p.group.Start(ctx, part)
}

func (p *process) startOrchestrator(ctx context.Context) error {
	s, err := orchestrator.New(p.cfg.Orchestrator, orchestrator.Deps{Log: p.log, Registry: p.reg, Bus: p.bus})
	return p.startService(ctx, "orchestrator", s, err)
}

func (p *process) startMediabridge(ctx context.Context) error {
	s, err := mediabridge.New(p.cfg.Mediabridge, mediabridge.Deps{Log: p.log, Registry: p.reg, Bus: p.bus, Models: p.models})
	return p.startService(ctx, "mediabridge", s, err)
}

func (p *process) startASR(ctx context.Context) error {
	s, err := asr.New(p.cfg.ASR, asr.Deps{Log: p.log, Registry: p.reg, Bus: p.bus, Lines: scenarios.Lines})
	return p.startService(ctx, "asr", s, err)
}

func (p *process) startTTS(ctx context.Context) error {
	s, err := tts.New(p.cfg.TTS, tts.Deps{Log: p.log, Registry: p.reg, Bus: p.bus})
	return p.startService(ctx, "tts", s, err)
}

func (p *process) startOMS(ctx context.Context) error {
	if err := p.startStore(ctx); err != nil {
		return err
	}
	if p.cfg.OMS.Seed {
		if err := p.store.Seed(ctx, time.Now()); err != nil {
			return fmt.Errorf("seed the shop: %w", err)
		}
	}
	systems, err := p.orderSystems()
	if err != nil {
		return err
	}
	s, err := oms.New(p.cfg.OMS, oms.Deps{Log: p.log, Registry: p.reg, Bus: p.bus, Orders: p.store, Tenants: systems, Writes: p.store})
	return p.startService(ctx, "oms", s, err)
}

func (p *process) startTicket(ctx context.Context) error {
	err := p.group.Start(ctx, lifecycle.Part{
		Name:  "ticket systems",
		Start: func(context.Context) error { return p.readLinks() },
		Stop:  func(context.Context) error { p.links.end(); return nil },
	})
	if err != nil {
		return err
	}
	if err := p.startStore(ctx); err != nil {
		return err
	}
	copied := func(tenant string) bool { return p.links.connector(tenant) != "" }
	s, err := ticket.New(p.cfg.Ticket, ticket.Deps{Log: p.log, Registry: p.reg, Bus: p.bus, Tickets: p.store, Copied: copied})
	if err := p.startService(ctx, "ticket", s, err); err != nil {
		return err
	}
	l, err := link.New(p.cfg.TicketLink, link.Deps{Log: p.log, Registry: p.reg, Bus: p.bus, Links: p.store, Systems: p.links.systems})
	if err := p.startService(ctx, "ticket_link", l, err); err != nil {
		return err
	}
	r, err := retention.New(p.cfg.Retention, retention.Deps{Log: p.log, Registry: p.reg, Records: p.store})
	return p.startService(ctx, "retention", r, err)
}

func (p *process) startConsole(ctx context.Context) error {
	if err := p.startStore(ctx); err != nil {
		return err
	}
	s, err := p.newConsole()
	return p.startService(ctx, "console", s, err)
}

// newConsole makes the console; tickets that are moved there go by the rules
// that the ticket worker has.
func (p *process) newConsole() (*console.Service, error) {
	rules, err := ticket.NewDispatch(p.cfg.Ticket, p.log)
	if err != nil {
		return nil, err
	}
	return console.New(p.cfg.Console, console.Deps{Log: p.log, Registry: p.reg, Bus: p.bus, Records: p.store, Desk: p.store, Rules: rules})
}
