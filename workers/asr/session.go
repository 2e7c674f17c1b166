package asr

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/speech"
)

// session is one call's recognition: the connection's reader drives the
// engine's stream, a second goroutine sends its events.
type session struct {
	service *Service
	conn    *speech.Session
	stream  Stream
	rate    int
	ending  atomic.Bool // the stream's end is wanted

	// Of the reader only.
	current int // utterance under way; 0 is none
	heard   int // samples of it
	odd     []byte
	pcm     []int16
	tooLong bool

	mu    sync.Mutex
	ended map[int]time.Time // ends of speech whose transcript is awaited
}

// serve serves one connection.
func (s *Service) serve(ctx context.Context, conn *speech.Session) {
	start, err := conn.Open(func(m schemas.SpeechMessage) error { return s.supports(m.Language, m.Dialect, m.SampleRate) })
	if err != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.engine.Start(ctx, Options{
		CallID: conn.CallID, Language: start.Language, SampleRate: start.SampleRate,
		Phrases: start.Phrases, Scenario: start.Scenario, Dialect: s.expect(start.Dialect),
	})
	if err != nil {
		conn.Log.Error("recognition did not start", "error", err)
		conn.Fail(speech.Failure(err), err)
		conn.Close(ws.CloseTryLater, "recognition did not start")
		return
	}
	x := &session{service: s, conn: conn, stream: stream, rate: start.SampleRate, ended: map[int]time.Time{}}
	var sender sync.WaitGroup
	sender.Go(x.send)
	can := s.engine.Capabilities()
	if p, ok := stream.(Particular); ok {
		can = p.Capabilities()
	}
	err = conn.Send(schemas.SpeechMessage{
		Type: schemas.SpeechReady, Engine: s.engine.Name(), Language: start.Language, SampleRate: start.SampleRate,
		Partials: can.Partials, Synthetic: can.Synthetic,
	})
	if err == nil {
		err = x.read()
	}
	conn.Log.Debug("recognition session ends", "cause", err)
	x.ending.Store(true)
	if err := stream.Close(); err != nil {
		conn.Log.Warn("recognition stream did not close", "error", err)
	}
	sender.Wait()
}

func (x *session) read() error {
	for {
		f, err := x.conn.Read()
		if err != nil {
			return err
		}
		if f.Message == nil {
			err = x.audio(f.Audio)
		} else {
			err = x.control(*f.Message)
		}
		if err != nil {
			return err
		}
	}
}

func (x *session) control(m schemas.SpeechMessage) error {
	switch m.Type {
	case schemas.SpeechBegin:
		return x.begin(m.Utterance)
	case schemas.SpeechEnd:
		return x.end(m.Utterance)
	case schemas.SpeechHints:
		if err := x.stream.Hints(m.Phrases); err != nil {
			x.conn.Fail(speech.Failure(err), err)
		}
		return nil
	default:
		return x.conn.Mistake("", fmt.Errorf("%s is not for a recognition worker in mid-session", m.Type))
	}
}

func (x *session) begin(n int) error {
	if n < 1 {
		return x.conn.Mistake("", errors.New("speech_start without an utterance number"))
	}
	if err := x.stream.SpeechStart(n); err != nil {
		return x.failed(n, err)
	}
	x.current, x.heard, x.odd, x.tooLong = n, 0, x.odd[:0], false
	return nil
}

func (x *session) end(n int) error {
	if n < 1 || n != x.current {
		return x.conn.Mistake("", fmt.Errorf("speech_end of %d in utterance %d", n, x.current))
	}
	x.current = 0
	x.mu.Lock()
	x.ended[n] = time.Now()
	x.mu.Unlock()
	if err := x.stream.SpeechEnd(n); err != nil {
		x.took(n)
		x.service.metrics.utterances.WithLabelValues(resultFailed).Inc()
		return x.failed(n, err)
	}
	return nil
}

// failed answers an engine's error about utterance n.
func (x *session) failed(n int, err error) error {
	switch {
	case errors.Is(err, ErrOrder):
		return x.conn.Mistake("", err)
	case errors.Is(err, ErrClosed):
		return err // the sender tells the peer why
	default:
		m := speech.Failure(err)
		m.Utterance = n
		x.conn.Fail(m, err)
		return nil
	}
}

// audio feeds sound into the current utterance. Frames that come outside of
// one are late or lost ends; they are counted and nothing more.
func (x *session) audio(b []byte) error {
	m := x.service.metrics
	if x.current == 0 {
		m.dropped.WithLabelValues(dropOutside).Inc()
		return nil
	}
	if audio.Duration(x.heard, x.rate) >= x.service.cfg.MaxUtterance {
		m.dropped.WithLabelValues(dropTooLong).Inc()
		if !x.tooLong {
			x.tooLong = true
			x.conn.Log.Warn("utterance too long: the rest is not recognised", "utterance", x.current)
		}
		return nil
	}
	x.decode(b)
	x.heard += len(x.pcm)
	m.audio.Add(float64(len(x.pcm)) / float64(x.rate))
	if err := x.stream.Audio(x.pcm); err != nil {
		return x.failed(x.current, err)
	}
	return nil
}

// decode makes samples of b; an odd byte waits for its other half in the next
// frame.
func (x *session) decode(b []byte) {
	x.pcm = x.pcm[:0]
	if len(x.odd) == 1 && len(b) > 0 {
		x.pcm = audio.DecodeL16(x.pcm, []byte{x.odd[0], b[0]})
		x.odd, b = x.odd[:0], b[1:]
	}
	x.pcm = audio.DecodeL16(x.pcm, b)
	if len(b)%2 == 1 {
		x.odd = append(x.odd[:0], b[len(b)-1])
	}
}

// send sends the stream's events until they end.
func (x *session) send() {
	broken := false
	for ev := range x.stream.Events() {
		if !broken {
			broken = x.event(ev) != nil
		}
	}
	if !x.ending.Load() {
		err := errors.New("recognition ended by itself")
		x.conn.Log.Error("recognition stream ended in mid-session")
		x.conn.Fail(speech.Failure(err), err)
		x.conn.Close(ws.CloseInternal, "recognition ended")
	}
}

func (x *session) event(ev Event) error {
	metrics := x.service.metrics
	m := schemas.SpeechMessage{Utterance: ev.Utterance, Text: clip(ev.Text), Confidence: ev.Confidence, Language: ev.Language, Dialect: ev.Dialect}
	switch ev.Kind {
	case EventPartial:
		m.Type = schemas.SpeechPartial
		metrics.partials.Inc()
	case EventFinal:
		m.Type = schemas.SpeechFinal
		result := resultUnderstood
		if ev.Text == "" {
			result = resultEmpty
		}
		metrics.utterances.WithLabelValues(result).Inc()
		if took, ok := x.took(ev.Utterance); ok {
			metrics.latency.Observe(took.Seconds())
		}
		x.conn.Log.Debug("utterance recognised", "utterance", ev.Utterance, "text", obs.Text(ev.Text), "confidence", ev.Confidence)
	case EventError:
		x.took(ev.Utterance)
		metrics.utterances.WithLabelValues(resultFailed).Inc()
		x.conn.Log.Error("utterance was not recognised", "utterance", ev.Utterance, "error", ev.Err)
		m = speech.Failure(ev.Err)
		m.Utterance = ev.Utterance
		x.conn.Fail(m, ev.Err)
		return nil
	default:
		x.conn.Log.Error("event of unknown kind ignored", "kind", ev.Kind.String())
		return nil
	}
	return x.conn.Send(m)
}

// took is the time since the end of speech of utterance n.
func (x *session) took(n int) (time.Duration, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	at, ok := x.ended[n]
	delete(x.ended, n)
	return time.Since(at), ok
}

// maxText bounds a transcript in characters, as the schema does.
const maxText = 4000

func clip(s string) string { return firstRunes(s, maxText) }
