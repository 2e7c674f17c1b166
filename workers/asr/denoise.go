package asr

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechmodel"
)

// When the denoising stage works.
const (
	DenoiseOff    = "off"
	DenoiseAuto   = "auto"
	DenoiseAlways = "always"
)

// DenoiseConfig is the stage that takes noise out of sound before it is
// recognised.
type DenoiseConfig struct {
	Mode  string  `koanf:"mode" help:"speech enhancement before recognition: off, always, or auto: where the model is installed, for utterances of noisy calls"`
	Model string  `koanf:"model" help:"speech enhancement model, by the name under which it is installed or the path of its folder"`
	Level float64 `koanf:"level" help:"auto: noise in dBFS above which a call is noisy"`
	Keep  float64 `koanf:"keep" help:"share of the original sound that stays in, 0 to 1; a little of it undoes what enhancement does to speech"`
}

// denoiseDefaults: the share and the level are measured (docs/speech.md,
// Noise).
func denoiseDefaults() DenoiseConfig {
	return DenoiseConfig{Mode: DenoiseAuto, Model: "gtcrn_simple", Level: -60, Keep: 0.15}
}

func (c DenoiseConfig) validate() error {
	var errs []error
	switch c.Mode {
	case DenoiseOff, DenoiseAuto, DenoiseAlways:
	default:
		errs = append(errs, fmt.Errorf("denoise.mode: must be off, auto or always, is %.40q", c.Mode))
	}
	if c.Mode == DenoiseAlways && c.Model == "" {
		errs = append(errs, errors.New("denoise.model: must be set"))
	}
	if c.Mode == DenoiseAlways && !sherpa.Available {
		errs = append(errs, fmt.Errorf("denoise.mode: %w", sherpa.ErrNoCgo))
	}
	if c.Level < silentLevel || c.Level > 0 {
		errs = append(errs, fmt.Errorf("denoise.level: must be %d to 0, is %g", silentLevel, c.Level))
	}
	if c.Keep < 0 || c.Keep > 1 {
		errs = append(errs, fmt.Errorf("denoise.keep: must be 0 to 1, is %g", c.Keep))
	}
	return errors.Join(errs...)
}

// denoisers lends speech enhancement models to utterances: each has its
// state in it, and loading one takes longer than a frame.
type denoisers struct {
	cfg     DenoiseConfig
	model   sherpa.DenoiserConfig
	rate    int
	metrics *denoiseMetrics

	mu     sync.Mutex
	idle   []*sherpa.Denoiser
	closed bool
}

// idleDenoisers are kept for the next utterance.
const idleDenoisers = 64

// newDenoisers loads the first model, which shows that it works; nil when
// there is nothing to do: the stage is off, or auto and the model is not
// installed.
func newDenoisers(cfg DenoiseConfig, models *speechmodel.Store, m *denoiseMetrics, log *slog.Logger) (*denoisers, error) {
	if cfg.Mode == DenoiseOff || cfg.Mode == DenoiseAuto && (!sherpa.Available || cfg.Model == "") {
		return nil, nil
	}
	model, err := models.Open(cfg.Model)
	if cfg.Mode == DenoiseAuto && errors.Is(err, speechmodel.ErrNotInstalled) {
		log.Info("no denoising: its model is not installed", "model", cfg.Model)
		return nil, nil
	}
	if err == nil && model.Use != speechmodel.UseDenoise {
		err = fmt.Errorf("%s is a model for %s", model.Name, model.Use)
	}
	if err != nil {
		return nil, fmt.Errorf("denoise.model: %w", err)
	}
	d := &denoisers{cfg: cfg, model: sherpa.DenoiserConfig{Kind: model.Kind, Model: model.File("model")}, metrics: m}
	first, err := d.lend()
	if err != nil {
		return nil, fmt.Errorf("denoise.model: %w", err)
	}
	d.rate = first.Rate()
	d.back(first)
	log.Info("denoising", "mode", cfg.Mode, "model", model.Name, "rate", d.rate)
	return d, nil
}

func (d *denoisers) lend() (*sherpa.Denoiser, error) {
	d.mu.Lock()
	if n := len(d.idle); n > 0 {
		lent := d.idle[n-1]
		d.idle = d.idle[:n-1]
		d.mu.Unlock()
		return lent, nil
	}
	d.mu.Unlock()
	return sherpa.NewDenoiser(d.model)
}

// back takes a model back, ready for another utterance.
func (d *denoisers) back(lent *sherpa.Denoiser) {
	lent.Reset()
	d.mu.Lock()
	keep := !d.closed && len(d.idle) < idleDenoisers
	if keep {
		d.idle = append(d.idle, lent)
	}
	d.mu.Unlock()
	if !keep {
		lent.Close()
	}
}

func (d *denoisers) close() {
	if d == nil {
		return
	}
	d.mu.Lock()
	idle := d.idle
	d.idle, d.closed = nil, true
	d.mu.Unlock()
	for _, i := range idle {
		i.Close()
	}
}

// What the stage decided about an utterance.
const (
	denoiseOn      = "on"
	denoiseQuiet   = "quiet"
	denoiseFailing = "failed"
)

type denoiseMetrics struct {
	utterances *prometheus.CounterVec
	seconds    prometheus.Counter
	audio      prometheus.Counter
	floor      prometheus.Histogram
}

func newDenoiseMetrics(reg prometheus.Registerer) *denoiseMetrics {
	m := &denoiseMetrics{
		utterances: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_asr_denoise_utterances_total", Help: "Utterances that the denoising stage was asked about, by what it did.",
		}, []string{"result"}),
		seconds: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidegate_asr_denoise_seconds_total", Help: "Time spent on denoising.",
		}),
		audio: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidegate_asr_denoise_audio_seconds_total", Help: "Sound that was denoised; its cost is denoise_seconds through this.",
		}),
		floor: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tidegate_asr_noise_floor_dbfs", Help: "Noise of calls at the beginning of their utterances.",
			Buckets: []float64{-90, -80, -70, -65, -60, -55, -50, -45, -40, -35, -30, -20},
		}),
	}
	for _, r := range []string{denoiseOn, denoiseQuiet, denoiseFailing} {
		m.utterances.WithLabelValues(r)
	}
	reg.MustRegister(m.utterances, m.seconds, m.audio, m.floor)
	return m
}

func (m *denoiseMetrics) worked(took time.Duration, samples, rate int) {
	m.seconds.Add(took.Seconds())
	m.audio.Add(float64(samples) / float64(rate))
}
