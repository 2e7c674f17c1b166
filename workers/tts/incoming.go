package tts

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
)

// incoming makes of a sentence that comes in pieces, from a server, what
// every engine gives: silence shortened, the rate asked for, the common
// loudness. It holds nothing back but what it needs to know: silence, until
// there is sound after it, and, of a voice never heard before, the first
// moment. One gain holds for a whole sentence, so that it never pumps.
type incoming struct {
	ctx    context.Context
	rate   int // Hz of what comes
	out    int // Hz of what is given
	levels *levels
	voice  string  // key into levels
	extra  float64 // dB that the style adds
	emit   Emit

	odd       []byte
	pcm       []int16
	trim      trimmer
	resampler *audio.Resampler
	meter     meter
	gain      float64 // 0: not known yet
	ready     []int16 // resampled and not given
	came      int     // samples of rate
	given     int     // samples of out
}

// maxSentenceSound bounds the sound of one sentence of 120 characters.
const maxSentenceSound = 90 * time.Second

const (
	// firstLook is the sound from which the loudness of an unknown voice is
	// estimated.
	firstLook = 300 * time.Millisecond
	// leastPiece spares listeners from crumbs.
	leastPiece = 20 * time.Millisecond
)

func newIncoming(ctx context.Context, rate, out int, emit Emit) *incoming {
	return &incoming{
		ctx: ctx, rate: rate, out: out, emit: emit, resampler: audio.NewResampler(rate, out),
		trim: trimmer{lead: audio.Samples(leadSilence, rate), tail: audio.Samples(tailSilence, rate)}, meter: newMeter(out),
	}
}

// write takes the next bytes, of any number.
func (s *incoming) write(b []byte) error {
	if len(s.odd) == 1 && len(b) > 0 {
		s.pcm = audio.DecodeL16(s.pcm[:0], []byte{s.odd[0], b[0]})
		s.odd, b = s.odd[:0], b[1:]
	} else {
		s.pcm = s.pcm[:0]
	}
	s.pcm = audio.DecodeL16(s.pcm, b)
	if len(b)%2 == 1 {
		s.odd = append(s.odd[:0], b[len(b)-1])
	}
	if s.came += len(s.pcm); audio.Duration(s.came, s.rate) > maxSentenceSound {
		return fmt.Errorf("sound of a sentence is over %s", maxSentenceSound)
	}
	s.take(s.trim.process(s.pcm))
	return s.give(false)
}

// close takes the end of the sentence.
func (s *incoming) close() error {
	s.take(s.trim.flush())
	if s.meter.heard() {
		before := len(s.ready)
		s.ready = s.resampler.Flush(s.ready)
		s.meter.add(s.ready[before:])
	}
	if err := s.give(true); err != nil {
		return err
	}
	if level, ok := s.meter.level(); ok {
		s.levels.learn(s.voice, level)
	}
	return nil
}

func (s *incoming) take(pcm []int16) {
	if len(pcm) == 0 {
		return
	}
	before := len(s.ready)
	s.ready = s.resampler.Process(s.ready, pcm)
	s.meter.add(s.ready[before:])
}

// give passes on what is ready.
func (s *incoming) give(all bool) error {
	if s.gain == 0 && !s.choose(all) {
		return nil
	}
	if len(s.ready) == 0 || !all && len(s.ready) < audio.Samples(leastPiece, s.out) {
		return nil
	}
	if err := s.ctx.Err(); err != nil {
		return err
	}
	piece := make([]int16, len(s.ready)) // whoever gets it keeps it
	for i, v := range s.ready {
		piece[i] = int16(math.Round(32768 * softLimit(float64(v)/32768*s.gain)))
	}
	s.ready = s.ready[:0]
	s.given += len(piece)
	return s.emit(piece)
}

// choose sets the gain as soon as it can be known.
func (s *incoming) choose(all bool) bool {
	level, known := s.levels.of(s.voice)
	if !known {
		if !all && len(s.ready) < audio.Samples(firstLook, s.out) {
			return false
		}
		if level, known = s.meter.level(); !known {
			level = speechLevel // shorter than can be measured
		}
	}
	s.gain = math.Pow(10, (min(speechLevel-level, maxGain)+s.extra)/20)
	return true
}

// softLimit bends what is over the knee, so that it comes near the peak
// and never over it. x is a part of full scale.
func softLimit(x float64) float64 {
	const knee, peak = 0.6, speechPeak
	if a := math.Abs(x); a > knee {
		return math.Copysign(knee+(peak-knee)*math.Tanh((a-knee)/(peak-knee)), x)
	}
	return x
}

// levels remember how loud a server's voices are.
type levels struct {
	mu    sync.Mutex
	known map[string]float64 // dBFS of speech
}

// levelWeight is what the last sentence counts against all before.
const levelWeight = 0.3

func newLevels() *levels { return &levels{known: map[string]float64{}} }

func (l *levels) of(voice string) (float64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	level, ok := l.known[voice]
	return level, ok
}

func (l *levels) learn(voice string, level float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before, ok := l.known[voice]; ok {
		level = (1-levelWeight)*before + levelWeight*level
	}
	l.known[voice] = level
}

// meter measures the level of a sentence's voiced parts while it comes.
type meter struct {
	window int
	part   []int16
	rms    []float64
}

func newMeter(rate int) meter { return meter{window: max(1, audio.Samples(levelWindow, rate))} }

func (m *meter) add(pcm []int16) {
	for len(pcm) > 0 {
		n := min(m.window-len(m.part), len(pcm))
		m.part = append(m.part, pcm[:n]...)
		pcm = pcm[n:]
		if len(m.part) == m.window {
			m.rms = append(m.rms, audio.RMS(m.part))
			m.part = m.part[:0]
		}
	}
}

func (m *meter) heard() bool { return len(m.rms)+len(m.part) > 0 }

// level is in dBFS; ok is false when there was no whole window of sound.
func (m *meter) level() (float64, bool) {
	if len(m.rms) == 0 {
		return 0, false
	}
	loudest := slices.Max(m.rms)
	if loudest == 0 {
		return 0, false
	}
	gate := loudest * math.Pow(10, -gateBelow/20)
	var sum float64
	var windows int
	for _, r := range m.rms {
		if r > gate {
			sum += r * r
			windows++
		}
	}
	return 10 * math.Log10(sum/float64(windows)), true
}

// trimmer is trimSilence for sound that comes in pieces.
type trimmer struct {
	lead, tail int // samples of silence that stay
	began      bool
	silence    []int16 // not known yet to be within the sound
	out        []int16
}

// process gives the sound that is known to stay; it is valid until the next
// call.
func (t *trimmer) process(pcm []int16) []int16 {
	t.out = t.out[:0]
	for len(pcm) > 0 {
		n := slices.IndexFunc(pcm, isLoud)
		if n < 0 {
			n = len(pcm)
		}
		t.quiet(pcm[:n])
		if pcm = pcm[n:]; len(pcm) == 0 {
			break
		}
		if !t.began {
			t.began = true
			t.silence = t.silence[max(0, len(t.silence)-t.lead):]
		}
		t.out = append(t.out, t.silence...)
		t.silence = t.silence[:0]
		n = slices.IndexFunc(pcm, func(s int16) bool { return !isLoud(s) })
		if n < 0 {
			n = len(pcm)
		}
		t.out = append(t.out, pcm[:n]...)
		pcm = pcm[n:]
	}
	return t.out
}

// quiet takes silence. Within the sound, what is longer than the tail has
// to be kept whole, since more sound may follow; before it only the lead is.
func (t *trimmer) quiet(pcm []int16) {
	t.silence = append(t.silence, pcm...)
	if !t.began && len(t.silence) > 2*t.lead {
		t.silence = append(t.silence[:0], t.silence[len(t.silence)-t.lead:]...)
	}
}

// flush gives the silence that stays at the end.
func (t *trimmer) flush() []int16 {
	if !t.began {
		return nil
	}
	return t.silence[:min(len(t.silence), t.tail)]
}

func isLoud(s int16) bool { return s > silentBelow || s < -silentBelow }
