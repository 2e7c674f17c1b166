package sherpa

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Rate is the sample rate in Hz that recognisers take; sound of another rate
// is resampled before it comes here, since the library announces each
// resampler that it makes on the standard error.
const Rate = 16000

// The kinds of streaming models.
const (
	ZipformerTransducer = "zipformer-transducer"
	LSTMTransducer      = "lstm-transducer"
	OnlineParaformer    = "paraformer"
	ZipformerCTC        = "zipformer-ctc"
)

// The ways to search for the best text. Only transducers know BeamSearch,
// and only it takes hot words.
const (
	GreedySearch = "greedy_search"
	BeamSearch   = "modified_beam_search"
)

// The units that a model's tokens are made of; hot words are split into them.
const (
	UnitCharacters = "cjkchar"
	UnitBPE        = "bpe"
	UnitBoth       = "cjkchar+bpe"
)

// OnlineConfig names the files of a streaming model and how it decodes. Which
// files a model has depends on its kind.
type OnlineConfig struct {
	Kind                            string
	Encoder, Decoder, Joiner, Model string
	Tokens                          string
	Unit                            string // UnitCharacters when empty
	BPEVocab                        string // needed by the other units
	Method                          string // GreedySearch when empty
	Paths                           int    // kept by BeamSearch; 0 is 4
	HotwordsScore                   float32
	Threads                         int // of one decoding; 0 is 1
}

// Hotwords says whether streams of such a recogniser may have hot words.
func (c OnlineConfig) Hotwords() bool {
	return c.Method == BeamSearch && c.Transducer()
}

// Transducer says whether the model is one.
func (c OnlineConfig) Transducer() bool {
	return c.Kind == ZipformerTransducer || c.Kind == LSTMTransducer
}

// check refuses what would make the library end the process.
func (c OnlineConfig) check() error {
	need := map[string]string{"tokens": c.Tokens}
	switch c.Kind {
	case ZipformerTransducer, LSTMTransducer:
		need["encoder"], need["decoder"], need["joiner"] = c.Encoder, c.Decoder, c.Joiner
	case OnlineParaformer:
		need["encoder"], need["decoder"] = c.Encoder, c.Decoder
	case ZipformerCTC:
		need["model"] = c.Model
	default:
		return fmt.Errorf("%w: no streaming model is of kind %.40q", ErrModel, c.Kind)
	}
	switch {
	case c.Method == "" || c.Method == GreedySearch:
	case c.Method == BeamSearch && c.Transducer():
	default:
		return fmt.Errorf("%w: %s does not decode by %.40q", ErrModel, c.Kind, c.Method)
	}
	switch c.Unit {
	case "", UnitCharacters:
	case UnitBPE, UnitBoth:
		need["bpe vocabulary"] = c.BPEVocab
	default:
		return fmt.Errorf("%w: tokens are no %.40q", ErrModel, c.Unit)
	}
	return needed(need)
}

// Result is what was recognised.
type Result struct {
	Text     string
	Tokens   []string
	LogProbs []float32 // natural logarithms, one a token, where the model has them
	Language string    // as the model names it, where it does
}

// ErrHotwords: hot words were given to a recogniser that cannot use them.
var ErrHotwords = errors.New("hot words need a transducer that decodes by modified_beam_search")

// hotwordLines makes the text that the library reads hot words from: one a
// line. A word that begins with a colon would be taken for a number, whose
// conversion ends the process, and a slash for the end of a line.
func hotwordLines(words []string) (string, error) {
	for _, w := range words {
		if strings.ContainsAny(w, ":/#@\n\r\x00") || strings.TrimSpace(w) == "" {
			return "", fmt.Errorf("%w: %.40q is none", ErrHotwords, w)
		}
	}
	return strings.Join(words, "\n"), nil
}

// logProbs finds the probabilities in the library's JSON, which is the only
// place where it shows those of a stream. The rest of that text need not be
// JSON: tokens are quoted there, not escaped.
func logProbs(text string) []float32 {
	const key = `"ys_probs": `
	i := strings.LastIndex(text, key)
	if i < 0 {
		return nil
	}
	list, _, ok := strings.Cut(text[i+len(key):], "]")
	if !ok {
		return nil
	}
	var probs []float32
	if json.Unmarshal([]byte(list+"]"), &probs) != nil {
		return nil
	}
	return probs
}
