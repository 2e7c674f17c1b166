//go:build cgo

package sherpa

import (
	"fmt"

	lib "github.com/k2-fsa/sherpa-onnx-go/sherpa_onnx"
)

// Punctuation puts punctuation into recognised text. Its methods, Close
// aside, are safe for concurrent use.
type Punctuation struct{ impl *lib.OfflinePunctuation }

// NewPunctuation loads a model of kind ct-transformer.
func NewPunctuation(model string, threads int) (*Punctuation, error) {
	if err := needed(map[string]string{"model": model}); err != nil {
		return nil, err
	}
	impl := lib.NewOfflinePunctuation(&lib.OfflinePunctuationConfig{
		Model: lib.OfflinePunctuationModelConfig{CtTransformer: model, NumThreads: max(threads, 1), Provider: "cpu"},
	})
	if impl == nil {
		return nil, fmt.Errorf("%w: %s", ErrModel, model)
	}
	return &Punctuation{impl}, nil
}

// Add is text with punctuation.
func (p *Punctuation) Add(text string) string {
	if text == "" {
		return ""
	}
	if with := p.impl.AddPunct(text); with != "" {
		return with
	}
	return text
}

// Close frees the model; it may be called again.
func (p *Punctuation) Close() {
	if p.impl != nil {
		lib.DeleteOfflinePunc(p.impl)
		p.impl = nil
	}
}
