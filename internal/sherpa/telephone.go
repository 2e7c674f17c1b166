package sherpa

import "math"

// TelephoneRate is the sample rate in Hz of sound from the telephone.
const TelephoneRate = 8000

// Telephone raises sound from TelephoneRate to Rate by the filter that the
// library itself would use (kaldi's LinearResample: a sinc under a Hann
// window of six zero crossings, cut off at 99 % of the half rate). Models
// hear what they would hear from the library, which matters: above 4 kHz this
// short filter leaves images that a better one takes away, and a model that
// was trained or published with them recognises half as well without. The
// zero value is ready; it belongs to one stream.
type Telephone struct {
	history [2 * telephoneReach]float32 // the last inputs
	early   int                         // inputs before the first one that were passed over
	work    []float32
}

// telephoneReach is how many inputs before and after it an output needs.
const telephoneReach = 6

// TelephoneDelay is how many inputs Raise keeps back: as much silence brings
// them out.
const TelephoneDelay = telephoneReach

// Weights of the inputs from telephoneReach before an output to
// telephoneReach after it: for one that falls on an input, and for one that
// falls half an input later.
var telephoneOn, telephoneBetween = telephoneWeights(0), telephoneWeights(0.5)

func telephoneWeights(offset float64) (w [2*telephoneReach + 1]float32) {
	const cutoff = 0.99 * 0.5 // of the input's rate
	const width = telephoneReach / (2 * cutoff)
	for k := range w {
		t := float64(k-telephoneReach) - offset
		if math.Abs(t) >= width {
			continue
		}
		filter := 2 * cutoff
		if t != 0 {
			filter = math.Sin(2*math.Pi*cutoff*t) / (math.Pi * t)
		}
		w[k] = float32(filter * 0.5 * (1 + math.Cos(math.Pi*t/width)))
	}
	return w
}

// Raise appends two samples for each of pcm; those for the last
// TelephoneDelay of them come with the next.
func (t *Telephone) Raise(dst, pcm []float32) []float32 {
	t.work = append(append(t.work[:0], t.history[:]...), pcm...)
	skip := min(telephoneReach-t.early, len(pcm))
	t.early += skip
	for i := skip; i+2*telephoneReach < len(t.work); i++ {
		window := t.work[i : i+2*telephoneReach+1]
		var on, between float32
		for k, x := range window {
			on += x * telephoneOn[k]
			between += x * telephoneBetween[k]
		}
		dst = append(dst, on, between)
	}
	copy(t.history[:], t.work[len(t.work)-len(t.history):])
	return dst
}

// Reset forgets what came before.
func (t *Telephone) Reset() { t.history, t.early = [2 * telephoneReach]float32{}, 0 }
