package caller

import (
	"context"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/workers/asr"
)

// before is the sound ahead of the agent's first loud frame that belongs to
// its first word.
const before = 200 * time.Millisecond

// ears turn what the agent says into words. They belong to the line's
// goroutine.
type ears struct {
	stream asr.Stream
	n      int     // the present utterance, or the last
	open   bool    // speech that has not been asked for yet
	kept   []int16 // the last sound, as much as before
}

// newEars begins to listen to a call whose scenario asks for it; else there
// are none.
func newEars(ctx context.Context, o Options) (*ears, error) {
	s := o.Scenario
	if !s.Listens() {
		return nil, nil
	}
	var phrases []string
	for _, step := range s.Caller {
		for _, a := range step.Answers {
			phrases = append(phrases, a.Asked...)
		}
	}
	stream, err := o.Ears.Start(ctx, asr.Options{
		CallID: "caller-" + s.Name, Language: s.Language, SampleRate: rate, Phrases: phrases, Scenario: s.Name,
	})
	if err != nil {
		return nil, err
	}
	return &ears{stream: stream}, nil
}

// frame takes what was received; speech says that the agent is speaking.
func (e *ears) frame(pcm []int16, speech bool) error {
	if e == nil {
		return nil
	}
	if !e.open {
		e.kept = append(e.kept, pcm...)
		e.kept = e.kept[max(0, len(e.kept)-audio.Samples(before, rate)):]
		if !speech {
			return nil
		}
		e.n++
		if err := e.stream.SpeechStart(e.n); err != nil {
			return err
		}
		pcm, e.open = e.kept, true
	}
	err := e.stream.Audio(pcm)
	e.kept = e.kept[:0]
	return err
}

// words asks for the words of the speech so far; false: there was none.
func (e *ears) words() (bool, error) {
	if e == nil || !e.open {
		return false, nil
	}
	e.open = false
	return true, e.stream.SpeechEnd(e.n)
}

// events are the recogniser's; nil, which never yields, without ears.
func (e *ears) events() <-chan asr.Event {
	if e == nil {
		return nil
	}
	return e.stream.Events()
}

// close ends the stream, whose events have to be read until it has.
func (e *ears) close() error {
	if e == nil {
		return nil
	}
	var rest sync.WaitGroup
	rest.Go(func() {
		for range e.stream.Events() {
		}
	})
	err := e.stream.Close()
	rest.Wait()
	return err
}
