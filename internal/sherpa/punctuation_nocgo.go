//go:build !cgo

package sherpa

// Punctuation puts punctuation into recognised text.
type Punctuation struct{}

// NewPunctuation returns ErrNoCgo.
func NewPunctuation(string, int) (*Punctuation, error) { return nil, ErrNoCgo }

// Add is never reached.
func (*Punctuation) Add(text string) string { return text }

// Close does nothing.
func (*Punctuation) Close() {}
