//go:build cgo

package sherpa

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tidegate/tidegate/internal/speechdata"
)

func gtcrn(t testing.TB) DenoiserConfig {
	return DenoiserConfig{Kind: GTCRN, Model: speechdata.Path(t, "denoise", "gtcrn_simple.onnx")}
}

func hiss(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64() * 0.02)
	}
	return out
}

func decibels(pcm []float32) float64 {
	var sum float64
	for _, x := range pcm {
		sum += float64(x) * float64(x)
	}
	return 10 * math.Log10(sum/float64(len(pcm))+1e-12)
}

// As much sound comes out as went in, with less noise.
func TestDenoiser(t *testing.T) {
	d, err := NewDenoiser(gtcrn(t))
	if err != nil {
		t.Fatal(err)
	}
	if d.Rate() != Rate {
		t.Fatalf("rate %d", d.Rate())
	}
	in := hiss(2*Rate + 5)
	for range 2 { // the second after a reset
		var out []float32
		for rest := in; len(rest) > 0; {
			n := min(311, len(rest))
			out = append(out, d.Run(rest[:n])...)
			rest = rest[n:]
		}
		out = append(out, d.Flush()...)
		if len(out) != len(in) {
			t.Fatalf("%d samples of %d", len(out), len(in))
		}
		if less := decibels(in[Rate:]) - decibels(out[Rate:]); less < 10 {
			t.Errorf("%.1f dB less noise", less)
		}
		d.Reset()
	}
	if len(d.Run(nil)) != 0 {
		t.Error("sound out of none")
	}
	d.Close()
	d.Close()
}

func BenchmarkDenoiser(b *testing.B) {
	second := hiss(Rate)
	d, err := NewDenoiser(gtcrn(b))
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	for b.Loop() {
		d.Run(second)
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/s-of-sound")
}
