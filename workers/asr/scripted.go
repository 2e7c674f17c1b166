package asr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/tidegate/tidegate/internal/obs"
)

// EngineScripted is the name of the scripted engine.
const EngineScripted = "scripted"

// ScriptedConfig shapes how the scripted engine answers.
type ScriptedConfig struct {
	Delay        time.Duration `koanf:"delay" help:"time from the end of speech to its final transcript"`
	PartialEvery time.Duration `koanf:"partial_every" help:"sound between two partial transcripts; 0 gives none"`
	PartialChars int           `koanf:"partial_chars" help:"characters that each partial transcript adds"`
	Confidence   float64       `koanf:"confidence" help:"confidence of its transcripts, 0 to 1"`
}

func (c ScriptedConfig) validate() error {
	var errs []error
	if c.Delay < 0 || c.Delay > time.Minute {
		errs = append(errs, fmt.Errorf("scripted.delay: must be 0 to 1m, is %s", c.Delay))
	}
	if c.PartialEvery < 0 {
		errs = append(errs, fmt.Errorf("scripted.partial_every: must not be negative, is %s", c.PartialEvery))
	}
	if c.PartialEvery > 0 && c.PartialChars < 1 {
		errs = append(errs, fmt.Errorf("scripted.partial_chars: must be at least 1, is %d", c.PartialChars))
	}
	if c.Confidence < 0 || c.Confidence > 1 {
		errs = append(errs, fmt.Errorf("scripted.confidence: must be 0 to 1, is %g", c.Confidence))
	}
	return errors.Join(errs...)
}

// scripted plays the part of a recogniser: the end of utterance n yields the
// n-th line of the session's scenario, whatever was said. For tests, load
// and demonstrations. It understands nothing, and says so with an empty
// final, where the scenario has no such line.
type scripted struct {
	cfg     ScriptedConfig
	script  Script
	log     *slog.Logger
	metrics *metrics
}

func newScripted(cfg ScriptedConfig, script Script, log *slog.Logger, m *metrics) *scripted {
	return &scripted{cfg: cfg, script: script, log: log, metrics: m}
}

func (e *scripted) Name() string { return EngineScripted }

func (e *scripted) Capabilities() Capabilities {
	return Capabilities{SampleRates: []int{8000, 16000}, Partials: e.cfg.PartialEvery > 0}
}

func (e *scripted) Close() error { return nil }

func (e *scripted) Start(ctx context.Context, o Options) (Stream, error) {
	s := &scriptedStream{
		engine: e, lines: e.lines(o), done: make(chan struct{}), finished: make(chan struct{}),
		events: make(chan Event, eventQueue), work: make(chan Event, eventQueue), rate: o.SampleRate,
	}
	go s.run(ctx)
	return s, nil
}

// lines finds the session's script. A script that is not there is logged
// here, once for the session, and its call goes on with nothing understood.
func (e *scripted) lines(o Options) []string {
	if o.Scenario == "" {
		e.metrics.scriptMisses.WithLabelValues(missNoScenario).Inc()
		e.log.Warn("session names no scenario: nothing will be understood", "call_id", o.CallID)
		return nil
	}
	lines, err := e.script(o.Scenario)
	if err != nil {
		e.metrics.scriptMisses.WithLabelValues(missUnknownScenario).Inc()
		e.log.Warn("scenario cannot be read: nothing will be understood", "call_id", o.CallID, "error", err)
		return nil
	}
	e.log.Debug("scenario loaded", "call_id", o.CallID, "lines", len(lines))
	return lines
}

// eventQueue bounds the events of a stream that nobody has read yet.
const eventQueue = 64

type scriptedStream struct {
	engine *scripted
	lines  []string
	rate   int

	// Of the caller's goroutine only.
	current, last int
	heard, shown  int // samples heard, characters shown of the utterance

	work     chan Event
	events   chan Event
	done     chan struct{}
	finished chan struct{}
	once     sync.Once
}

func (s *scriptedStream) Events() <-chan Event { return s.events }

func (s *scriptedStream) SpeechStart(n int) error {
	if s.current != 0 || n <= s.last {
		return fmt.Errorf("%w: start of %d after %d", ErrOrder, n, s.last)
	}
	s.current, s.last, s.heard, s.shown = n, n, 0, 0
	return s.alive()
}

func (s *scriptedStream) Audio(pcm []int16) error {
	if s.current == 0 {
		return fmt.Errorf("%w: sound outside an utterance", ErrOrder)
	}
	s.heard += len(pcm)
	cfg := s.engine.cfg
	if cfg.PartialEvery <= 0 {
		return s.alive()
	}
	line := s.line(s.current)
	total := utf8.RuneCountInString(line)
	due := int(time.Duration(s.heard) * time.Second / time.Duration(s.rate) / cfg.PartialEvery)
	if show := min(due*cfg.PartialChars, total); show > s.shown {
		s.shown = show
		return s.put(Event{
			Kind: EventPartial, Utterance: s.current, Text: firstRunes(line, show), Confidence: cfg.Confidence,
		})
	}
	return s.alive()
}

func (s *scriptedStream) SpeechEnd(n int) error {
	if s.current == 0 || n != s.current {
		return fmt.Errorf("%w: end of %d in %d", ErrOrder, n, s.current)
	}
	s.current = 0
	ev := Event{Kind: EventFinal, Utterance: n, Text: s.line(n)}
	if ev.Text == "" {
		s.engine.metrics.scriptMisses.WithLabelValues(missNoLine).Inc()
	} else {
		ev.Confidence = s.engine.cfg.Confidence
	}
	return s.put(ev)
}

func (s *scriptedStream) Hints([]string) error { return s.alive() }

func (s *scriptedStream) Close() error {
	s.once.Do(func() { close(s.done) })
	<-s.finished
	return nil
}

func (s *scriptedStream) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

func (s *scriptedStream) alive() error {
	select {
	case <-s.finished:
		return ErrClosed
	default:
		return nil
	}
}

// put hands an event to the stream's goroutine. Who ends more utterances
// than the delay lets out is told that the engine is overloaded; a partial
// that finds no room is superseded by the next one.
func (s *scriptedStream) put(ev Event) error {
	if err := s.alive(); err != nil {
		return err
	}
	select {
	case s.work <- ev:
		return nil
	default:
		if ev.Kind == EventPartial {
			return nil
		}
		return fmt.Errorf("%w: %d transcripts wait", ErrOverloaded, eventQueue)
	}
}

// run is the stream's goroutine: it lets events out, finals after the delay.
func (s *scriptedStream) run(ctx context.Context) {
	defer close(s.finished)
	defer close(s.events)
	for {
		var ev Event
		select {
		case <-ctx.Done():
			return
		case <-s.done:
			return
		case ev = <-s.work:
		}
		if ev.Kind == EventFinal && !s.wait(ctx, s.engine.cfg.Delay) {
			return
		}
		select {
		case s.events <- ev:
			s.engine.log.Debug("scripted transcript", "kind", ev.Kind.String(), "utterance", ev.Utterance, "text", obs.Text(ev.Text))
		case <-ctx.Done():
			return
		case <-s.done:
			return
		}
	}
}

func (s *scriptedStream) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	case <-s.done:
		return false
	}
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
