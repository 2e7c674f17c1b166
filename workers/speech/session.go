package speech

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/schemas"
)

// Session is one connection of the speech protocol. One goroutine reads; any
// may send.
type Session struct {
	CallID string
	Log    *slog.Logger

	conn     *ws.Conn
	server   *Server
	mu       sync.Mutex
	mistakes int
}

// Frame is one message from the peer: control, or sound (L16 little-endian,
// valid until the next Read).
type Frame struct {
	Message *schemas.SpeechMessage
	Audio   []byte
}

// Errors that end a session from this side; the connection has been closed
// with its code when they are returned.
var (
	ErrNoStart  = errors.New("session did not begin with a start message")
	ErrRefused  = errors.New("session asks for what the engine cannot do")
	ErrMistakes = errors.New("too many protocol errors")
)

// Parse reads a control message.
func Parse(b []byte) (schemas.SpeechMessage, error) {
	var m schemas.SpeechMessage
	err := schemas.DecodeStrict(schemas.SchemaSpeech, b, &m)
	return m, err
}

// Read gives the next frame. What is not a message of the protocol is
// answered with an error message and passed over, up to the configured
// number of mistakes.
func (s *Session) Read() (Frame, error) {
	for {
		kind, b, err := s.conn.Read()
		if err != nil {
			return Frame{}, err
		}
		if kind == ws.Binary {
			return Frame{Audio: b}, nil
		}
		m, err := Parse(b)
		if err == nil {
			return Frame{Message: &m}, nil
		}
		if err := s.Mistake("", err); err != nil {
			return Frame{}, err
		}
	}
}

// Open waits for the start message and checks it; supported refuses what the
// engine cannot do.
func (s *Session) Open(supported func(start schemas.SpeechMessage) error) (schemas.SpeechMessage, error) {
	late := time.AfterFunc(s.server.cfg.StartTimeout, func() {
		s.server.metrics.refused.WithLabelValues(refusedNoStart).Inc()
		_ = s.conn.Close(ws.ClosePolicy, "no start message in time")
	})
	defer late.Stop()
	f, err := s.Read()
	if err != nil {
		return schemas.SpeechMessage{}, err
	}
	if f.Message == nil || f.Message.Type != schemas.SpeechStart {
		return s.refused(refusedNoStart, schemas.SpeechErrProtocol, ErrNoStart)
	}
	start := *f.Message
	if start.CallID != "" && start.CallID != s.CallID {
		return s.refused(refusedInvalid, schemas.SpeechErrProtocol, fmt.Errorf("%w: call_id is not the grant's", ErrRefused))
	}
	if !slices.Contains([]int{8000, 16000}, start.SampleRate) {
		return s.refused(refusedUnsupported, schemas.SpeechErrUnsupported, fmt.Errorf("%w: sample rate %d", ErrRefused, start.SampleRate))
	}
	if err := supported(start); err != nil {
		return s.refused(refusedUnsupported, schemas.SpeechErrUnsupported, fmt.Errorf("%w: %w", ErrRefused, err))
	}
	return start, nil
}

func (s *Session) refused(reason, code string, err error) (schemas.SpeechMessage, error) {
	s.server.metrics.refused.WithLabelValues(reason).Inc()
	s.Log.Warn("speech session refused", "reason", reason, "error", err)
	s.Fail(schemas.SpeechMessage{Code: code}, err)
	_ = s.conn.Close(ws.ClosePolicy, reason)
	return schemas.SpeechMessage{}, err
}

// Send sends a control message.
func (s *Session) Send(m schemas.SpeechMessage) error { return s.conn.WriteJSON(m) }

// SendAudio sends sound as L16 little-endian.
func (s *Session) SendAudio(l16 []byte) error { return s.conn.WriteBinary(l16) }

// maxErrorText bounds the text of an error message in characters, as the
// schema does.
const maxErrorText = 500

// Fail sends an error message: m says what it is about (Code, Utterance, ID,
// Retryable), err why. Errors must not hold anything private.
func (s *Session) Fail(m schemas.SpeechMessage, err error) {
	m.Type = schemas.SpeechError
	text := []rune(err.Error())
	m.Message = string(text[:min(len(text), maxErrorText)])
	s.server.metrics.errors.WithLabelValues(m.Code).Inc()
	if err := s.Send(m); err != nil {
		s.Log.Debug("error message could not be sent", "error", err)
	}
}

// Mistake answers a protocol error; id is the request it is about, if any.
// After too many it closes the connection and returns ErrMistakes.
func (s *Session) Mistake(id string, err error) error {
	s.mu.Lock()
	s.mistakes++
	n := s.mistakes
	s.mu.Unlock()
	s.Log.Warn("speech protocol violated", "error", err, "count", n)
	s.Fail(schemas.SpeechMessage{Code: schemas.SpeechErrProtocol, ID: id}, err)
	if n < s.server.cfg.MaxMistakes {
		return nil
	}
	_ = s.conn.Close(ws.CloseProtocol, "too many protocol errors")
	return ErrMistakes
}

// Close ends the session, with a close code of package ws.
func (s *Session) Close(code int, reason string) { _ = s.conn.Close(code, reason) }

// discard reads until the connection is gone, so that the peer can still
// read what was sent last. The closing grace bounds it.
func (s *Session) discard() {
	for {
		if _, _, err := s.conn.Read(); err != nil {
			return
		}
	}
}
