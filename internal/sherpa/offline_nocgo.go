//go:build !cgo

package sherpa

// Offline is a recogniser of whole pieces of sound.
type Offline struct{}

// NewOffline returns ErrNoCgo.
func NewOffline(OfflineConfig) (*Offline, error) { return nil, ErrNoCgo }

// Recognize is never reached.
func (*Offline) Recognize([]float32) Result { return Result{} }

// Close does nothing.
func (*Offline) Close() {}
