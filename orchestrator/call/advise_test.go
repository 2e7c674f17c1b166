package call

import (
	"log/slog"
	"testing"
	"time"

	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/orchestrator/llm"
	"github.com/tidegate/tidegate/orchestrator/llm/llmtest"
)

// TestAdvise: every question of a session is answered, over the protocol,
// whatever the server does.
func TestAdvise(t *testing.T) {
	const id = "c/consult/1"
	failed := dialog.ConsultFailed{ID: id}
	for name, c := range map[string]struct {
		kind  dialog.ConsultKind
		text  string
		fault llmtest.Fault
		off   bool
		want  []dialog.Input
	}{
		"a meaning":     {dialog.ConsultUnderstand, `{"intent":"return_request","answer":"none","slots":{}}`, llmtest.None, false, []dialog.Input{dialog.Consulted{ID: id, Intent: "return_request"}}},
		"no meaning":    {dialog.ConsultUnderstand, "", 500, false, []dialog.Input{failed}},
		"a hang":        {dialog.ConsultUnderstand, "", llmtest.Hang, false, []dialog.Input{failed}},
		"words":         {dialog.ConsultWord, "好。可以。", llmtest.None, false, []dialog.Input{dialog.Worded{ID: id, Sentence: "好。"}, dialog.Worded{ID: id, Sentence: "可以。"}, dialog.Worded{ID: id, Last: true}}},
		"broken words":  {dialog.ConsultWord, "好。可", llmtest.CutOff, false, []dialog.Input{dialog.Worded{ID: id, Sentence: "好。"}, failed}},
		"slow words":    {dialog.ConsultWord, "", llmtest.Drip, false, []dialog.Input{failed}},
		"no model":      {dialog.ConsultWord, "", llmtest.None, true, []dialog.Input{failed}},
		"unknown kinds": {"dance", "", llmtest.None, false, []dialog.Input{failed}},
	} {
		t.Run(name, func(t *testing.T) {
			server := llmtest.Start(t, llmtest.Saying(c.text, c.fault))
			cfg := llm.Defaults()
			cfg.BaseURL, cfg.Model = server.URL(), "m"
			client, err := llm.New(cfg, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			ports := Ports{Adviser: client}
			if c.off {
				ports.Adviser = nil
			}
			m := machine()
			s := NewSession(m, m.Begin(Start{ID: "c"}, start), ports, slog.New(slog.DiscardHandler), NewMetrics(nil))
			defer s.cancel()
			budget := 20 * time.Second
			if c.fault == llmtest.Hang || c.fault == llmtest.Drip {
				budget = 200 * time.Millisecond
			}
			s.advise(Consult{Request: dialog.Consult{ID: id, Kind: c.kind, Text: "x", Intents: []dialog.Meaning{{Name: "return_request"}}}, Budget: budget})
			if len(s.inbox) != len(c.want) {
				t.Fatalf("%d events, want %d", len(s.inbox), len(c.want))
			}
			for _, want := range c.want {
				got := (<-s.inbox).(Consulted)
				if got.ID != id || !same(got.Answer, want) {
					t.Errorf("got %+v, want %+v", got, want)
				}
			}
		})
	}
}

func same(a, b dialog.Input) bool {
	x, meaning := a.(dialog.Consulted)
	if !meaning {
		return a == b
	}
	y, ok := b.(dialog.Consulted)
	return ok && x.ID == y.ID && x.Intent == y.Intent && x.Answer == y.Answer && len(x.Slots) == len(y.Slots)
}
