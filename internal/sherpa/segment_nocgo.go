//go:build !cgo

package sherpa

// Segmenter cuts sound into the stretches of speech in it.
type Segmenter struct{}

// NewSegmenter returns ErrNoCgo.
func NewSegmenter(SegmenterConfig) (*Segmenter, error) { return nil, ErrNoCgo }

// Cut is never reached.
func (*Segmenter) Cut([]float32) []Segment { return nil }

// Close does nothing.
func (*Segmenter) Close() {}
