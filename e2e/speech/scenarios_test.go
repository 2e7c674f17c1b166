package speech

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/scenarios"
)

// attempts at a call whose caller says its lines one after the other, whatever
// it hears: on a busy machine a line may be cut in two, and such a caller does
// not say it again. Each attempt is at a shop of its own: a call may have
// changed it, such as by a cancelled order, before it went wrong.
const attempts = 2

// atOnce bounds the calls at the same time: each is heard by a recogniser, and
// those of callers who listen by two.
const atOnce = 5

// TestShippedScenarios: what `tidegate call` and the demonstration say is
// recognised, and the calls end as their scenarios say.
func TestShippedScenarios(t *testing.T) {
	t.Parallel()
	left := slices.DeleteFunc(scenarios.Names(), func(name string) bool {
		return name == "silence" || name == "hangup-early" // nothing is said that decides about them
	})
	for n := 0; n < attempts && len(left) > 0; n++ {
		left = placeAll(t, left)
	}
	for _, name := range left {
		t.Errorf("%s: not as its scenario says, %d times", name, attempts)
	}
}

// placeAll places calls to a program of their own and returns those that did
// not end as their scenarios say.
func placeAll(t *testing.T, names []string) (failed []string) {
	t.Helper()
	p := start(t, "--orchestrator.rate=1.2")
	o := options(t, p)
	room := make(chan struct{}, atOnce)
	var calls sync.WaitGroup
	var mu sync.Mutex
	for i, name := range names {
		calls.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			res, err := place(t, o, name, fmt.Sprintf("40%02d", i))
			if err == nil && res.OK {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			t.Logf("%s: %v\n%s", name, err, conversation(res))
			failed = append(failed, name)
		})
	}
	calls.Wait()
	return failed
}

func place(t *testing.T, o caller.Options, name, called string) (caller.Result, error) {
	sc, err := scenarios.Load(name)
	if err != nil {
		return caller.Result{}, err
	}
	sc.To = called
	// Times are for measurements: a test machine may be slow.
	sc.Expect.AnsweredWithin, sc.Expect.FirstPromptWithin, sc.Expect.TurnLatencyP95 = 0, 0, 0
	if sc.Listens() {
		sc.Expect.NotSaid = nil // who was not understood says it in other words
	}
	o.Scenario = sc
	return caller.Run(t.Context(), o)
}
