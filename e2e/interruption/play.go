package interruption

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/noise"
	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/schemas"
)

// Watch notes which calls' prompts the bridge cut.
type Watch struct {
	sub *bus.Subscription
	mu  sync.Mutex
	cut map[string]string // call id -> utterance
}

// NewWatch listens to a bridge's events on the bus.
func NewWatch(b *bus.Bus) (*Watch, error) {
	w := &Watch{cut: map[string]string{}}
	var err error
	w.sub, err = b.Subscribe(schemas.SubjectMediaEvent("*"), "", func(m bus.Message) {
		if e, ok := m.Data.(*schemas.MediaSpeechStarted); ok && e.Interrupted != "" {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.cut[e.CallID] = e.Interrupted
		}
	})
	return w, err
}

// Cut tells whether a prompt of a call was cut.
func (w *Watch) Cut(call string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut[call] != ""
}

// Close ends the subscription.
func (w *Watch) Close() error { return w.sub.Unsubscribe() }

// into is how long after the agent's first sound a sound is played.
const into = 2500 * time.Millisecond

// stay is how long the caller stays after it, where Options does not say.
const stay = 3 * time.Second

// Options of one call. The agent speaks by the flow of WriteFlow.
type Options struct {
	Caller caller.Options // target, API and the like; its scenario is made here
	Watch  *Watch
	Dir    string // for files
	From   string // calling number
	To     string // called number, one for each call that is placed at a time
	Stay   time.Duration
}

// Outcome is what a sound brought about.
type Outcome struct {
	Sound Sound
	Cut   bool
	// Stopped is from the sound's first packet to the agent's last sound, at
	// the caller's RTP; of a cut only.
	Stopped time.Duration
	Record  *caller.Record
}

// ErrCall is wrapped when the call did not go as it has to for a measure.
var ErrCall = errors.New("interruption")

// Play places a call, plays a sound into the long prompt, and tells what came
// of it.
func Play(ctx context.Context, o Options, s Sound) (Outcome, error) {
	out := Outcome{Sound: s}
	sc, err := write(o, s)
	if err != nil {
		return out, err
	}
	o.Caller.Scenario, o.Caller.RecordPath = sc, filepath.Join(o.Dir, o.To+".call.wav")
	res, err := caller.Run(ctx, o.Caller)
	if err != nil {
		return out, fmt.Errorf("%w: %s: %w", ErrCall, s.Name, err)
	}
	if res.Record == nil || len(res.Failures) > 0 || len(res.Turns) == 0 {
		return out, fmt.Errorf("%w: %s: %q", ErrCall, s.Name, res.Failures)
	}
	out.Record, out.Cut = res.Record, o.Watch.Cut(res.CallID)
	if out.Cut {
		// The recording begins with the answer.
		out.Stopped, err = stopped(o.Caller.RecordPath, time.Duration(res.Turns[0].AtMS-*res.AnsweredMS)*time.Millisecond)
	}
	return out, err
}

// write makes the scenario's files.
func write(o Options, s Sound) (scenarios.Scenario, error) {
	name := o.To
	wav := filepath.Join(o.Dir, name+".wav")
	f, err := os.Create(wav)
	if err != nil {
		return scenarios.Scenario{}, err
	}
	if err := errors.Join(audio.WriteWAV(f, audio.WAV{Rate: noise.Rate, Channels: 1, Samples: s.PCM}), f.Close()); err != nil {
		return scenarios.Scenario{}, err
	}
	text := fmt.Sprintf(`from: %q
to: %q
timeout: 60s
caller:
  - wait: prompt_start
    after: %s
    play: %s
    interrupt: true
  - pause: %s
  - hangup: true
`, o.From, o.To, into, filepath.Base(wav), cmp.Or(o.Stay, stay))
	path := filepath.Join(o.Dir, name+".yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return scenarios.Scenario{}, err
	}
	return scenarios.Load(path)
}
