package e2e_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/console"
	"github.com/tidegate/tidegate/devswitch"
	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/loopback"
	"github.com/tidegate/tidegate/internal/obs/obstest"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/mediabridge"
	"github.com/tidegate/tidegate/orchestrator"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/oms"
	"github.com/tidegate/tidegate/workers/ticket"
	"github.com/tidegate/tidegate/workers/tts"
)

const (
	eslSecret  = "the dialplan's secret"
	forkSecret = "a key of the fork tokens"
)

func TestMain(m *testing.M) {
	// Calls wait for speech most of their time: more of them fit side by
	// side than there are cores.
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = flag.Set("test.parallel", "8")
	}
	code := storetest.Main(m)
	if binary.dir != "" {
		_ = os.RemoveAll(binary.dir)
	}
	os.Exit(code)
}

// binary is the built tidegate, for tests that kill a process.
var binary struct {
	once sync.Once
	dir  string
	err  error
}

func tidegate(t testing.TB) string {
	t.Helper()
	binary.once.Do(func() {
		binary.dir, binary.err = os.MkdirTemp("", "tidegate-e2e-")
		if binary.err != nil {
			return
		}
		out, err := exec.Command("go", "build", "-o", filepath.Join(binary.dir, "tidegate"), "github.com/tidegate/tidegate").CombinedOutput()
		if err != nil {
			binary.err = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	if binary.err != nil {
		t.Fatal(binary.err)
	}
	return filepath.Join(binary.dir, "tidegate")
}

// system is a whole Tidegate on loopback.
type system struct {
	t       testing.TB
	nats    *bustest.Server
	bus     *bus.Bus
	store   *store.Store
	bridge  *mediabridge.Service
	console *console.Service
	sw      *devswitch.Service
	sip     string
	secret  string
	voice   tts.Engine // of callers; nil: tones
	hearing asr.Engine // of callers who answer what they hear
	log     *slog.Logger
	reg     *prometheus.Registry
	logs    *obstest.Log
}

type setup struct {
	dsn string
	// sockets are the outbound sockets of the dialplan; empty starts one
	// orchestrator in this process.
	sockets      []string
	orchestrator func(*orchestrator.Config)
	ticket       func(*ticket.Deps)
	devswitch    func(*devswitch.Config)
	orders       func(*store.Store) oms.Orders // nil: the built-in shop
	noTicket     bool
	noRecogniser bool
	file         bool // play-out by files
	asr          func(*asr.Config)
	bridge       func(*mediabridge.Config)
	ears         asr.Engine   // in place of the scripted one
	mouth        tts.Engine   // in place of the tone
	lines        asr.Script   // what callers say; nil: the scenarios' lines
	log          slog.Handler // nil: all of it, for a failing test to show
	// sip is where a switch that is not ours takes calls, and secret what
	// its dialplan sends; sockets are then where it looks for orchestrators.
	sip, secret string
}

type running interface {
	Start(context.Context) error
	Stop(context.Context) error
}

func (s *system) run(svc running, err error) {
	s.t.Helper()
	if err == nil {
		err = svc.Start(context.Background())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := svc.Stop(ctx); err != nil {
			s.t.Errorf("stop: %v", err)
		}
	})
}

func newSystem(t testing.TB, set setup) *system {
	t.Helper()
	s := &system{t: t, nats: bustest.Start(t), logs: &obstest.Log{}, sip: set.sip, secret: eslSecret}
	if set.secret != "" {
		s.secret = set.secret
	}
	if set.log == nil {
		set.log = slog.NewTextHandler(s.logs, &slog.HandlerOptions{Level: slog.LevelDebug})
	}
	if set.lines == nil {
		set.lines = scenarios.Lines
	}
	s.log = slog.New(set.log)
	s.reg = prometheus.NewRegistry()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", tail(s.logs, 60_000))
		}
	})
	s.bus = s.nats.Connect("system")
	s.openStore(set.dsn)

	if !set.noRecogniser {
		s.startEars(set)
	}
	tc := tts.Defaults()
	tc.Server.Listen, tc.Engine = "127.0.0.1:0", tts.EngineTone
	td := tts.Deps{Bus: s.bus, Log: s.log, Registry: s.reg}
	var (
		ttsService *tts.Service
		err        error
	)
	if set.mouth == nil {
		ttsService, err = tts.New(tc, td)
	} else {
		ttsService, err = tts.NewWithEngine(tc, td, set.mouth)
	}
	s.run(ttsService, err)
	mc := mediabridge.Defaults()
	mc.Listen, mc.ForkSecret = "127.0.0.1:0", forkSecret
	if _, measured := t.(*testing.B); !measured {
		mc.AnswerEndpoint = mc.Endpoint // a busy machine sends a line with a hole in it now and then
	}
	if set.bridge != nil {
		set.bridge(&mc)
	}
	s.bridge, err = mediabridge.New(mc, mediabridge.Deps{Bus: s.bus, Log: s.log, Registry: s.reg})
	s.run(s.bridge, err)
	var orders oms.Orders = s.store
	if set.orders != nil {
		orders = set.orders(s.store)
	}
	omsService, err := oms.New(oms.Defaults(), oms.Deps{Bus: s.bus, Orders: orders, Writes: s.store, Log: s.log, Registry: s.reg})
	s.run(omsService, err)
	if !set.noTicket {
		s.startTicket(set.ticket)
	}
	cc := console.Defaults()
	cc.Listen = "127.0.0.1:0"
	s.console, err = console.New(cc, console.Deps{Bus: s.bus, Records: s.store, Desk: s.store, Log: s.log, Registry: s.reg})
	s.run(s.console, err)
	if len(set.sockets) == 0 && s.sip == "" {
		set.sockets = []string{s.startOrchestrator(set.orchestrator)}
	}
	if s.sip != "" {
		return s
	}
	dc := devswitch.Defaults()
	dc.SIPListen, dc.EventSocketListen, dc.Secret = "127.0.0.1:0", "127.0.0.1:0", eslSecret
	dc.Sockets, dc.ForkStreaming, dc.TempDir = set.sockets, !set.file, t.TempDir()
	if set.devswitch != nil {
		set.devswitch(&dc)
	}
	s.sw, err = devswitch.New(dc, devswitch.Deps{Log: s.log, Registerer: s.reg})
	s.run(s.sw, err)
	s.sip = s.sw.SIPAddr()
	return s
}

// startEars starts a recognition worker in this process.
func (s *system) startEars(set setup) {
	s.t.Helper()
	cfg, deps := asr.Defaults(), asr.Deps{Bus: s.bus, Log: s.log, Registry: s.reg, Lines: set.lines}
	cfg.Engine, cfg.Server.Listen = asr.EngineScripted, "127.0.0.1:0"
	if set.asr != nil {
		set.asr(&cfg)
	}
	if set.ears != nil {
		svc, err := asr.NewWithEngine(cfg, deps, set.ears)
		s.run(svc, err)
		return
	}
	svc, err := asr.New(cfg, deps)
	s.run(svc, err)
}

func (s *system) openStore(dsn string) {
	s.t.Helper()
	sc := store.Defaults()
	sc.DSN = config.Secret("sqlite:" + filepath.Join(s.t.TempDir(), "e2e.db"))
	if dsn != "" {
		sc.DSN = config.Secret(dsn)
	}
	st, err := store.Open(s.t.Context(), sc, store.Deps{Log: s.log, Registry: s.reg, Vault: storetest.Vault(s.t)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.store = st
	s.t.Cleanup(func() { _ = st.Close() })
	if err := st.Seed(s.t.Context(), time.Now()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *system) startTicket(with func(*ticket.Deps)) *ticket.Service {
	s.t.Helper()
	deps := ticket.Deps{Bus: s.bus, Tickets: s.store, Log: s.log, Registry: prometheus.NewRegistry()}
	if with != nil {
		with(&deps)
	}
	svc, err := ticket.New(ticket.Defaults(), deps)
	s.run(svc, err)
	return svc
}

func (s *system) startOrchestrator(with func(*orchestrator.Config)) string {
	s.t.Helper()
	oc := orchestrator.Defaults()
	oc.ESL.Listen, oc.ESL.Secret = "127.0.0.1:0", config.Secret(s.secret)
	oc.Fork.Bridges, oc.Fork.Secret = []string{s.bridge.URL()}, forkSecret
	oc.Spool.Dir = filepath.Join(s.t.TempDir(), "spool")
	oc.RecordURL = s.api() + "calls/"
	if with != nil {
		with(&oc)
	}
	svc, err := orchestrator.New(oc, orchestrator.Deps{Bus: s.bus, Log: s.log, Registry: prometheus.NewRegistry()})
	s.run(svc, err)
	return svc.Addr()
}

// process is an orchestrator of its own, to be killed.
type process struct {
	cmd  *exec.Cmd
	esl  string
	done chan struct{}
	logs *obstest.Log
}

// startProcess starts an orchestrator on esl, an address of package loopback.
func (s *system) startProcess(name, esl string) *process {
	s.t.Helper()
	ops := loopback.Address(s.t)
	p := &process{esl: esl, done: make(chan struct{}), logs: &obstest.Log{}}
	p.cmd = exec.Command(tidegate(s.t), "orchestrator",
		"--nats.url="+s.nats.URL(), "--ops.listen="+ops, "--log.level=debug", "--orchestrator.name="+name,
		"--orchestrator.esl.listen="+esl, "--orchestrator.fork.bridges="+s.bridge.URL(),
		"--orchestrator.spool.dir="+filepath.Join(s.t.TempDir(), name), "--orchestrator.record_url="+s.api()+"calls/")
	p.cmd.Env = append(os.Environ(), "TIDEGATE_ORCHESTRATOR_ESL_SECRET="+s.secret, "TIDEGATE_ORCHESTRATOR_FORK_SECRET="+forkSecret)
	p.cmd.Stderr = p.logs
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	s.t.Cleanup(func() {
		p.kill()
		if s.t.Failed() {
			s.t.Logf("log of %s:\n%s", name, tail(p.logs, 30_000))
		}
	})
	eventually(s.t, name+" is ready", func() bool {
		resp, err := http.Get("http://" + ops + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	http.DefaultClient.CloseIdleConnections()
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

func (s *system) api() string { return "http://" + s.console.Addr() + "/api/v1/" }

func (s *system) target() string { return "sip:" + s.sip }

// call runs a scenario to its end and checks its expectations.
func (s *system) call(name string, edit func(*scenarios.Scenario), onEvent func(caller.Event)) caller.Result {
	s.t.Helper()
	still := watch()
	res, err := s.place(name, edit, onEvent)
	stood := still()
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	if !res.OK && stood > standstill {
		s.t.Skipf("%s: the machine stood still for %s in the middle of the call: %q", name, stood, res.Failures)
	}
	if !res.OK {
		b, _ := json.MarshalIndent(res, "", " ")
		s.t.Errorf("%s: %s\nrecord: %s", name, b, s.get("calls/"+res.CallID))
	}
	return res
}

// place runs a scenario to its end.
func (s *system) place(name string, edit func(*scenarios.Scenario), onEvent func(caller.Event)) (caller.Result, error) {
	s.t.Helper()
	sc, err := scenarios.Load(name)
	if err != nil {
		s.t.Fatal(err)
	}
	// Times are for benchmarks: a test machine may be slow.
	sc.Expect.AnsweredWithin, sc.Expect.FirstPromptWithin, sc.Expect.TurnLatencyP95 = 0, 0, 0
	if edit != nil {
		edit(&sc)
	}
	engine := s.voice
	if engine == nil {
		if engine, err = tts.NewEngine(tts.Config{Engine: tts.EngineTone}); err != nil {
			s.t.Fatal(err)
		}
		defer func() { _ = engine.Close() }()
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 4*time.Minute)
	defer cancel()
	return caller.Run(ctx, caller.Options{
		Target: s.target(), Scenario: sc, Engine: engine, Ears: s.hearing, APIURL: strings.TrimSuffix(s.api(), "/api/v1/"), Log: s.log, OnEvent: onEvent,
		RecordPath: filepath.Join(s.t.TempDir(), "call.wav"), RecordTimeout: time.Minute,
	})
}

func (s *system) get(path string) string {
	s.t.Helper()
	resp, err := http.Get(s.api() + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close(); http.DefaultClient.CloseIdleConnections() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

// tickets counts the tickets of a call in the API.
func (s *system) tickets(callID string) int {
	s.t.Helper()
	var list struct {
		Tickets []json.RawMessage `json:"tickets"`
	}
	if err := json.Unmarshal([]byte(s.get("tickets?call_id="+callID)), &list); err != nil {
		s.t.Fatal(err)
	}
	return len(list.Tickets)
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	eventuallyIn(t, 60*time.Second, what, ok)
}

// wholeCall is more than any call of a test takes: what is said in it takes
// the time it takes to say.
const wholeCall = 3 * time.Minute

func eventuallyIn(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// tail is the end of a log, for a failing test to show.
func tail(l *obstest.Log, n int) string {
	s := l.String()
	return s[max(0, len(s)-n):]
}
