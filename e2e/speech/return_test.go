package speech

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tidegate/tidegate/e2e/caller"
)

// voices of callers: variants of espeak-ng that the built-in recogniser was
// not trained on.
var voices = []string{"m6", "f4", "klatt3"}

// right is the share of calls that have to end with the right ticket.
const right = 0.9

// TestReturnsAreRecognised: three voices ask for twenty returns in words of
// their own, and nine of ten calls end with the right ticket: of the right
// order, for the right reason.
//
// The test has the machine to itself: those that run in parallel come after.
func TestReturnsAreRecognised(t *testing.T) {
	p := start(t, "--orchestrator.rate=1.25")
	o := options(t, p)
	all, err := Phrasings()
	if err != nil {
		t.Fatal(err)
	}
	type outcome struct {
		name string
		res  caller.Result
		err  error
	}
	var outcomes []outcome
	var mu sync.Mutex
	var calls sync.WaitGroup
	pace := newPace(t)
	for i, phrasing := range all {
		for j, voice := range voices {
			calls.Go(func() {
				o := o
				o.Scenario = phrasing.Scenario(voice, fmt.Sprintf("4%d%02d", j, i))
				res, err := caller.Run(t.Context(), o)
				if err == nil {
					err = phrasing.Ticketed(res)
				}
				mu.Lock()
				defer mu.Unlock()
				outcomes = append(outcomes, outcome{phrasing.Name + " in the voice " + voice, res, err})
			})
			pace.next()
		}
	}
	calls.Wait()
	wrong := 0
	for _, o := range outcomes {
		if o.err != nil {
			wrong++
			t.Logf("%s: %v\n%s", o.name, o.err, conversation(o.res))
		}
	}
	t.Logf("%d of %d calls ended with the right ticket", len(outcomes)-wrong, len(outcomes))
	if float64(len(outcomes)-wrong) < right*float64(len(outcomes)) {
		t.Errorf("%d of %d calls did not end with the right ticket", wrong, len(outcomes))
	}
}

// conversation is what was said, and what was heard of it at either end.
func conversation(r caller.Result) string {
	var b strings.Builder
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "\t! %s\n", f)
	}
	for _, turn := range r.Turns {
		fmt.Fprintf(&b, "\tcaller heard %s\n\tcaller said  %s\n", turn.Heard, turn.Said)
	}
	if r.Record == nil {
		return b.String()
	}
	for _, turn := range r.Record.Turns {
		fmt.Fprintf(&b, "\trecord: %-6s %s\n", turn.Role, turn.Text)
	}
	return b.String()
}
