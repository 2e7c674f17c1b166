package speech

import (
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/e2e/rehearsal"
	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// TestPhrasingsLeadToTheirTickets talks every phrasing through with nothing
// misheard: what it says, and when it takes itself to be asked, leads the
// shipped dialogue to the ticket.
func TestPhrasingsLeadToTheirTickets(t *testing.T) {
	all, err := Phrasings()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 20 {
		t.Errorf("%d phrasings", len(all))
	}
	flow, opened := dialog.Default(), map[string]bool{}
	for _, p := range all {
		t.Run(p.Name, func(t *testing.T) {
			opened[p.Says["open"][0]] = true
			c := rehearsal.Begin(flow, p.From, "4008", time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC))
			step, given, heard := p.Scenario("", "4008").Caller[0], map[int]int{}, strings.Join(c.Said, "")
			for turns := 0; !c.Ended && turns < 20; turns++ {
				i := step.Answer(heard)
				if i < 0 || len(step.Answers[i].Say) == 0 {
					t.Fatalf("nothing to say to %s", heard)
				}
				said := step.Answers[i].Words(given[i])
				given[i]++
				t.Logf("%s\n\t%s", heard, said)
				heard = strings.Join(c.Input(dialog.Heard{Text: said, Confidence: 0.9}), "")
			}
			if len(c.Tickets) != 1 || c.Tickets[0].OrderNumber != p.Order || c.Tickets[0].Reason != p.Reason || c.Tickets[0].Kind != "return" || !c.Tickets[0].Received {
				t.Errorf("tickets %+v", c.Tickets)
			}
		})
	}
	if len(opened) < len(all)-1 {
		t.Errorf("only %d openings in %d phrasings", len(opened), len(all))
	}
}
