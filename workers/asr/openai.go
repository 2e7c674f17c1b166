package asr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/dialect"
	"github.com/tidegate/tidegate/internal/openai"
	"github.com/tidegate/tidegate/workers/speech"
)

// EngineOpenAI is the name of the engine that asks a server with OpenAI's
// transcription endpoint.
const EngineOpenAI = "openai"

// OpenAIConfig says which server is asked, and how.
type OpenAIConfig struct {
	BaseURL    string        `koanf:"base_url" help:"address of the server, such as http://HOST:8000/v1"`
	APIKey     config.Secret `koanf:"api_key" help:"key sent as bearer token; empty sends none"`
	Model      string        `koanf:"model" help:"model as the server names it"`
	Language   string        `koanf:"language" help:"ISO 639-1 language sent when a call names none; empty: the model finds out"`
	Languages  []string      `koanf:"languages" help:"languages that the model knows; empty: any"`
	Dialects   []string      `koanf:"dialects" help:"dialects that the model knows, as docs/dialects.md names them"`
	HintField  string        `koanf:"hint_field" help:"where words to expect go: prompt, keywords[] (OpenAI), hotwords (vLLM, Speaches), or empty for nowhere"`
	Stream     bool          `koanf:"stream" help:"ask for the text piece by piece; servers that cannot send it at once"`
	Confidence bool          `koanf:"confidence" help:"ask for token probabilities, which make the confidence; few servers know them"`
	MinSound   time.Duration `koanf:"min_sound" help:"utterances shorter than this are not sent: servers refuse them"`
	Timeout    time.Duration `koanf:"timeout" help:"time limit of one transcription"`
	CAFile     string        `koanf:"ca_file" help:"certificates (PEM) to trust besides the system's"`
	ServerName string        `koanf:"server_name" help:"name in the server's certificate when it is not the address's"`
}

func openaiDefaults() OpenAIConfig {
	return OpenAIConfig{
		Language: "zh", HintField: hintPrompt, MinSound: 100 * time.Millisecond, Timeout: 3500 * time.Millisecond,
	}
}

// hintPrompt puts words to expect into the prompt, which every server knows.
const hintPrompt = "prompt"

var hintFields = []string{"", hintPrompt, "keywords[]", "hotwords"}

func (c OpenAIConfig) validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("openai."+key+": "+format, args...))
	}
	if c.BaseURL == "" {
		bad("base_url", "is needed by the engine %s", EngineOpenAI)
	} else if err := openai.CheckBaseURL(c.BaseURL); err != nil {
		bad("base_url", "%w", err)
	}
	if c.Model == "" {
		bad("model", "must be set")
	}
	if !slices.Contains(hintFields, c.HintField) {
		bad("hint_field", "must be one of %s, or empty; is %.40q", strings.Join(hintFields[1:], ", "), c.HintField)
	}
	if c.MinSound < 0 || c.MinSound > time.Second {
		bad("min_sound", "must be 0 to 1s, is %s", c.MinSound)
	}
	if c.Timeout < 100*time.Millisecond || c.Timeout > time.Minute {
		bad("timeout", "must be 100ms to 1m, is %s", c.Timeout)
	}
	for _, id := range c.Dialects {
		if !dialect.Known(id) {
			bad("dialects", "unknown dialect %.32q", id)
		}
	}
	if _, err := speech.TLS(c.CAFile, c.ServerName); err != nil {
		errs = append(errs, fmt.Errorf("openai.%w", err))
	}
	return errors.Join(errs...)
}

// openaiMetrics count the requests.
type openaiMetrics struct {
	requests *prometheus.CounterVec
}

// What became of a request, by openaiResult.
var openaiResults = []string{"transcribed", "busy", "denied", "refused", "failed", "bad_answer", "cut_off", "timeout"}

func newOpenAIMetrics(reg prometheus.Registerer) *openaiMetrics {
	m := &openaiMetrics{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tidegate_asr_openai_requests_total", Help: "Transcriptions asked of an OpenAI-compatible server, by what became of them.",
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
		return "transcribed"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, openai.ErrBusy):
		return "busy"
	case errors.Is(err, openai.ErrDenied):
		return "denied"
	case errors.Is(err, openai.ErrRefused):
		return "refused"
	case errors.Is(err, openai.ErrAnswer):
		return "bad_answer"
	case errors.Is(err, openai.ErrCutOff):
		return "cut_off"
	default:
		return "failed"
	}
}

// openaiEngine recognises whole utterances: each is one request after its
// end.
type openaiEngine struct {
	cfg     OpenAIConfig
	client  *openai.Client
	keep    time.Duration // sound kept of one utterance
	log     *slog.Logger
	metrics *openaiMetrics
}

func newOpenAI(cfg OpenAIConfig, keep time.Duration, log *slog.Logger, m *openaiMetrics) (*openaiEngine, error) {
	trust, err := speech.TLS(cfg.CAFile, cfg.ServerName)
	if err != nil {
		return nil, fmt.Errorf("openai.%w", err)
	}
	client, err := openai.New(openai.Options{BaseURL: cfg.BaseURL, Key: cfg.APIKey, TLS: trust})
	if err != nil {
		return nil, err
	}
	return &openaiEngine{cfg: cfg, client: client, keep: keep, log: log, metrics: m}, nil
}

func (e *openaiEngine) Name() string { return EngineOpenAI }

// Capabilities: what a stream of pieces tells comes after the end of speech,
// so that nobody may wait for partials.
func (e *openaiEngine) Capabilities() Capabilities {
	return Capabilities{
		Languages: e.cfg.Languages, Dialects: e.cfg.Dialects, SampleRates: []int{8000, 16000}, Hints: e.cfg.HintField != "",
	}
}

func (e *openaiEngine) Close() error {
	e.client.Close()
	return nil
}

func (e *openaiEngine) Start(ctx context.Context, o Options) (Stream, error) {
	if !slices.Contains(e.Capabilities().SampleRates, o.SampleRate) {
		return nil, fmt.Errorf("%w: sample rate %d", ErrUnsupported, o.SampleRate)
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &openaiStream{
		journal: newJournal(audio.Samples(e.keep, o.SampleRate), o.Phrases), engine: e, options: o, ctx: ctx, cancel: cancel,
		events: make(chan Event, eventQueue), log: e.log.With("call_id", o.CallID),
	}
	s.running.Go(s.run)
	return s, nil
}

// openaiStream is one call's recognition: its goroutine sends one utterance
// after the other.
type openaiStream struct {
	*journal
	engine  *openaiEngine
	options Options
	log     *slog.Logger
	ctx     context.Context
	cancel  context.CancelFunc
	events  chan Event
	running sync.WaitGroup
}

func (s *openaiStream) SpeechStart(n int) error      { return s.start(n) }
func (s *openaiStream) Audio(pcm []int16) error      { return s.audio(pcm) }
func (s *openaiStream) SpeechEnd(n int) error        { return s.end(n) }
func (s *openaiStream) Hints(phrases []string) error { return s.hint(phrases) }
func (s *openaiStream) Events() <-chan Event         { return s.events }

func (s *openaiStream) Close() error {
	s.journal.close()
	s.cancel()
	s.running.Wait()
	return nil
}

func (s *openaiStream) run() {
	defer close(s.events)
	defer s.journal.close()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.wake:
		}
		for s.ctx.Err() == nil {
			n, ended, ok := s.oldest()
			if !ok || !ended {
				break
			}
			ev := s.transcribe(n, s.sound())
			s.answered()
			select {
			case s.events <- ev:
			case <-s.ctx.Done():
			}
		}
	}
}

// transcribe asks what is said in an utterance.
func (s *openaiStream) transcribe(n int, pcm []int16) Event {
	cfg := s.engine.cfg
	if audio.Duration(len(pcm), s.options.SampleRate) < cfg.MinSound || len(pcm) == 0 {
		return Event{Kind: EventFinal, Utterance: n}
	}
	var wav bytes.Buffer
	if err := audio.WriteWAV(&wav, audio.WAV{Rate: s.options.SampleRate, Channels: 1, Samples: pcm}); err != nil {
		return Event{Kind: EventError, Utterance: n, Err: err}
	}
	r := openai.TranscriptionRequest{
		Model: cfg.Model, Language: s.language(), Stream: cfg.Stream, Confidence: cfg.Confidence, WAV: wav.Bytes(),
	}
	expected, _ := s.expected()
	phrases := words(expected)
	if cfg.HintField == hintPrompt {
		r.Prompt = prompt(phrases)
	} else {
		r.WordsField, r.Words = cfg.HintField, phrases
	}
	ctx, cancel := context.WithTimeout(s.ctx, cfg.Timeout)
	defer cancel()
	t, err := s.engine.client.Transcribe(ctx, r, func(text string) {
		if text == "" {
			return
		}
		select {
		case s.events <- Event{Kind: EventPartial, Utterance: n, Text: text}:
		default: // the next one supersedes it
		}
	})
	if s.ctx.Err() == nil {
		s.engine.metrics.requests.WithLabelValues(openaiResult(err)).Inc()
	}
	if err != nil {
		return Event{Kind: EventError, Utterance: n, Err: openaiError(err)}
	}
	return Event{Kind: EventFinal, Utterance: n, Text: t.Text, Confidence: t.Confidence}
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

// language is the ISO 639-1 code of the call's language.
func (s *openaiStream) language() string {
	primary, _, _ := strings.Cut(strings.ToLower(s.options.Language), "-")
	switch primary {
	case "":
		return s.engine.cfg.Language
	case "cmn":
		return "zh"
	default:
		return primary
	}
}

// maxWord is the length in characters of a phrase that may help.
const maxWord = 50

// words are the phrases that can be sent.
func words(phrases []string) []string {
	var out []string
	for _, p := range phrases {
		p = strings.TrimSpace(p)
		if p != "" && utf8.ValidString(p) && utf8.RuneCountInString(p) <= maxWord && !strings.ContainsFunc(p, unicode.IsControl) {
			out = append(out, p)
		}
	}
	return out
}

// maxPrompt bounds the prompt in characters: Whisper takes the last 224
// tokens of one, and a Chinese character has up to two.
const maxPrompt = 110

// prompt is the words to expect as a text that might have come before.
func prompt(phrases []string) string {
	var b strings.Builder
	count := 0
	for _, p := range phrases {
		n := utf8.RuneCountInString(p)
		if count+n+1 > maxPrompt {
			continue
		}
		if count > 0 {
			b.WriteString("，")
		}
		b.WriteString(p)
		count += n + 1
	}
	return b.String()
}
