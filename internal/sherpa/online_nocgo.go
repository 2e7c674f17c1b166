//go:build !cgo

package sherpa

// Online is a streaming recogniser.
type Online struct{}

// NewOnline returns ErrNoCgo.
func NewOnline(OnlineConfig) (*Online, error) { return nil, ErrNoCgo }

// Stream is never reached.
func (*Online) Stream([]string) (*OnlineStream, error) { return nil, ErrNoCgo }

// Close does nothing.
func (*Online) Close() {}

// OnlineStream is the recognition of one utterance.
type OnlineStream struct{}

// Accept is never reached.
func (*OnlineStream) Accept([]float32) {}

// Finish is never reached.
func (*OnlineStream) Finish() {}

// Ready is never reached.
func (*OnlineStream) Ready() bool { return false }

// Decode is never reached.
func (*OnlineStream) Decode() {}

// DecodeTogether is never reached.
func DecodeTogether([]*OnlineStream) {}

// Result is never reached.
func (*OnlineStream) Result() Result { return Result{} }

// Close does nothing.
func (*OnlineStream) Close() {}
