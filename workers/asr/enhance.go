package asr

import (
	"log/slog"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/sherpa"
)

// enhancer is the denoising of one call. An utterance waits in it until the
// noise is known (which its first fifth of a second tells), and then comes
// out as it went in, or denoised. Sound is -1 to 1, at one rate; of all that
// went in as much comes out, samples for samples.
type enhancer struct {
	from  *denoisers
	log   *slog.Logger
	rate  int // of what goes in and comes out
	floor *noiseFloor

	decided bool
	held    []float32 // of an utterance that is not decided
	lent    *sherpa.Denoiser
	dry     []float32  // the original of what the model has not given yet
	convert *converter // to the model's rate and back; nil where it is the call's
}

// decideAfter of an utterance, its noise is judged: the bridge's pre-roll is
// longer.
const decideAfter = 200 * time.Millisecond

// newEnhancer is nil, which denoises nothing, where there are no models or
// they are for another rate.
func newEnhancer(from *denoisers, rate int, log *slog.Logger) *enhancer {
	if from == nil || from.rate != rate {
		return nil
	}
	return &enhancer{from: from, log: log, rate: rate, floor: newNoiseFloor(rate)}
}

// newConvertingEnhancer is one that telephone sound goes through whatever the
// model's rate, and keeps its own.
func newConvertingEnhancer(from *denoisers, rate int, log *slog.Logger) *enhancer {
	if from == nil || rate != sherpa.TelephoneRate || from.rate != sherpa.Rate {
		return newEnhancer(from, rate, log)
	}
	return &enhancer{from: from, log: log, rate: rate, floor: newNoiseFloor(rate), convert: newConverter()}
}

// begin starts an utterance.
func (e *enhancer) begin() {
	if e == nil {
		return
	}
	e.release()
	e.decided, e.held = false, e.held[:0]
}

// process appends to dst what has become of pcm, and of sound before it.
func (e *enhancer) process(dst, pcm []float32) []float32 {
	if e == nil {
		return append(dst, pcm...)
	}
	e.floor.add(pcm)
	if e.decided {
		return e.run(dst, pcm)
	}
	e.held = append(e.held, pcm...)
	if time.Duration(len(e.held))*time.Second/time.Duration(e.rate) < decideAfter {
		return dst
	}
	return e.decide(dst)
}

// finish appends the rest of the utterance.
func (e *enhancer) finish(dst []float32) []float32 {
	if e == nil {
		return dst
	}
	if !e.decided {
		dst = e.decide(dst)
	}
	if e.lent != nil {
		dst = e.mix(dst, e.rest())
		// What the model did not give in the end goes in as it was.
		dst = append(dst, e.dry...)
		e.dry = e.dry[:0]
	}
	e.release()
	return dst
}

func (e *enhancer) decide(dst []float32) []float32 {
	e.decided = true
	m := e.from.metrics
	level, known := e.floor.level()
	if known {
		m.floor.Observe(level)
	}
	if e.from.cfg.Mode == DenoiseAlways || known && level > e.from.cfg.Level {
		lent, err := e.from.lend()
		if err != nil {
			m.utterances.WithLabelValues(denoiseFailing).Inc()
			e.log.Error("denoising model could not be loaded: the utterance keeps its noise", "error", err)
		} else {
			m.utterances.WithLabelValues(denoiseOn).Inc()
			e.lent = lent
		}
	} else {
		m.utterances.WithLabelValues(denoiseQuiet).Inc()
	}
	dst = e.run(dst, e.held)
	e.held = e.held[:0]
	return dst
}

func (e *enhancer) run(dst, pcm []float32) []float32 {
	if e.lent == nil {
		return append(dst, pcm...)
	}
	began := time.Now()
	e.dry = append(e.dry, pcm...)
	var wet []float32
	if e.convert == nil {
		wet = e.lent.Run(pcm)
	} else {
		wet = e.convert.lower(e.lent.Run(e.convert.raise(pcm)))
	}
	e.from.metrics.worked(time.Since(began), len(pcm), e.rate)
	return e.mix(dst, wet)
}

// rest is what the model still gives when the utterance has ended.
func (e *enhancer) rest() []float32 {
	if e.convert == nil {
		return e.lent.Flush()
	}
	tail := append(e.lent.Run(e.convert.raise(make([]float32, sherpa.TelephoneDelay))), e.lent.Flush()...)
	return append(e.convert.lower(tail), e.convert.flush()...)
}

// mix appends denoised sound with its share of the original, which the model
// gives sample for sample, later.
func (e *enhancer) mix(dst, wet []float32) []float32 {
	wet = wet[:min(len(wet), len(e.dry))]
	keep := float32(e.from.cfg.Keep)
	for i, w := range wet {
		dst = append(dst, (1-keep)*w+keep*e.dry[i])
	}
	e.dry = e.dry[:copy(e.dry, e.dry[len(wet):])]
	return dst
}

// release gives the model back; the call may go on.
func (e *enhancer) release() {
	if e == nil || e.lent == nil {
		return
	}
	e.from.back(e.lent)
	e.lent, e.dry = nil, e.dry[:0]
	if e.convert != nil {
		e.convert.reset()
	}
}

// converter raises telephone sound to a model's rate, and lowers what the
// model gives.
type converter struct {
	up   sherpa.Telephone
	down *audio.Resampler
}

func newConverter() *converter {
	return &converter{down: audio.NewResampler(sherpa.Rate, sherpa.TelephoneRate)}
}

func (c *converter) reset() {
	c.up.Reset()
	c.down.Reset()
}

func (c *converter) raise(pcm []float32) []float32 { return c.up.Raise(nil, pcm) }

func (c *converter) lower(pcm []float32) []float32 {
	return appendFloats(nil, c.down.Process(nil, appendSamples(nil, pcm)))
}

func (c *converter) flush() []float32 { return appendFloats(nil, c.down.Flush(nil)) }
