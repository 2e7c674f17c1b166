package asr

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechmodel"
)

// recogniser is a loaded model: a streaming one or an offline one.
type recogniser struct {
	speechmodel.Manifest
	online  *sherpa.Online
	offline *sherpa.Offline

	words      vocabulary
	hotwords   bool // streams may have hot words
	confidence calibration
	tail       time.Duration // silence that brings out the last words
	loading    time.Duration
}

// defaultTail of silence goes behind an utterance for a streaming model, at
// once: it is decoded, not waited for.
const defaultTail = 500 * time.Millisecond

// loadRecogniser opens a model for recognition. Options of its manifest:
//
//	modeling_unit  cjkchar, bpe or cjkchar+bpe: what hot words are split into
//	tail           silence that the model needs behind the last word
//	confidence     see calibration
//	language       of SenseVoice and Whisper, where it is not to be judged
//	numbers        "written": SenseVoice writes digits and punctuation
func loadRecogniser(m *speechmodel.Model, cfg SherpaConfig) (*recogniser, error) {
	began := time.Now()
	r := &recogniser{Manifest: m.Manifest, tail: defaultTail}
	var err error
	if text := m.Options["tail"]; text != "" {
		if r.tail, err = time.ParseDuration(text); err != nil || r.tail < 0 || r.tail > 5*time.Second {
			return nil, fmt.Errorf("model %s: option tail: must be 0 to 5s, is %.40q", m.Name, text)
		}
	}
	if r.confidence, err = newCalibration(m.Options["confidence"], m.Use == speechmodel.UseStreaming); err != nil {
		return nil, fmt.Errorf("model %s: %w", m.Name, err)
	}
	switch m.Use {
	case speechmodel.UseStreaming:
		err = r.loadOnline(m, cfg)
	case speechmodel.UseOffline:
		r.offline, err = sherpa.NewOffline(sherpa.OfflineConfig{
			Kind: m.Kind, Encoder: m.File("encoder"), Decoder: m.File("decoder"), Model: m.File("model"), Tokens: m.File("tokens"),
			Language: m.Options["language"], WrittenNumbers: m.Options["numbers"] == "written", Threads: cfg.Threads,
		})
	default:
		err = fmt.Errorf("is a model for %s", m.Use)
	}
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", m.Name, err)
	}
	r.loading = time.Since(began)
	return r, nil
}

func (r *recogniser) loadOnline(m *speechmodel.Model, cfg SherpaConfig) (err error) {
	vocab := m.File("bpe_vocab")
	unit := m.Options["modeling_unit"]
	if unit == "" && vocab != "" {
		unit = sherpa.UnitBoth
	}
	unit = cmp.Or(unit, sherpa.UnitCharacters)
	if r.words, err = readVocabulary(m.File("tokens"), unit != sherpa.UnitCharacters); err != nil {
		return err
	}
	c := sherpa.OnlineConfig{
		Kind: m.Kind, Encoder: m.File("encoder"), Decoder: m.File("decoder"), Joiner: m.File("joiner"), Model: m.File("model"),
		Tokens: m.File("tokens"), Unit: unit, BPEVocab: vocab, Method: cfg.Method, HotwordsScore: float32(cfg.HotwordsScore), Threads: cfg.Threads,
	}
	spells := r.words.pieces || r.words.characters()
	switch {
	case !c.Transducer():
		c.Method = sherpa.GreedySearch // the others know no search
	case c.Method == "" && spells:
		c.Method = sherpa.BeamSearch
	case c.Method == "":
		c.Method = sherpa.GreedySearch
	}
	r.hotwords = spells && c.Hotwords()
	r.online, err = sherpa.NewOnline(c)
	return err
}

// knows says whether the model is one for a dialect.
func (r *recogniser) knows(dialect string) bool { return slices.Contains(r.Dialects, dialect) }

func (r *recogniser) capabilities() Capabilities {
	return Capabilities{
		Languages: r.Languages, Dialects: r.Dialects, Synthetic: r.Synthetic, SampleRates: []int{sherpa.TelephoneRate, sherpa.Rate},
		Partials: r.online != nil, Hints: r.hotwords,
	}
}

func (r *recogniser) close() {
	if r.online != nil {
		r.online.Close()
	}
	if r.offline != nil {
		r.offline.Close()
	}
}
