package e2e_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/internal/loopback"
	"github.com/tidegate/tidegate/internal/obs/obstest"
	"github.com/tidegate/tidegate/orchestrator"
	"github.com/tidegate/tidegate/workers/asr"
)

// recogniser is a recognition worker that is a process of its own, to be
// killed.
type recogniser struct {
	*process
	ops string
}

func (s *system) startRecogniser(name string) *recogniser {
	s.t.Helper()
	r := &recogniser{process: &process{done: make(chan struct{}), logs: &obstest.Log{}}, ops: loopback.Address(s.t)}
	r.cmd = exec.Command(tidegate(s.t), "worker", "asr", "--nats.url="+s.nats.URL(), "--ops.listen="+r.ops,
		"--asr.engine=scripted", "--asr.server.listen=127.0.0.1:0", "--log.level=debug")
	r.cmd.Stderr = r.logs
	if err := r.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { _ = r.cmd.Wait(); close(r.done) }()
	s.t.Cleanup(func() {
		r.kill()
		if s.t.Failed() {
			s.t.Logf("log of %s:\n%s", name, tail(r.logs, 20_000))
		}
	})
	eventually(s.t, name+" is ready", func() bool { _, ok := r.get("readyz"); return ok })
	return r
}

// get reads a page of the worker's operators' address.
func (r *recogniser) get(page string) (string, bool) {
	resp, err := http.Get("http://" + r.ops + "/" + page)
	if err != nil {
		return "", false
	}
	defer func() { _ = resp.Body.Close(); http.DefaultClient.CloseIdleConnections() }()
	b, err := io.ReadAll(resp.Body)
	return string(b), err == nil && resp.StatusCode == http.StatusOK
}

// hasCall says whether a call is connected to the worker.
func (r *recogniser) hasCall() bool {
	page, ok := r.get("metrics")
	return ok && strings.Contains(page, `tidegate_asr_slots_in_use{state="connected"} 1`)
}

// TestRecogniserKilledInMidUtterance: of two recognisers the one that has the
// call is killed while the caller speaks, twice. The call does not notice.
func TestRecogniserKilledInMidUtterance(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setup{noRecogniser: true, orchestrator: patient})
	workers := []*recogniser{s.startRecogniser("first"), s.startRecogniser("second"), s.startRecogniser("third")}
	n, killed := 0, atomic.Int32{}
	res := s.call("return", nil, func(ev caller.Event) {
		if ev.Kind != caller.EventCallerSpeaks {
			return
		}
		if n++; n != 2 && n != 4 {
			return
		}
		go func() {
			time.Sleep(200 * time.Millisecond) // some of it is said
			for _, w := range workers {
				if w.hasCall() {
					w.kill()
					killed.Add(1)
					return
				}
			}
		}()
	})
	if k := killed.Load(); k != 2 {
		t.Errorf("%d recognisers were killed in the call", k)
	}
	if n := s.tickets(res.CallID); n != 1 {
		t.Errorf("%d tickets", n)
	}
	s.record(res.CallID).noneTwice(t)
	if got := s.metric("tidegate_mediabridge_speech_links_lost_total", "asr"); got != 2 {
		t.Errorf("%v links lost", got)
	}
	if got := s.metric("tidegate_mediabridge_unrecognised_total", ""); got != 0 {
		t.Errorf("%v utterances unrecognised", got)
	}
}

// metric is a counter's value in the system's registry.
func (s *system) metric(name, label string) float64 { return metricOf(s.t, s.reg, name, label) }

func metricOf(t testing.TB, reg *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if label == "" || m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("no metric %s %s", name, label)
	return 0
}

// newRecogniser is a recognition worker in this process that is not started.
func (s *system) newRecogniser(change func(*asr.Config)) (*asr.Service, *prometheus.Registry) {
	s.t.Helper()
	c := asr.Defaults()
	c.Engine, c.Server.Listen = asr.EngineScripted, "127.0.0.1:0"
	if change != nil {
		change(&c)
	}
	reg := prometheus.NewRegistry()
	svc, err := asr.New(c, asr.Deps{Bus: s.bus, Log: s.log, Registry: reg, Lines: scenarios.Lines})
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
	return svc, reg
}

// patient lets the order system of a busy machine answer in the end: without
// its answer the conversation is another one.
func patient(c *orchestrator.Config) { c.Limits.Lookup = 30 * time.Second }

// scenario writes a scenario of this test's own.
func scenario(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name+".yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const keypadScenario = `
name: keypad
description: The recognisers go away after the first sentence and come back before the last question.
from: "13800138001"
to: "4008"
timeout: 180s
caller:
  - wait: prompt_end
  - say: 你好我要退货
  - wait: prompt_end
    silence: 2500ms
  - digits: "1"
  - wait: prompt_end
    silence: 1500ms
  - digits: "1"
  - wait: prompt_end
    silence: 1500ms
  - digits: "1"
  - wait: prompt_end
    silence: 3s
  - say: 收到了
  - wait: prompt_end
  - say: 不用了
  - wait: prompt_end
  - say: 对没问题
  - wait: prompt_end
    silence: 2s
  - say: 没有了谢谢
  - wait: hangup
expect:
  outcome: ticket_opened
  ticket: true
  order: "20261112003378"
  slots: {reason: wrong_size, received: "yes"}
  ended_by: agent
  said: [用电话按键回答, "不是，请按二", 尺码不合适按一, 您可以直接说, 货您已经收到了吗]
  not_said: [没听明白, 还没听清]
`

// TestRecognisersGoneAndBack: without a recogniser the call goes on by keypad
// and, when there is one again, by voice; the ticket is the same.
func TestRecognisersGoneAndBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := scenario(t, dir, "keypad", keypadScenario)
	s := newSystem(t, setup{noRecogniser: true, orchestrator: patient})
	scripts := func(c *asr.Config) { c.ScenarioDir = dir }
	first, _ := s.newRecogniser(scripts)
	second, _ := s.newRecogniser(scripts)
	if err := first.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	said, keys := false, 0
	failed := make(chan error, 2)
	res := s.call(path, nil, func(ev caller.Event) {
		switch {
		case ev.Kind == caller.EventCallerSilent:
			said = true
		case ev.Kind == caller.EventAgentSpeaks && said && keys == 0:
			keys = -1 // the offer is being made
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
				defer cancel()
				failed <- first.Stop(ctx)
			}()
		case ev.Kind == caller.EventCallerKeys:
			keys--
		case ev.Kind == caller.EventAgentSpeaks && keys == -4:
			// Only once the question after the third key is being asked: a
			// key on its way would cut short what is said of the return.
			keys--
			go func() { failed <- second.Start(context.Background()) }()
		}
	})
	for range 2 {
		select {
		case err := <-failed:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the recognisers did not go and come back")
		}
	}
	if n := s.tickets(res.CallID); n != 1 {
		t.Errorf("%d tickets", n)
	}
}

const cantoneseScenario = `
name: cantonese
description: The caller asks for Cantonese and goes on in it.
from: "13800138001"
to: "4008"
timeout: 180s
caller:
  - wait: prompt_end
  - say: 可以说粤语吗
  - wait: prompt_end
    silence: 1500ms
  - say: 我想退货啦
  - wait: prompt_end
  - say: 系呀，就系羽绒服
  - wait: prompt_end
  - say: 太细啦着唔落
  - wait: prompt_end
  - say: 收到咗
  - wait: prompt_end
  - say: 唔使啦
  - wait: prompt_end
  - say: 啱
  - wait: prompt_end
    silence: 2s
  - say: 冇啦
  - wait: hangup
expect:
  outcome: ticket_opened
  ticket: true
  order: "20261112003378"
  slots: {reason: wrong_size, received: "yes"}
  ended_by: agent
  said: ["您请讲粤语", 您是想退]
  not_said: [没听明白, 还没听清, 只听得懂普通话]
`

// TestCallInCantonese: the wish brings the call to the recogniser for it.
func TestCallInCantonese(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := scenario(t, dir, "cantonese", cantoneseScenario)
	s := newSystem(t, setup{noRecogniser: true, orchestrator: func(c *orchestrator.Config) {
		patient(c)
		c.Dialects.Available = []string{"yue"}
	}})
	mandarin, heard := s.newRecogniser(func(c *asr.Config) { c.ScenarioDir = dir })
	cantonese, heardToo := s.newRecogniser(func(c *asr.Config) { c.ScenarioDir, c.Dialects, c.DialectsOnly = dir, []string{"yue"}, true })
	for _, w := range []*asr.Service{mandarin, cantonese} {
		if err := w.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	res := s.call(path, nil, nil)
	if n := s.tickets(res.CallID); n != 1 {
		t.Errorf("%d tickets", n)
	}
	const understood = "tidegate_asr_utterances_total"
	if n := metricOf(t, heardToo, understood, "understood"); n != 7 {
		t.Errorf("the recogniser for Cantonese understood %v sentences", n)
	}
	if n := metricOf(t, heard, understood, "understood"); n != 1 {
		t.Errorf("the one for Mandarin understood %v sentences", n)
	}
	if n := s.metric("tidegate_mediabridge_dialect_slots_total", "served"); n != 1 {
		t.Errorf("%v served", n)
	}
}
