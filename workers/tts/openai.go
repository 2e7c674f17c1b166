package tts

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/openai"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/speech"
)

// EngineOpenAI is the name of the engine that asks a server with OpenAI's
// speech endpoint.
const EngineOpenAI = "openai"

// openaiEngine speaks through a server, sentence by sentence, and gives the
// sound on as it comes.
type openaiEngine struct {
	cfg     OpenAIConfig
	client  *openai.Client
	levels  *levels
	metrics *openaiMetrics
}

func newOpenAI(cfg OpenAIConfig, m *openaiMetrics) (*openaiEngine, error) {
	trust, err := speech.TLS(cfg.CAFile, cfg.ServerName)
	if err != nil {
		return nil, fmt.Errorf("openai.%w", err)
	}
	client, err := openai.New(openai.Options{BaseURL: cfg.BaseURL, Key: cfg.APIKey, TLS: trust})
	if err != nil {
		return nil, err
	}
	return &openaiEngine{cfg: cfg, client: client, levels: newLevels(), metrics: m}, nil
}

func (e *openaiEngine) Name() string { return EngineOpenAI }

// Identity holds all that makes another sound of the same request.
func (e *openaiEngine) Identity() string {
	h := sha256.New()
	c := e.cfg
	fmt.Fprintf(h, "%q %q %q %v %v %d", c.BaseURL, c.Model, c.Voice, c.Instructions, c.Styles, c.SampleRate) // fmt sorts maps
	return EngineOpenAI + "/" + hex.EncodeToString(h.Sum(nil)[:8])
}

func (e *openaiEngine) Capabilities() Capabilities {
	return Capabilities{Languages: e.cfg.Languages, SampleRates: []int{8000, 16000}, Voices: e.cfg.voices()}
}

func (e *openaiEngine) Close() error {
	e.client.Close()
	return nil
}

func (e *openaiEngine) Synthesize(ctx context.Context, r Request, emit Emit) (Result, error) {
	r = r.normalised()
	if err := checkRequest(r, e.Capabilities()); err != nil {
		return Result{}, err
	}
	var res Result
	for _, sentence := range sentences(strings.ToValidUTF8(r.Text, "")) {
		text := reading(sentence, r.Language)
		if !speakable(text) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return res, err
		}
		n, err := e.sentence(ctx, text, r, emit)
		res.Samples += n
		if err != nil {
			return res, err
		}
	}
	return res, nil
}

// sentence speaks one sentence and counts how it ended.
func (e *openaiEngine) sentence(ctx context.Context, text string, r Request, emit Emit) (samples int, err error) {
	var gone error // the listener's
	samples, err = e.stream(ctx, text, r, func(pcm []int16) error {
		gone = emit(pcm)
		return gone
	})
	switch {
	case gone != nil:
		return samples, gone
	case ctx.Err() != nil:
		return samples, ctx.Err()
	}
	e.metrics.requests.WithLabelValues(openaiResult(err)).Inc()
	return samples, openaiError(err)
}

// stream asks for one sentence and gives its sound on. The time limit is on
// what the server does, not on what the listener takes.
func (e *openaiEngine) stream(ctx context.Context, text string, r Request, emit Emit) (samples int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(e.cfg.Timeout, func() { cancel(fmt.Errorf("%w: no sound after %s", speech.ErrSlow, e.cfg.Timeout)) })
	defer watch.Stop()
	defer func() {
		if cause := context.Cause(ctx); err != nil && errors.Is(cause, speech.ErrSlow) {
			err = cause
		}
	}()
	voice := cmp.Or(r.Voice, e.cfg.Voice)
	sound, err := e.client.Speech(ctx, e.request(text, voice, r))
	if err != nil {
		return 0, err
	}
	defer func() { _ = sound.Close() }()
	in := newIncoming(ctx, cmp.Or(sound.Rate, e.cfg.SampleRate), r.SampleRate, func(pcm []int16) error {
		watch.Stop()
		return emit(pcm)
	})
	in.levels, in.voice = e.levels, voice+"\x00"+r.Style
	if !e.cfg.Instructions {
		in.extra = manners[r.style()].gain
	}
	err = e.copy(in, sound, watch)
	if err == nil && in.given == 0 {
		err = errNoSound
	}
	return in.given, err
}

// errNoSound: a text that should be spoken gave no sound.
var errNoSound = errors.New("server has no sound for the text")

func (e *openaiEngine) copy(in *incoming, sound io.Reader, watch *time.Timer) error {
	buf := make([]byte, 8<<10)
	for {
		watch.Reset(e.cfg.Timeout)
		n, err := sound.Read(buf)
		watch.Stop()
		if n > 0 {
			if err := in.write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return in.close()
		case err != nil:
			return fmt.Errorf("%w: %w", openai.ErrCutOff, err)
		}
	}
}

func (e *openaiEngine) request(text, voice string, r Request) openai.SpeechRequest {
	ask := openai.SpeechRequest{Model: e.cfg.Model, Input: text, Voice: voice, Speed: r.Rate}
	if e.cfg.SendRate {
		ask.SampleRate = e.cfg.SampleRate
	}
	if e.cfg.Instructions {
		ask.Instructions = e.cfg.instructions(r.style(), r.Language)
	} else {
		ask.Speed = max(MinRate, min(MaxRate, r.Rate*manners[r.style()].speed))
	}
	return ask
}

// instruction is how a style is asked for, in Chinese and in English: a
// model follows best in the language that it speaks.
type instruction struct{ zh, en string }

var instructions = map[schemas.Style]instruction{
	schemas.StyleCalm:       {"用温和、安抚的语气，语速稍慢，让对方安心。", "Speak gently and reassuringly, a little slower than usual."},
	schemas.StyleSlow:       {"放慢语速，字字清楚，词与词之间稍作停顿。", "Speak slowly and clearly, with short pauses between phrases."},
	schemas.StyleCheerful:   {"用热情、轻快的语气，带着微笑说话。", "Speak warmly and brightly, with a smile."},
	schemas.StyleApologetic: {"用诚恳、带歉意的语气，语速稍慢。", "Speak sincerely and apologetically, a little slower than usual."},
}

// instructions are those of a style: the configured ones, else the built-in
// ones in the language of the text.
func (c OpenAIConfig) instructions(s schemas.Style, language string) string {
	for name, text := range c.Styles {
		if known, ok := ParseStyle(name); ok && known == s {
			return text
		}
	}
	if primary(language) == "en" {
		return instructions[s].en
	}
	return instructions[s].zh
}

// openaiMetrics count the requests.
type openaiMetrics struct {
	requests *prometheus.CounterVec
}

// What became of a request, by openaiResult.
var openaiResults = []string{"spoken", "busy", "denied", "refused", "failed", "bad_answer", "cut_off", "timeout"}

func newOpenAIMetrics(reg prometheus.Registerer) *openaiMetrics {
	m := &openaiMetrics{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tidegate_tts_openai_requests_total", Help: "Sentences asked of an OpenAI-compatible server, by what became of them.",
	}, []string{"result"})}
	for _, r := range openaiResults {
		m.requests.WithLabelValues(r)
	}
	reg.MustRegister(m.requests)
	return m
}

func openaiResult(err error) string {
	switch {
	case err == nil:
		return "spoken"
	case errors.Is(err, speech.ErrSlow):
		return "timeout"
	case errors.Is(err, openai.ErrBusy):
		return "busy"
	case errors.Is(err, openai.ErrDenied):
		return "denied"
	case errors.Is(err, openai.ErrRefused):
		return "refused"
	case errors.Is(err, openai.ErrAnswer), errors.Is(err, errNoSound):
		return "bad_answer"
	case errors.Is(err, openai.ErrCutOff):
		return "cut_off"
	default:
		return "failed"
	}
}

// openaiError adds what the service tells apart to an error of the client.
func openaiError(err error) error {
	switch {
	case errors.Is(err, openai.ErrBusy):
		return fmt.Errorf("%w: %w", ErrOverloaded, err)
	case errors.Is(err, openai.ErrRefused):
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	default:
		return err
	}
}
