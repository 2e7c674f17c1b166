package asr

import (
	"log/slog"

	"github.com/tidegate/tidegate/internal/sherpa"
)

// frontEnd makes of a call's sound what a model of this process takes:
// numbers of -1 to 1 at sherpa.Rate, with less noise where that is wanted. It
// belongs to one goroutine.
type frontEnd struct {
	raise         *sherpa.Telephone // nil where sound has the rate already
	before, after *enhancer         // at the call's rate, or at sherpa.Rate
	in, raised    []float32
}

func newFrontEnd(rate int, d *denoisers, log *slog.Logger) *frontEnd {
	f := &frontEnd{after: newEnhancer(d, sherpa.Rate, log)}
	if rate == sherpa.TelephoneRate {
		f.raise = new(sherpa.Telephone)
		f.before = newEnhancer(d, sherpa.TelephoneRate, log)
	}
	return f
}

// begin starts an utterance.
func (f *frontEnd) begin() {
	f.before.begin()
	f.after.begin()
	if f.raise != nil {
		f.raise.Reset()
	}
}

// process appends to dst what is ready.
func (f *frontEnd) process(dst []float32, pcm []int16) []float32 {
	f.in = appendFloats(f.in[:0], pcm)
	if f.raise == nil {
		return f.after.process(dst, f.in)
	}
	f.raised = f.raise.Raise(f.raised[:0], f.before.process(nil, f.in))
	return f.after.process(dst, f.raised)
}

// finish appends the rest of the utterance.
func (f *frontEnd) finish(dst []float32) []float32 {
	if f.raise != nil {
		rest := append(f.before.finish(nil), make([]float32, sherpa.TelephoneDelay)...)
		f.raised = f.raise.Raise(f.raised[:0], rest)
		dst = f.after.process(dst, f.raised)
	}
	return f.after.finish(dst)
}

// release gives back what is lent for an utterance.
func (f *frontEnd) release() {
	f.before.release()
	f.after.release()
}

func appendFloats(dst []float32, pcm []int16) []float32 {
	for _, s := range pcm {
		dst = append(dst, float32(s)/32768)
	}
	return dst
}

func appendSamples(dst []int16, pcm []float32) []int16 {
	for _, x := range pcm {
		dst = append(dst, int16(max(-32768, min(32767, x*32768))))
	}
	return dst
}
