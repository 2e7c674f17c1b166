//go:build cgo

package speech_test

import (
	"fmt"
	"testing"

	"github.com/tidegate/tidegate/e2e/noise"
	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/speechdata"
	"github.com/tidegate/tidegate/internal/zhtext"
	"github.com/tidegate/tidegate/workers/asr"
)

// behind puts a place's noise behind lines, decibels below their speech, and
// sends both through a telephone line.
func behind(t testing.TB, lines []line, kind noise.Kind, decibels float64) []line {
	t.Helper()
	out := make([]line, len(lines))
	for i, l := range lines {
		place, err := noise.Make(kind, audio.Duration(len(l.pcm), rate), uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		half := make([]int16, len(l.pcm)) // so that nothing is clipped
		for k, s := range l.pcm {
			half[k] = s / 2
		}
		out[i] = line{l.text, noise.Telephone(noise.Mix(half, place, decibels))}
	}
	return out
}

// denoising is an engine whose denoising stage is in a mode.
func denoising(t testing.TB, mode string) asr.Engine {
	t.Helper()
	model := speechdata.Denoiser(t)
	return recogniser(t, func(c *asr.Config) { c.Denoise.Mode, c.Denoise.Model = mode, model })
}

// Denoising gives back words that noise took, and leaves calls without noise
// as they are.
func TestDenoisingGivesWordsBack(t *testing.T) {
	off, auto := denoising(t, asr.DenoiseOff), denoising(t, asr.DenoiseAuto)
	clean := evaluation(t, 10)
	plain := wrong(t, off, clean)
	if got := wrong(t, auto, clean); got != plain {
		t.Errorf("clean calls: %+v, without denoising %+v", got, plain)
	}
	for _, tt := range []struct {
		kind     noise.Kind
		decibels float64
		most     float64 // of what is wrong without denoising
	}{{noise.Car, 15, 0.8}, {noise.Street, 15, 0.8}, {noise.Cafe, 15, 0.8}} {
		noisy := behind(t, clean, tt.kind, tt.decibels)
		before, after := wrong(t, off, noisy), wrong(t, auto, noisy)
		t.Logf("%s, %g dB below speech: %.1f %% of characters wrong, %.1f %% after denoising (clean: %.1f %%)",
			tt.kind, tt.decibels, 100*before.Rate(), 100*after.Rate(), 100*plain.Rate())
		if after.Rate() > tt.most*before.Rate() {
			t.Errorf("%s: %.1f %% wrong, %.1f %% after denoising", tt.kind, 100*before.Rate(), 100*after.Rate())
		}
	}
}

// BenchmarkNoise is the table of docs/speech.md: characters wrong by kind of
// noise, its distance to the speech, and what is done about it: nothing, the
// stage as it comes, or all of the enhanced sound and nothing of the original.
func BenchmarkNoise(b *testing.B) {
	clean := evaluation(b, 3)
	model := speechdata.Denoiser(b)
	compare := func(name string, lines []line) {
		for _, way := range []struct {
			name string
			set  func(*asr.DenoiseConfig)
		}{
			{"off", func(c *asr.DenoiseConfig) { c.Mode = asr.DenoiseOff }},
			{"on", func(c *asr.DenoiseConfig) { c.Mode, c.Model = asr.DenoiseAlways, model }},
			{"pure", func(c *asr.DenoiseConfig) { c.Mode, c.Model, c.Keep = asr.DenoiseAlways, model, 0 }},
		} {
			b.Run(name+"/"+way.name, func(b *testing.B) {
				e := recogniser(b, func(c *asr.Config) { way.set(&c.Denoise) })
				var got zhtext.Errors
				for b.Loop() {
					got = wrong(b, e, lines)
				}
				b.ReportMetric(100*got.Rate(), "%wrong")
			})
		}
	}
	compare("none", clean)
	for _, kind := range noise.Kinds {
		for _, decibels := range []float64{30, 20, 10, 5} {
			compare(fmt.Sprintf("%s/%gdB", kind, decibels), behind(b, clean, kind, decibels))
		}
	}
}
