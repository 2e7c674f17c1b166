package caller_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/workers/asr"
)

// ears hear lines one after the other, whatever is said.
func ears(t *testing.T, lines ...string) asr.Engine {
	t.Helper()
	cfg := asr.Defaults()
	cfg.Engine, cfg.Scripted.PartialEvery = asr.EngineScripted, 0
	e, err := asr.NewEngine(cfg, asr.Deps{Lines: func(string) ([]string, error) { return lines, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// TestAnswers: the caller answers what it hears, in the order in which it is
// asked, says its last line again when it heard no question, and waits where
// there is nothing to say.
func TestAnswers(t *testing.T) {
	var heard atomic.Int32
	target := answer(t, func(a *agent) {
		// One prompt after the other, each when the caller has understood the
		// one before and said what there was to say.
		for n, turns := range []int{0, 1, 2, 3, 3, 4} {
			a.prompt(400*time.Millisecond, nil)
			if !a.until("understanding", func() bool { return int(heard.Load()) > n }) || !a.turn(turns) {
				return
			}
		}
		a.prompt(400*time.Millisecond, nil) // goodbye
		a.hangup()
	})
	o := records(t, map[string]any{"outcome": "ticket_opened", "turns": []map[string]any{}})
	r, err := run(t, caller.Options{
		Target: "sip:" + target, APIURL: o.URL,
		Ears: ears(t, "您好", "请问有什么可以帮您", "货零已经收到了吗", "不好意思还没听清", "好的我啥一下", "因是什么原因要退了", "再见"),
		OnEvent: func(e caller.Event) {
			if e.Kind == caller.EventCallerHears {
				heard.Add(1)
			}
		},
		Scenario: scenario(t, `
caller:
  - silence: 500ms
    answers:
      - {asked: 是什么原因, say: 太小了}
      - {asked: [收到货了吗, 您已经收到了吗], say: [货拿到了, 收到了]}
      - {asked: 有什么可以帮您, say: 我要退货}
      - {asked: 我查一下}
expect:
  outcome: ticket_opened
  ended_by: agent
`),
	})
	if err != nil || !r.OK {
		t.Fatalf("%v: %q", err, r.Failures)
	}
	var said []string
	for _, turn := range r.Turns {
		said = append(said, turn.Heard+"→"+turn.Said)
	}
	want := "您好请问有什么可以帮您→我要退货 货零已经收到了吗→货拿到了 不好意思还没听清→收到了 因是什么原因要退了→太小了"
	if got := strings.Join(said, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnswersNeedEarsAndAnAgent(t *testing.T) {
	const text = `
caller:
  - timeout: 300ms
    answers: [{asked: 你好, say: 你好}]
`
	o := records(t, map[string]any{"outcome": "abandoned", "turns": []map[string]any{}})
	if _, err := run(t, caller.Options{Target: "sip:x@127.0.0.1:1", APIURL: o.URL, Scenario: scenario(t, text)}); err == nil || !strings.Contains(err.Error(), "no recogniser") {
		t.Errorf("without ears: %v", err)
	}
	target := answer(t, func(a *agent) { <-a.call.Done() })
	r, err := run(t, caller.Options{Target: "sip:" + target, APIURL: o.URL, Ears: ears(t), Scenario: scenario(t, text)})
	if err != nil || len(r.Failures) != 1 || !strings.Contains(r.Failures[0], "waited 300ms for something to answer in vain") || r.EndedBy != "caller" {
		t.Errorf("an agent who says nothing: %v, %q, ended by %s", err, r.Failures, r.EndedBy)
	}
}
