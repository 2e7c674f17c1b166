//go:build !cgo

package sherpa

// Denoiser takes noise out of one stream.
type Denoiser struct{}

// NewDenoiser returns ErrNoCgo.
func NewDenoiser(DenoiserConfig) (*Denoiser, error) { return nil, ErrNoCgo }

// Rate is never reached.
func (*Denoiser) Rate() int { return 0 }

// Run is never reached.
func (*Denoiser) Run([]float32) []float32 { return nil }

// Flush is never reached.
func (*Denoiser) Flush() []float32 { return nil }

// Reset does nothing.
func (*Denoiser) Reset() {}

// Close does nothing.
func (*Denoiser) Close() {}
