//go:build cgo

package asr

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechdata"
	"github.com/tidegate/tidegate/internal/speechmodel"
)

func floatsOf(pcm []int16) []float32 { return appendFloats(nil, pcm) }

func TestShortenCutsInSilence(t *testing.T) {
	const max = 2 * sherpa.Rate
	tone := floatsOf(audio.Tone(300, 1700*time.Millisecond, sherpa.Rate, 0.5))
	gap := make([]float32, sherpa.Rate/5)
	pcm := slices.Concat(tone, gap, tone, gap, tone)
	pieces := shorten(nil, pcm, max)
	if len(pieces) != 3 || !slices.Equal(slices.Concat(pieces...), pcm) {
		t.Fatalf("%d pieces", len(pieces))
	}
	for i, p := range pieces {
		if len(p) > max {
			t.Errorf("piece %d has %d samples", i, len(p))
		}
		if i > 0 && power(p[:100]) > 0 {
			t.Errorf("piece %d begins in a tone", i)
		}
	}
	loud := floatsOf(audio.Tone(300, 7*time.Second, sherpa.Rate, 0.5))
	for _, p := range shorten(nil, loud, max) {
		if len(p) > max || len(p) == 0 {
			t.Errorf("a piece of sound without silence has %d samples", len(p))
		}
	}
}

func TestCutterFindsSpeech(t *testing.T) {
	store := speechmodel.NewStore(speechmodel.Config{Dir: t.TempDir()})
	c, err := newCutter(store, SegmentConfig{VAD: speechdata.VAD(t), Max: 4 * time.Second}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	recordings := speechdata.Recordings(t, "recordings")
	var pcm []float32
	for _, r := range recordings[:3] {
		pcm = append(pcm, floatsOf(speechdata.Sound(t, r.Path, sherpa.Rate))...)
		pcm = append(pcm, make([]float32, 2*sherpa.Rate)...)
	}
	pieces := c.pieces(pcm)
	var kept int
	for _, p := range pieces {
		kept += len(p)
		if len(p) > c.max {
			t.Errorf("a piece of %d samples", len(p))
		}
	}
	if len(pieces) < 3 || kept > len(pcm)-3*sherpa.Rate || kept < sherpa.Rate*3 {
		t.Errorf("%d pieces of %d samples out of %d", len(pieces), kept, len(pcm))
	}
	if short := c.pieces(pcm[:1000]); len(short) != 1 || len(short[0]) != 1000 {
		t.Error("a short utterance was cut")
	}
	if _, err := newCutter(store, SegmentConfig{VAD: speechdata.Denoiser(t)}, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a model for denoising is taken for a voice activity model")
	}
}
