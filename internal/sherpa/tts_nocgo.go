//go:build !cgo

package sherpa

import "context"

// TTS is a loaded synthesis model.
type TTS struct{}

// NewTTS returns ErrNoCgo.
func NewTTS(TTSConfig) (*TTS, error) { return nil, ErrNoCgo }

// SampleRate is never reached.
func (*TTS) SampleRate() int { return 0 }

// Speakers is never reached.
func (*TTS) Speakers() int { return 0 }

// Generate is never reached.
func (*TTS) Generate(context.Context, string, Voice, func([]float32) error) error { return ErrNoCgo }

// Close does nothing.
func (*TTS) Close() {}
