package e2e_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/tts"
)

// Melodies are sound of which every tenth of a second can be told from the
// next: what is lost, doubled or in the wrong place shows.
const (
	note       = 100 * time.Millisecond
	noteFirst  = 500.0 // Hz
	noteStep   = 100.0
	noteCount  = 16
	noteWindow = 10 * time.Millisecond
)

func hz(n int) float64 { return noteFirst + noteStep*float64(n) }

// melody is the n-th; no two neighbours in it are alike, nor are the last note
// of one and the first of the next.
func melody(n, notes int) []int {
	out := make([]int, notes)
	for i := range out {
		out[i] = (n*notes*7 + i*7 + n/2) % noteCount
	}
	return out
}

func play(notes []int) []int16 {
	var pcm []int16
	for _, n := range notes {
		pcm = append(pcm, audio.Tone(hz(n), note, 8000, 0.3)...)
	}
	return pcm
}

// heardNote is a note and how long it sounded, silence in between left out.
type heardNote struct {
	note   int
	length time.Duration
}

// notes reads a melody from sound, in windows of 10 ms by their spectrum. A
// window in which two notes meet is either.
func notes(pcm []int16) (out []heardNote, silent time.Duration) {
	size := audio.Samples(noteWindow, 8000)
	for ; len(pcm) >= size; pcm = pcm[size:] {
		if audio.DBFS(pcm[:size]) < -30 {
			silent += noteWindow
			continue
		}
		best, power := -1, 0.0
		for n := range noteCount {
			if p := audio.Power(pcm[:size], hz(n), 8000); p > power {
				best, power = n, p
			}
		}
		if len(out) > 0 && out[len(out)-1].note == best {
			out[len(out)-1].length += noteWindow
			continue
		}
		out = append(out, heardNote{best, noteWindow})
	}
	return out, silent
}

// lengthOf is how much of sound are notes.
func lengthOf(pcm []int16) (d time.Duration) {
	all, _ := notes(pcm)
	for _, n := range all {
		d += n.length
	}
	return d
}

// compareNotes says what differs from a melody; "" when every note was heard
// once, in its place, for its time.
func compareNotes(got []heardNote, want []int) string {
	var b strings.Builder
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(want):
			fmt.Fprintf(&b, "note %d: %d for %s after the end; ", i, got[i].note, got[i].length)
		case i >= len(got):
			fmt.Fprintf(&b, "note %d: %d is missing; ", i, want[i])
		case got[i].note != want[i]:
			fmt.Fprintf(&b, "note %d: %d for %s, not %d; ", i, got[i].note, got[i].length, want[i])
		case got[i].length < note-noteWindow || got[i].length > note+noteWindow:
			fmt.Fprintf(&b, "note %d: %d for %s; ", i, got[i].note, got[i].length)
		default:
			continue
		}
		if b.Len() > 600 {
			break
		}
	}
	return b.String()
}

// singer is a synthesiser that sings the melody whose number the text is, and
// hums anything else for a moment.
type singer struct{ notes int }

func (singer) Name() string                   { return "singer" }
func (singer) Capabilities() tts.Capabilities { return tts.Capabilities{SampleRates: []int{8000}} }
func (singer) Close() error                   { return nil }

func (s singer) Synthesize(_ context.Context, r tts.Request, emit tts.Emit) (tts.Result, error) {
	pcm := audio.Tone(150, 300*time.Millisecond, 8000, 0.02)
	if n, err := strconv.Atoi(r.Text); err == nil {
		pcm = play(melody(n, s.notes))
	}
	return tts.Result{Samples: len(pcm)}, emit(pcm)
}

// listener is a recogniser that keeps what it gets and understands nothing.
type listener struct {
	mu    sync.Mutex
	heard map[string][]int16 // by call
	ended map[string]int     // utterances
}

func newListener() *listener {
	return &listener{heard: map[string][]int16{}, ended: map[string]int{}}
}

func (*listener) Name() string                   { return "listener" }
func (*listener) Capabilities() asr.Capabilities { return asr.Capabilities{SampleRates: []int{8000}} }
func (*listener) Close() error                   { return nil }

func (l *listener) Start(_ context.Context, o asr.Options) (asr.Stream, error) {
	return &listening{l: l, call: o.CallID, events: make(chan asr.Event, 64)}, nil
}

func (l *listener) of(call string) (pcm []int16, ended int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(pcm, l.heard[call]...), l.ended[call]
}

type listening struct {
	l      *listener
	call   string
	events chan asr.Event
	once   sync.Once
}

func (s *listening) SpeechStart(int) error    { return nil }
func (s *listening) Hints([]string) error     { return nil }
func (s *listening) Events() <-chan asr.Event { return s.events }
func (s *listening) Close() error             { s.once.Do(func() { close(s.events) }); return nil }

func (s *listening) Audio(pcm []int16) error {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	s.l.heard[s.call] = append(s.l.heard[s.call], pcm...)
	return nil
}

func (s *listening) SpeechEnd(n int) error {
	s.l.mu.Lock()
	s.l.ended[s.call]++
	s.l.mu.Unlock()
	s.events <- asr.Event{Kind: asr.EventFinal, Utterance: n}
	return nil
}
