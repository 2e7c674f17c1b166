//go:build cgo

package asr

import (
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechdata"
	"github.com/tidegate/tidegate/internal/speechmodel"
)

func lenders(t testing.TB, mode string, keep float64) *denoisers {
	t.Helper()
	cfg := denoiseDefaults()
	cfg.Mode, cfg.Model, cfg.Keep = mode, speechdata.Denoiser(t), keep
	store := speechmodel.NewStore(speechmodel.Config{Dir: t.TempDir()})
	d, err := newDenoisers(cfg, store, newDenoiseMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d
}

// through puts an utterance through an enhancer in pieces of odd length.
func through(e *enhancer, pcm []float32) []float32 {
	e.begin()
	var out []float32
	for len(pcm) > 0 {
		n := min(317, len(pcm))
		out = e.process(out, pcm[:n])
		pcm = pcm[n:]
	}
	return e.finish(out)
}

func hiss(n int, dbfs float64) []float32 {
	r := rand.New(rand.NewPCG(3, 4))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64() * math.Pow(10, dbfs/20))
	}
	return out
}

func level(pcm []float32) float64 { return 10 * math.Log10(power(pcm)/float64(len(pcm))+1e-12) }

func TestEnhancerTakesNoiseAway(t *testing.T) {
	for name, make := range map[string]func(*denoisers) *enhancer{
		"at the model's rate": func(d *denoisers) *enhancer { return newEnhancer(d, sherpa.Rate, d.log()) },
		"telephone":           func(d *denoisers) *enhancer { return newConvertingEnhancer(d, sherpa.TelephoneRate, d.log()) },
	} {
		d := lenders(t, DenoiseAlways, 0.1)
		e := make(d)
		for _, n := range []int{3 * e.rate, e.rate + 17, 100, 1, 0} {
			in := hiss(n, -35)
			out := through(e, in)
			if len(out) != len(in) {
				t.Fatalf("%s: %d samples of %d", name, len(out), len(in))
			}
			if n > 2*e.rate {
				if less := level(in[e.rate:]) - level(out[e.rate:]); less < 10 {
					t.Errorf("%s: noise is %.1f dB less", name, less)
				}
			}
		}
		if len(d.idle) != 1 {
			t.Errorf("%s: %d models for one call after another", name, len(d.idle))
		}
	}
}

func (d *denoisers) log() *slog.Logger { return slog.New(slog.DiscardHandler) }

// In a quiet call sound goes through untouched.
func TestEnhancerLeavesQuietCallsAlone(t *testing.T) {
	d := lenders(t, DenoiseAuto, 0.2)
	e := newEnhancer(d, sherpa.Rate, d.log())
	speech := floatsOf(audio.Tone(300, 1e9, sherpa.Rate, 0.3))
	quiet := slices.Concat(make([]float32, sherpa.Rate/3), speech)
	if out := through(e, quiet); !slices.Equal(out, quiet) {
		t.Error("a quiet utterance was changed")
	}
	noisy := slices.Concat(hiss(sherpa.Rate/3, -35), speech)
	for i, x := range hiss(len(noisy), -35) {
		noisy[i] += x
	}
	for range 6 { // the call becomes noisy, and the floor follows
		through(e, noisy)
	}
	if got := testutil.ToFloat64(d.metrics.utterances.WithLabelValues(denoiseOn)); got < 4 {
		t.Errorf("%v of 6 noisy utterances were denoised", got)
	}
	if got := testutil.ToFloat64(d.metrics.utterances.WithLabelValues(denoiseQuiet)); got < 1 {
		t.Errorf("%v quiet utterances", got)
	}
	if testutil.ToFloat64(d.metrics.seconds) <= 0 || testutil.ToFloat64(d.metrics.audio) <= 0 {
		t.Error("the cost is not counted")
	}
}

func TestDenoisingModels(t *testing.T) {
	store := speechmodel.NewStore(speechmodel.Config{Dir: t.TempDir()})
	discard := slog.New(slog.DiscardHandler)
	open := func(mode, model string) (*denoisers, error) {
		cfg := denoiseDefaults()
		cfg.Mode, cfg.Model = mode, model
		return newDenoisers(cfg, store, newDenoiseMetrics(prometheus.NewRegistry()), discard)
	}
	if d, err := open(DenoiseOff, "gtcrn_simple"); d != nil || err != nil {
		t.Errorf("off: %v, %v", d, err)
	}
	if d, err := open(DenoiseAuto, "gtcrn_simple"); d != nil || err != nil {
		t.Errorf("auto without the model: %v, %v", d, err)
	}
	if _, err := open(DenoiseAlways, "gtcrn_simple"); !errors.Is(err, speechmodel.ErrNotInstalled) {
		t.Errorf("always without the model: %v", err)
	}
	if _, err := open(DenoiseAuto, speechdata.VAD(t)); err == nil {
		t.Error("a model for voice activity is taken")
	}
	if newEnhancer(lenders(t, DenoiseAlways, 0), sherpa.TelephoneRate, discard) != nil {
		t.Error("a model for 16 kHz gets telephone sound")
	}
}

func TestNoiseFloor(t *testing.T) {
	f := newNoiseFloor(8000)
	if _, ok := f.level(); ok {
		t.Error("a floor before there was sound")
	}
	f.add(hiss(2400, -60))
	f.add(floatsOf(audio.Tone(300, 2e9, 8000, 0.5)))
	if got, ok := f.level(); !ok || math.Abs(got+60) > 2 {
		t.Errorf("floor of speech after noise of -60: %.1f", got)
	}
	f.add(hiss(8000*5, -40))
	if got, _ := f.level(); math.Abs(got+40) > 2 {
		t.Errorf("floor of 5 s of noise of -40: %.1f", got)
	}
	f.add(make([]float32, 8000*5))
	if got, _ := f.level(); got != silentLevel {
		t.Errorf("floor of digital silence: %.1f", got)
	}
}

func BenchmarkDenoise(b *testing.B) {
	for _, rate := range []int{sherpa.TelephoneRate, sherpa.Rate} {
		b.Run(map[int]string{sherpa.TelephoneRate: "8kHz", sherpa.Rate: "16kHz"}[rate], func(b *testing.B) {
			front := newFrontEnd(rate, lenders(b, DenoiseAlways, 0.2), slog.New(slog.DiscardHandler))
			second := appendSamples(nil, hiss(rate, -40))
			front.begin()
			var out []float32
			for b.Loop() {
				for frame := range slices.Chunk(second, rate/50) {
					out = front.process(out[:0], frame)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/s-of-sound")
		})
	}
}
