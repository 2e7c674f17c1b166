//go:build cgo

package sherpa

import (
	"math"
	"slices"
	"testing"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/speechdata"
)

// Models hear through Telephone what they hear from the library's resampler.
func TestTelephoneIsTheLibrarysFilter(t *testing.T) {
	r := online(t, tiny(t))
	for _, line := range speechdata.Lines() {
		pcm := speechdata.Spoken(t, "klatt3", line, TelephoneRate)
		s, err := r.Stream(nil)
		if err != nil {
			t.Fatal(err)
		}
		s.impl.AcceptWaveform(TelephoneRate, floats(append(slices.Clone(pcm), audio.Silence(500e6, TelephoneRate)...)))
		s.Finish()
		for s.Ready() {
			s.Decode()
		}
		theirs, ours := s.Result(), hear(t, r, pcm)
		s.Close()
		if theirs.Text != ours.Text {
			t.Errorf("%q through the library's resampler, %q through ours", theirs.Text, ours.Text)
		}
		for i := range min(len(theirs.LogProbs), len(ours.LogProbs)) {
			if d := math.Abs(float64(theirs.LogProbs[i] - ours.LogProbs[i])); d > 0.01 {
				t.Errorf("%s: the probability of token %d differs by %.3f", line.Text, i, d)
				break
			}
		}
	}
}

func TestTelephoneRaisesTones(t *testing.T) {
	for _, hz := range []float64{200, 1000, 3000} {
		in := floats(audio.Tone(hz, 500e6, TelephoneRate, 0.5))
		var whole, pieces Telephone
		out := whole.Raise(nil, in)
		if len(out) != 2*(len(in)-TelephoneDelay) {
			t.Fatalf("%d samples of %d", len(out), len(in))
		}
		pcm := make([]int16, len(out))
		for i, x := range out {
			pcm[i] = int16(x * 32767)
		}
		if got := audio.DBFS(pcm[2000:6000]) - audio.DBFS(audio.Tone(hz, 500e6, Rate, 0.5)[2000:6000]); math.Abs(got) > 0.5 {
			t.Errorf("%g Hz is %.2f dB louder", hz, got)
		}
		if bin := audio.Peak(audio.Spectrum(pcm, Rate)); math.Abs(bin.Hz-hz) > 5 {
			t.Errorf("%g Hz came out as %g Hz", hz, bin.Hz)
		}
		var cut []float32
		for _, n := range []int{1, 7, 160, 3, 0} {
			cut, in = pieces.Raise(cut, in[:n]), in[n:]
		}
		if cut = pieces.Raise(cut, in); !slices.Equal(cut, out) {
			t.Error("in pieces it is another sound")
		}
	}
}

func BenchmarkTelephone(b *testing.B) {
	var t Telephone
	frame := floats(audio.Tone(440, 20e6, TelephoneRate, 0.3))
	dst := make([]float32, 0, 2*len(frame))
	b.ReportAllocs()
	for b.Loop() {
		dst = t.Raise(dst[:0], frame)
	}
}
