//go:build cgo

package sherpa

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// validate refuses what the library would end the process for.
func (c TTSConfig) validate() error {
	need := func(parts map[string]string) error {
		var errs []error
		for name, path := range parts {
			if path == "" {
				errs = append(errs, fmt.Errorf("%w: %s needs %s", ErrModel, c.Kind, name))
			}
		}
		return errors.Join(errs...)
	}
	var err error
	switch c.Kind {
	case TTSVits:
		err = need(map[string]string{"model": c.Model, "tokens": c.Tokens})
	case TTSMatcha:
		err = need(map[string]string{"model": c.Model, "vocoder": c.Vocoder, "tokens": c.Tokens})
	case TTSKokoro:
		err = need(map[string]string{"model": c.Model, "voices": c.Voices, "tokens": c.Tokens, "data_dir": c.DataDir})
	case TTSZipVoice:
		err = need(map[string]string{"encoder": c.Encoder, "decoder": c.Decoder, "vocoder": c.Vocoder, "tokens": c.Tokens, "data_dir": c.DataDir})
	default:
		return fmt.Errorf("%w: kind %.40q of synthesis is unknown", ErrModel, c.Kind)
	}
	if len(c.Lexicon) == 0 && c.DataDir == "" {
		err = errors.Join(err, fmt.Errorf("%w: %s needs lexicon or data_dir", ErrModel, c.Kind))
	}
	paths := append([]string{c.Model, c.Encoder, c.Decoder, c.Vocoder, c.Voices, c.Tokens}, c.Lexicon...)
	return errors.Join(err, files(append(paths, c.Rules...)...), folder(c.DataDir))
}

// folder refuses a folder that is not there; "" is none.
func folder(path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(path); err != nil {
		return fmt.Errorf("%w: %w", ErrModel, err)
	} else if !info.IsDir() {
		return fmt.Errorf("%w: %s is no folder", ErrModel, path)
	}
	return nil
}

// take wraps what takes the sound of one generation for the library: never
// called again after it, or ctx, has ended, and without a panic.
type take struct {
	ctx  context.Context
	emit func([]float32) error
	err  error
}

// more says whether the library shall go on.
func (t *take) more(pcm []float32) (more bool) {
	defer func() {
		if r := recover(); r != nil {
			t.err, more = fmt.Errorf("%w: %v", ErrPanic, r), false
		}
	}()
	if t.err == nil {
		t.err = t.ctx.Err()
	}
	if t.err == nil && len(pcm) > 0 {
		t.err = t.emit(pcm)
	}
	return t.err == nil
}
