package scenarios_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/e2e/rehearsal"
	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// TestDialogueAnswersTheScenarios holds lines and flow together: what a
// scenario says leads the shipped dialogue to what the scenario expects.
func TestDialogueAnswersTheScenarios(t *testing.T) {
	flow := dialog.Default()
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			s, err := scenarios.Load(name)
			if err != nil {
				t.Fatal(err)
			}
			c := rehearsal.Begin(flow, s.From, s.To, time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC))
			for _, step := range s.Caller {
				before := len(c.Said)
				switch {
				case step.Say != "":
					c.Input(dialog.Heard{Text: step.Say, Confidence: 0.95})
				case step.Digits != "":
					c.Input(dialog.Digits{Digits: step.Digits, Terminated: strings.HasSuffix(step.Digits, "#")})
				case len(step.Answers) > 0:
					answer(c, step)
				case step.Wait == scenarios.WaitHangup:
					c.Silence()
				}
				t.Logf("%s\n\t%s", step, strings.Join(c.Said[before:], "\n\t"))
			}
			check(t, c, s.Expect)
		})
	}
}

// answer talks a caller through who hears every word.
func answer(c *rehearsal.Conversation, step scenarios.Step) {
	given, heard := map[int]int{}, strings.Join(c.Said, "")
	for range 20 {
		i := step.Answer(heard)
		if c.Ended || i < 0 || len(step.Answers[i].Say) == 0 {
			return
		}
		heard = strings.Join(c.Input(dialog.Heard{Text: step.Answers[i].Words(given[i]), Confidence: 0.95}), "")
		given[i]++
	}
}

func check(t *testing.T, c *rehearsal.Conversation, e scenarios.Expect) {
	t.Helper()
	if got := c.Outcome(); got != e.Outcome {
		t.Errorf("outcome %q, want %q", got, e.Outcome)
	}
	if e.Intent != "" && c.Intent != e.Intent {
		t.Errorf("intent %q, want %q", c.Intent, e.Intent)
	}
	if n, want := len(c.Tickets), e.Ticket != nil && *e.Ticket; want != (n == 1) || n > 1 {
		t.Errorf("%d tickets", n)
	}
	for _, ticket := range c.Tickets {
		if e.TicketKind != "" && ticket.Kind != e.TicketKind {
			t.Errorf("ticket of kind %q, want %q", ticket.Kind, e.TicketKind)
		}
	}
	if (e.Outcome == "handed_off") != (c.Handed == 1) {
		t.Errorf("%d handoffs", c.Handed)
	}
	if e.EndedBy == scenarios.EndedByAgent && !c.Ended {
		t.Error("the agent does not hang up")
	}
	for slot, want := range e.Slots {
		if got := c.Slot(slot); got != want {
			t.Errorf("slot %s is %q, want %q", slot, got, want)
		}
	}
	heard := func(part string) bool {
		return slices.ContainsFunc(c.Said, func(s string) bool { return strings.Contains(s, part) })
	}
	for _, part := range e.Said {
		if !heard(part) {
			t.Errorf("never said %q", part)
		}
	}
	for _, part := range e.NotSaid {
		if heard(part) {
			t.Errorf("said %q", part)
		}
	}
}
