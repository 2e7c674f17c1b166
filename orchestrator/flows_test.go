package orchestrator

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/obs/obstest"
	"github.com/tidegate/tidegate/orchestrator/call"
	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

// flowFolder is the built-in flow in a folder of its own.
func flowFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, dialog.Shipped()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// rewrite replaces a text in one file of a flow.
func rewrite(t *testing.T, dir, file, old, replacement string) {
	t.Helper()
	name := filepath.Join(dir, file)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(old)) {
		t.Fatalf("%q is not in %s", old, file)
	}
	if err := os.WriteFile(name, bytes.ReplaceAll(data, []byte(old), []byte(replacement)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func version(v string) string { return `version: "` + v + `"` }

func open(t *testing.T, cfg Config) (*repertoire, *prometheus.Registry, *obstest.Log) {
	t.Helper()
	reg, out := prometheus.NewRegistry(), &obstest.Log{}
	build := func(f *dialog.Flow) *call.Machine {
		return &call.Machine{Flow: f, Config: cfg.call("me", f.Voice())}
	}
	r, err := newRepertoire(cfg, build, slog.New(slog.NewTextHandler(out, nil)), reg)
	if err != nil {
		t.Fatal(err)
	}
	return r, reg, out
}

func TestFlowByCalledNumber(t *testing.T) {
	brand, vip := flowFolder(t), flowFolder(t)
	rewrite(t, brand, "flow.yaml", "name: returns", "name: brand")
	rewrite(t, vip, "flow.yaml", "name: returns", "name: vip")
	cfg := Defaults()
	cfg.Flows = []string{"4008*=" + brand + "@brand-a", "400 800 1234 = " + vip + " ", "4009*=returns/zh-CN@b"}
	r, _, _ := open(t, cfg)
	for _, c := range []struct{ called, flow, tenant string }{
		{"4008001234", "vip", "default"}, {"+864008001234", "vip", "default"}, {"4008001235", "brand", "brand-a"},
		{"4009000000", "returns", "b"}, {"1000", "returns", "default"}, {"", "returns", "default"}, {"40080012345", "brand", "brand-a"},
	} {
		m, tenant := r.route(c.called)
		if m.Flow.Name() != c.flow || tenant != c.tenant {
			t.Errorf("%s: %s of %s, want %s of %s", c.called, m.Flow.Name(), tenant, c.flow, c.tenant)
		}
	}
	if n := len(r.machines()); n != 4 || r.machines()[0].Flow.Name() != "returns" {
		t.Errorf("%d machines, the first is %s", n, r.machines()[0].Flow.Name())
	}
}

func TestFlowsThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		flows []string
		want  string
	}{
		{[]string{"4008"}, "must be NUMBER=FLOW"}, {[]string{"=returns"}, "must be"}, {[]string{"*=returns"}, "must be"},
		{[]string{"40a=returns"}, "must be"}, {[]string{"400="}, "must be"}, {[]string{"400=returns@"}, "tenant"},
		{[]string{"400=returns", "4-00=returns"}, "twice"},
	} {
		cfg := Defaults()
		cfg.Flows = c.flows
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "flows: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.flows, err)
		}
	}
	cfg := Defaults()
	cfg.FlowReload = time.Millisecond
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "flow_reload") {
		t.Errorf("a reload every millisecond: %v", err)
	}
	cfg = Defaults()
	cfg.FlowDir, cfg.Flows = "no-such-flow", []string{"400=" + filepath.Join(t.TempDir(), "none")}
	_, err := newRepertoire(cfg, func(*dialog.Flow) *call.Machine { return nil }, slog.New(slog.DiscardHandler), nil)
	if !errors.Is(err, dialog.ErrNoFlow) || !strings.Contains(err.Error(), "flow_dir: ") || !strings.Contains(err.Error(), "flows: ") {
		t.Errorf("flows that there are not: %v", err)
	}
}

// TestReload: a change is loaded once it stays as it is, a bad one is refused,
// and calls keep what they began with.
func TestReload(t *testing.T) {
	dir := flowFolder(t)
	cfg := Defaults()
	cfg.FlowDir = dir
	r, reg, out := open(t, cfg)
	began, _ := r.route("1")
	old := began.Flow.Version()
	expect := func(version, loaded, refused string) {
		t.Helper()
		want := `# HELP tidegate_flow_info Flows that new calls are led by; always 1.
# TYPE tidegate_flow_info gauge
tidegate_flow_info{flow="returns/zh-CN",version="` + version + `"} 1
# HELP tidegate_flow_reloads_total Flows found changed on disk, by what came of it.
# TYPE tidegate_flow_reloads_total counter
tidegate_flow_reloads_total{result="loaded"} ` + loaded + `
tidegate_flow_reloads_total{result="refused"} ` + refused + "\n"
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
		if m, _ := r.route("1"); m.Flow.Version() != version {
			t.Errorf("new calls get %s, want %s", m.Flow.Version(), version)
		}
	}
	for range 2 {
		if r.look() {
			t.Error("nothing has changed")
		}
	}
	expect(old, "0", "0")
	rewrite(t, dir, "flow.yaml", version(old), version("2"))
	if r.look() {
		t.Error("loaded before the folder came to rest")
	}
	if !r.look() || r.look() {
		t.Error("a change is to be loaded once")
	}
	expect("2", "1", "0")
	rewrite(t, dir, "tasks.yaml", "say: chitchat_answer", "say: nothing_here_at_all")
	for range 3 {
		if r.look() {
			t.Error("a bad flow was loaded")
		}
	}
	expect("2", "1", "1")
	if !strings.Contains(out.String(), "tasks.yaml:") || !strings.Contains(out.String(), "nothing_here_at_all") {
		t.Errorf("the log does not say what is wrong: %s", out)
	}
	rewrite(t, dir, "tasks.yaml", "say: nothing_here_at_all", "say: chitchat_answer")
	rewrite(t, dir, "flow.yaml", "name: returns", "name: refunds")
	r.look()
	if r.look() {
		t.Error("a flow of another name was taken")
	}
	rewrite(t, dir, "flow.yaml", "name: refunds", "name: returns")
	rewrite(t, dir, "flow.yaml", version("2"), version("3"))
	r.look()
	if !r.look() {
		t.Error("the flow that is right again was not loaded")
	}
	expect("3", "2", "2")
	if began.Flow.Version() != old {
		t.Error("a call in progress has got another version")
	}
	// Conversations lead no calls, so they are no change.
	if err := os.WriteFile(filepath.Join(dir, dialog.ConversationsFolder, "new.yaml"), []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	rewrite(t, dir, "prompts.yaml", "录音", "录音了") // without a new version
	r.look()
	if !r.look() || !strings.Contains(out.String(), "but not its version") {
		t.Errorf("a change without a new version is to be told: %s", out)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	r.look()
	if r.look() {
		t.Error("a folder that is gone was loaded")
	}
	expect("3", "3", "3")
}

// TestResume: a call of another orchestrator goes on with its very version
// where it is known, with a later one that fits, or not at all.
func TestResume(t *testing.T) {
	dir := flowFolder(t)
	cfg := Defaults()
	cfg.FlowDir = dir
	r, _, out := open(t, cfg)
	m, _ := r.route("1")
	state := dialog.Begin(m.Flow, dialog.Start{CallID: "c"})
	state, _ = m.Flow.Advance(state, time.Now(), dialog.Started{})
	state, _ = m.Flow.Advance(state, time.Now(), dialog.Heard{Text: "我要退货，衣服太小了"})
	rewrite(t, dir, "flow.yaml", version(m.Flow.Version()), version("2"))
	r.look()
	r.look()
	if got, err := r.resume("1", state); err != nil || got != m {
		t.Errorf("the earlier version is kept: %v", err)
	}
	elsewhere := state
	elsewhere.FlowVersion = "1"
	got, err := r.resume("1", elsewhere)
	if err != nil || got.Flow.Version() != "2" || !strings.Contains(out.String(), "another version of its flow") {
		t.Errorf("a version that was never here: %v, %s", err, out)
	}
	for name, change := range map[string]func(*dialog.State){
		"question": func(s *dialog.State) { s.Question = "shoe_size" }, "task": func(s *dialog.State) { s.Suspended = []string{"sing"} },
		"slot":  func(s *dialog.State) { s.Slots = map[string]dialog.Slot{"colour": {Value: "red"}} },
		"value": func(s *dialog.State) { s.Slots = map[string]dialog.Slot{"reason": {Value: "astrology"}} },
		"flow":  func(s *dialog.State) { s.FlowName = "other" }, "language": func(s *dialog.State) { s.FlowLanguage = "fr-FR" },
	} {
		s := elsewhere
		change(&s)
		if _, err := r.resume("1", s); !errors.Is(err, ErrFlowGone) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	// A snapshot of before the language was kept.
	elsewhere.FlowLanguage = ""
	if _, err := r.resume("1", elsewhere); err != nil {
		t.Errorf("without a language: %v", err)
	}
}

// TestServiceReloads: the running service finds a change by itself, and tells
// the synthesis workers the new prompts.
func TestServiceReloads(t *testing.T) {
	server := bustest.Start(t)
	worker := server.Connect("tts")
	told := make(chan schemas.PromptsPrepare, 64)
	sub, err := worker.Subscribe(schemas.SubjectPromptsPrepare, "", func(m bus.Message) { told <- *m.Data.(*schemas.PromptsPrepare) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := worker.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	dir := flowFolder(t)
	s := start(t, server.Connect("orchestrator"), func(c *Config) { c.FlowDir, c.FlowReload = dir, 100*time.Millisecond })
	rewrite(t, dir, "flow.yaml", version(s.Flow().Version()), version("99"))
	deadline := time.After(20 * time.Second)
	for {
		select {
		case m := <-told:
			if m.Version == "99" {
				if s.Flow().Version() != "99" {
					t.Errorf("new calls get version %s", s.Flow().Version())
				}
				return
			}
		case <-deadline:
			t.Fatal("the new version was not told")
		}
	}
}
