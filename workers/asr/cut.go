package asr

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechmodel"
)

// cutter cuts long utterances into pieces for offline models.
type cutter struct {
	max int // samples at sherpa.Rate

	mu  sync.Mutex
	vad *sherpa.Segmenter // nil: silence decides
}

// newCutter opens the voice activity model; a machine without it cuts by
// silence.
func newCutter(models *speechmodel.Store, cfg SegmentConfig, log *slog.Logger) (*cutter, error) {
	c := &cutter{max: int(cfg.Max * sherpa.Rate / time.Second)}
	if cfg.VAD == "" {
		return c, nil
	}
	m, err := models.Open(cfg.VAD)
	if errors.Is(err, speechmodel.ErrNotInstalled) {
		log.Debug("long utterances are cut where they are most silent: no voice activity model", "model", cfg.VAD)
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	if m.Use != speechmodel.UseVAD {
		return nil, fmt.Errorf("%s is a model for %s", m.Name, m.Use)
	}
	c.vad, err = sherpa.NewSegmenter(sherpa.SegmenterConfig{
		Model: m.File("model"), Threshold: 0.4, MinSilence: 300 * time.Millisecond, MinSpeech: 100 * time.Millisecond, MaxSpeech: cfg.Max,
	})
	return c, err
}

// pieces are those of an utterance, in their order, none longer than the
// limit.
func (c *cutter) pieces(pcm []float32) [][]float32 {
	if len(pcm) <= c.max {
		return [][]float32{pcm}
	}
	if c.vad == nil {
		return shorten(nil, pcm, c.max)
	}
	c.mu.Lock()
	segments := c.vad.Cut(pcm)
	c.mu.Unlock()
	var out [][]float32
	for _, s := range segments {
		out = shorten(out, s.PCM, c.max)
	}
	return out
}

func (c *cutter) close() {
	if c != nil && c.vad != nil {
		c.vad.Close()
	}
}

// cutStep is how exactly silence is looked for.
const cutStep = sherpa.Rate / 50

// shorten appends pcm in pieces of at most max samples, cut at the most
// silent moment in the last third before each limit.
func shorten(dst [][]float32, pcm []float32, max int) [][]float32 {
	for len(pcm) > max {
		at, least := max, -1.0
		for i := max * 2 / 3; i+cutStep <= max; i += cutStep {
			if p := power(pcm[i : i+cutStep]); least < 0 || p < least {
				at, least = i+cutStep/2, p
			}
		}
		dst = append(dst, pcm[:at])
		pcm = pcm[at:]
	}
	if len(pcm) > 0 {
		dst = append(dst, pcm)
	}
	return dst
}

func power(pcm []float32) float64 {
	var sum float64
	for _, x := range pcm {
		sum += float64(x) * float64(x)
	}
	return sum
}
