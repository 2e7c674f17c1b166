package tts_test

import (
	"errors"
	"testing"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/workers/tts"
)

const benchText = "好的，您的退货申请已经提交，单号稍后短信发给您。还有什么可以帮您？"

// BenchmarkFirstAudio is the time from a request to its first sound, of each
// engine that is installed here, without the cache.
func BenchmarkFirstAudio(b *testing.B) {
	heard := errors.New("heard")
	for name, config := range engines {
		b.Run(name, func(b *testing.B) {
			e := benchEngine(b, config)
			for b.Loop() {
				_, err := e.Synthesize(b.Context(), tts.Request{Text: benchText, SampleRate: 8000}, func([]int16) error { return heard })
				if !errors.Is(err, heard) {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSynthesize is the time for a whole prompt of two sentences, and
// how much faster than speech that is.
func BenchmarkSynthesize(b *testing.B) {
	for name, config := range engines {
		b.Run(name, func(b *testing.B) {
			e := benchEngine(b, config)
			var samples int
			for b.Loop() {
				pcm, err := tts.Speak(b.Context(), e, tts.Request{Text: benchText, SampleRate: 8000})
				if err != nil {
					b.Fatal(err)
				}
				samples += len(pcm)
			}
			b.ReportMetric(audio.Duration(samples, 8000).Seconds()/b.Elapsed().Seconds(), "x-realtime")
		})
	}
}

func benchEngine(b *testing.B, config func(testing.TB) tts.Config) tts.Engine {
	b.Helper()
	e, err := tts.NewEngine(config(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = e.Close() })
	return e
}
