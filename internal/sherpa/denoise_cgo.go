//go:build cgo

package sherpa

import (
	"fmt"

	lib "github.com/k2-fsa/sherpa-onnx-go/sherpa_onnx"
)

// model is the configuration for the library, which has one type of it for
// whole pieces and for streams.
func (c DenoiserConfig) model() lib.OfflineSpeechDenoiserModelConfig {
	m := lib.OfflineSpeechDenoiserModelConfig{NumThreads: int32(max(c.Threads, 1)), Provider: "cpu"}
	if c.Kind == DPDFNet {
		m.DpdfNet = lib.OfflineSpeechDenoiserDpdfNetModelConfig{Model: c.Model, AttenuationLimitDb: c.MaxAttenuation}
	} else {
		m.Gtcrn = lib.OfflineSpeechDenoiserGtcrnModelConfig{Model: c.Model}
	}
	return m
}

func (c DenoiserConfig) check() error {
	if c.Kind != GTCRN && c.Kind != DPDFNet {
		return fmt.Errorf("%w: no speech enhancement is of kind %.40q", ErrModel, c.Kind)
	}
	return needed(map[string]string{"model": c.Model})
}

// Denoiser takes noise out of one stream as it comes; it is not safe for
// concurrent use, and each has the model in memory.
type Denoiser struct{ impl *lib.OnlineSpeechDenoiser }

// NewDenoiser loads a speech enhancement model for one stream.
func NewDenoiser(c DenoiserConfig) (*Denoiser, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	impl := lib.NewOnlineSpeechDenoiser(&lib.OnlineSpeechDenoiserConfig{Model: c.model()})
	if impl == nil {
		return nil, fmt.Errorf("%w: %s", ErrModel, c.Model)
	}
	return &Denoiser{impl}, nil
}

// Rate is the sample rate in Hz that it takes and gives.
func (d *Denoiser) Rate() int { return d.impl.SampleRate() }

// Run takes sound and gives what is ready of it, late by one window of the
// model (GTCRN: 32 ms).
func (d *Denoiser) Run(pcm []float32) []float32 {
	if len(pcm) == 0 {
		return nil
	}
	return d.impl.Run(pcm, d.impl.SampleRate()).Samples
}

// Flush gives the rest and makes ready for the next stream.
func (d *Denoiser) Flush() []float32 { return d.impl.Flush().Samples }

// Reset forgets what came before.
func (d *Denoiser) Reset() { d.impl.Reset() }

// Close frees the model; it may be called again.
func (d *Denoiser) Close() {
	if d.impl != nil {
		lib.DeleteOnlineSpeechDenoiser(d.impl)
		d.impl = nil
	}
}
