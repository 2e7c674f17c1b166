package caller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/workers/tts"
)

const (
	rate         = 8000 // samples a second on the line
	frameSamples = 160
	frameTime    = 20 * time.Millisecond
)

// Pauses inside a spoken line end it for a voice activity detector, so that
// they are cut to what none takes for an end. What is this quiet may be a
// pause to a detector whose noise floor has risen.
const (
	quietDBFS  = -40.0
	quietStep  = rate / 100 // samples of one measure, 10 ms
	longPause  = 200 * time.Millisecond
	shortPause = 120 * time.Millisecond
)

// utterance is what a step sends, in whole frames.
type utterance struct {
	pcm  []int16
	last int // frame that holds the last sound; -1: none does
}

func newUtterance(pcm []int16) utterance {
	u := utterance{pcm: pcm, last: -1}
	if over := len(pcm) % frameSamples; over > 0 {
		u.pcm = append(slices.Clone(pcm), make([]int16, frameSamples-over)...)
	}
	for i := range u.frames() {
		if audio.DBFS(u.frame(i)) >= loudDBFS {
			u.last = i
		}
	}
	return u
}

func (u utterance) frames() int         { return len(u.pcm) / frameSamples }
func (u utterance) frame(i int) []int16 { return u.pcm[i*frameSamples : (i+1)*frameSamples] }

// ErrSound is wrapped when the caller's lines cannot be made.
var ErrSound = errors.New("caller's speech")

// lineOf names what is said: a step's own line, or one of its answers in the
// words of the n-th time that it is given.
type lineOf struct{ step, answer, n int }

// ownLine is the answer of a step that has none.
const ownLine = -1

// prepare makes the sound of every line before the call is placed, so that no
// synthesis falls into a measured time.
func prepare(ctx context.Context, s scenarios.Scenario, engine tts.Engine) (map[lineOf]utterance, error) {
	out := make(map[lineOf]utterance)
	for i, step := range s.Caller {
		var pcm []int16
		var err error
		switch {
		case step.Play != "":
			pcm, err = load(s, step.Play)
		case step.Say != "":
			pcm, err = speak(ctx, s, step.Say, engine)
		case len(step.Answers) > 0:
			err = prepareAnswers(ctx, s, i, engine, out)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: item %d: %w", ErrSound, i+1, err)
		}
		if step.Speaks() {
			out[lineOf{i, ownLine, 0}] = newUtterance(pcm)
		}
	}
	return out, nil
}

func prepareAnswers(ctx context.Context, s scenarios.Scenario, step int, engine tts.Engine, out map[lineOf]utterance) error {
	for j, a := range s.Caller[step].Answers {
		for n, words := range a.Say {
			pcm, err := speak(ctx, s, words, engine)
			if err != nil {
				return fmt.Errorf("answer %d: %w", j+1, err)
			}
			out[lineOf{step, j, n}] = newUtterance(pcm)
		}
	}
	return nil
}

func load(s scenarios.Scenario, name string) ([]int16, error) {
	f, err := s.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	w, err := audio.ReadWAV(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return audio.Resample(w.Mono(), w.Rate, rate), nil
}

func speak(ctx context.Context, s scenarios.Scenario, text string, engine tts.Engine) ([]int16, error) {
	if engine == nil {
		return nil, errors.New("no speech engine")
	}
	can := engine.Capabilities()
	r := tts.Request{Text: text, Language: s.Language, Rate: s.Rate, SampleRate: rate}
	if can.HasVoice(s.Voice) { // a machine's engine may have other voices, or none
		r.Voice = s.Voice
	}
	if len(can.SampleRates) > 0 && !slices.Contains(can.SampleRates, rate) {
		r.SampleRate = can.SampleRates[0]
	}
	pcm, err := tts.Speak(ctx, engine, r)
	if err != nil {
		return nil, err
	}
	if pcm = tighten(audio.Resample(pcm, r.SampleRate, rate)); len(pcm) == 0 {
		return nil, fmt.Errorf("%q has no sound", text)
	}
	return pcm, nil
}

// tighten cuts the silence around speech, and long pauses in it. What is just
// before and after something loud belongs to it: a word may begin with a hiss
// that is no louder than a pause.
func tighten(pcm []int16) []int16 {
	half := audio.Samples(shortPause, rate) / 2
	var out []int16
	pause := 0 // where the present pause began in pcm
	for at := 0; at < len(pcm); at += quietStep {
		end := min(at+quietStep, len(pcm))
		if audio.DBFS(pcm[at:end]) < quietDBFS {
			continue
		}
		switch quiet := at - pause; {
		case len(out) == 0:
			out = append(out, pcm[max(0, at-half):at]...)
		case quiet > audio.Samples(longPause, rate):
			out = append(append(out, pcm[pause:pause+half]...), pcm[at-half:at]...)
		default:
			out = append(out, pcm[pause:at]...)
		}
		out = append(out, pcm[at:end]...)
		pause = end
	}
	if len(out) == 0 {
		return nil
	}
	return append(out, pcm[pause:min(len(pcm), pause+half)]...)
}
