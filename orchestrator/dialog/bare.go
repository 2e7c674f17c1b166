package dialog

import (
	"time"

	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

// Understand reads a bare sentence, said without any question before it: its
// intent, further intents that it carries, best first, and slots. now is what
// its dates are reckoned from.
func (f *Flow) Understand(text string, now time.Time) (Understanding, []nlu.Scored) {
	s := Begin(f, Start{})
	t := &turn{f: f, s: &s, now: now.In(f.zone)}
	h := t.understand(text)
	return h.record(), h.intent.Ranked
}
