package asr

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/dialect"
	"github.com/tidegate/tidegate/internal/sherpa"
)

// EngineSherpa is the name of the engine that recognises by ONNX models on
// this machine.
const EngineSherpa = "sherpa"

// SherpaConfig says which models recognise, and how they share the machine.
type SherpaConfig struct {
	Model         string        `koanf:"model" help:"recognition model, by the name under which it is installed or the path of its folder; empty is the built-in one, which understands synthetic voices only"`
	Dialects      []string      `koanf:"dialects" help:"models for dialects, as yue=MODEL; a call that asks for the dialect, or for one of it, is recognised by it"`
	Instances     int           `koanf:"instances" help:"decodings at once; 0 is one per core"`
	Threads       int           `koanf:"threads" help:"threads of one decoding"`
	Batch         int           `koanf:"batch" help:"calls that one decoding takes together when they wait"`
	Queue         time.Duration `koanf:"queue" help:"sound that may wait for decoding, of all calls together; above it no new call is taken"`
	Buffer        time.Duration `koanf:"buffer" help:"sound of one call that may wait for decoding; more is dropped"`
	PartialEvery  time.Duration `koanf:"partial_every" help:"sound between two looks for a new partial transcript"`
	Method        string        `koanf:"method" help:"search of transducers: greedy_search, or modified_beam_search, which takes hot words; empty is the latter where the model has words for them"`
	Hotwords      []string      `koanf:"hotwords" help:"words that every call may say, such as the shop's products; a call's own come on top"`
	HotwordsScore float64       `koanf:"hotwords_score" help:"bonus of each token of a hot word"`
	Punctuation   string        `koanf:"punctuation" help:"model that puts punctuation into final transcripts; empty is none"`
	Segment       SegmentConfig `koanf:"segment"`
	Cache         string        `koanf:"cache" help:"folder where the built-in model is kept as files; empty is the user's cache"`
}

// SegmentConfig says how utterances are cut for offline models.
type SegmentConfig struct {
	VAD string        `koanf:"vad" help:"voice activity model that cuts utterances longer than segment.max; where it is not installed they are cut where they are most silent"`
	Max time.Duration `koanf:"max" help:"longest piece of sound that an offline model gets at once"`
}

func sherpaDefaults() SherpaConfig {
	return SherpaConfig{
		Threads: 1, Batch: 8, Queue: 30 * time.Second, Buffer: 20 * time.Second, PartialEvery: 100 * time.Millisecond, HotwordsScore: 1.5,
		Segment: SegmentConfig{VAD: "silero_vad", Max: 15 * time.Second},
	}
}

func (c SherpaConfig) validate() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf("sherpa."+format, a...)) }
	if _, err := c.dialects(); err != nil {
		bad("dialects: %w", err)
	}
	if c.Instances < 0 || c.Instances > 1024 {
		bad("instances: must be 0 to 1024, is %d", c.Instances)
	}
	if c.Threads < 1 || c.Threads > 256 {
		bad("threads: must be 1 to 256, is %d", c.Threads)
	}
	if c.Batch < 1 || c.Batch > 64 {
		bad("batch: must be 1 to 64, is %d", c.Batch)
	}
	if c.Queue < time.Second {
		bad("queue: must be at least 1s, is %s", c.Queue)
	}
	if c.Buffer < time.Second || c.Buffer > 10*time.Minute {
		bad("buffer: must be 1s to 10m, is %s", c.Buffer)
	}
	if c.PartialEvery < 20*time.Millisecond {
		bad("partial_every: must be at least 20ms, is %s", c.PartialEvery)
	}
	switch c.Method {
	case "", sherpa.GreedySearch, sherpa.BeamSearch:
	default:
		bad("method: must be %s or %s, is %.40q", sherpa.GreedySearch, sherpa.BeamSearch, c.Method)
	}
	if c.HotwordsScore < 0 || c.HotwordsScore > 20 {
		bad("hotwords_score: must be 0 to 20, is %g", c.HotwordsScore)
	}
	if c.Segment.Max < time.Second || c.Segment.Max > sherpa.LongestOffline {
		bad("segment.max: must be 1s to %s, is %s", sherpa.LongestOffline, c.Segment.Max)
	}
	return errors.Join(errs...)
}

// dialects are the models by dialect.
func (c SherpaConfig) dialects() (map[string]string, error) {
	out := map[string]string{}
	for _, entry := range c.Dialects {
		id, model, ok := strings.Cut(entry, "=")
		id, model = strings.TrimSpace(id), strings.TrimSpace(model)
		if !ok || model == "" {
			return nil, fmt.Errorf("must be DIALECT=MODEL, is %.80q", entry)
		}
		if !dialect.Known(id) || id == dialect.Mandarin {
			return nil, fmt.Errorf("unknown dialect %.32q", id)
		}
		if _, twice := out[id]; twice {
			return nil, fmt.Errorf("%s has two models", id)
		}
		out[id] = model
	}
	return out, nil
}

func (c SherpaConfig) instances() int {
	if c.Instances > 0 {
		return c.Instances
	}
	return runtime.NumCPU()
}
