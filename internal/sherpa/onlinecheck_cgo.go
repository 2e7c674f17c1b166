//go:build cgo

package sherpa

import (
	"encoding/json"
	"fmt"
	"strings"
)

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
