//go:build !cgo

package sherpa

// VAD is a voice activity detector of one stream.
type VAD struct{}

// NewVAD returns ErrNoCgo.
func NewVAD(VADConfig) (*VAD, error) { return nil, ErrNoCgo }

// Accept is never reached.
func (*VAD) Accept([]float32) bool { return false }

// Reset does nothing.
func (*VAD) Reset() {}

// Close does nothing.
func (*VAD) Close() {}
