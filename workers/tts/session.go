package tts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/speech"
)

// session is one call's synthesis: the connection's reader takes requests,
// a second goroutine speaks them in order.
type session struct {
	service *Service
	conn    *speech.Session
	start   schemas.SpeechMessage
	queue   chan *utterance
	strange bool // an unknown voice has been logged

	mu      sync.Mutex
	pending map[string]*utterance // asked for and not ended
}

// utterance is one request of a session.
type utterance struct {
	id     string
	req    Request
	ctx    context.Context // ends when it is cancelled
	cancel context.CancelFunc
}

// serve serves one connection.
func (s *Service) serve(ctx context.Context, conn *speech.Session) {
	start, err := conn.Open(func(m schemas.SpeechMessage) error { return s.supports(m.Language, m.SampleRate) })
	if err != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	x := &session{
		service: s, conn: conn, start: start, queue: make(chan *utterance, s.cfg.Queue),
		pending: map[string]*utterance{},
	}
	var speaker sync.WaitGroup
	speaker.Go(func() { x.speak(ctx) })
	err = conn.Send(schemas.SpeechMessage{
		Type: schemas.SpeechReady, Engine: s.engine.Name(), Language: start.Language, SampleRate: start.SampleRate,
	})
	if err == nil {
		err = x.read(ctx)
	}
	conn.Log.Debug("synthesis session ends", "cause", err)
	cancel()
	close(x.queue)
	speaker.Wait()
}

func (x *session) read(ctx context.Context) error {
	for {
		f, err := x.conn.Read()
		if err != nil {
			return err
		}
		switch {
		case f.Message == nil:
			err = x.conn.Mistake("", errors.New("sound is not for a synthesis worker"))
		case f.Message.Type == schemas.SpeechSynthesize:
			err = x.request(ctx, *f.Message)
		case f.Message.Type == schemas.SpeechCancel:
			err = x.cancelled(f.Message.ID)
		default:
			err = x.conn.Mistake(f.Message.ID, fmt.Errorf("%s is not for a synthesis worker in mid-session", f.Message.Type))
		}
		if err != nil {
			return err
		}
	}
}

// request takes a request into the queue.
func (x *session) request(ctx context.Context, m schemas.SpeechMessage) error {
	if m.ID == "" || m.Text == "" {
		return x.conn.Mistake(m.ID, errors.New("synthesize without id or text"))
	}
	language := m.Language
	if language == "" {
		language = x.start.Language
	}
	style, ok := ParseStyle(m.Style)
	if !ok {
		x.service.metrics.unknownStyles.Inc()
	}
	u := &utterance{id: m.ID, req: Request{
		Text: m.Text, Language: language, Voice: x.voice(m), Rate: m.Rate, Style: string(style), SampleRate: x.start.SampleRate,
	}}
	x.mu.Lock()
	if x.pending[u.id] != nil {
		x.mu.Unlock()
		return x.conn.Mistake(m.ID, errors.New("synthesize with an id that is still spoken"))
	}
	u.ctx, u.cancel = context.WithCancel(ctx)
	x.pending[u.id] = u
	x.mu.Unlock()
	select {
	case x.queue <- u:
		x.service.metrics.characters.Add(float64(utf8.RuneCountInString(m.Text)))
		x.conn.Log.Debug("utterance asked for", "id", u.id, "text", obs.Text(m.Text))
	default:
		x.ended(u)
		x.failed(u, fmt.Errorf("%w: %d requests wait", ErrOverloaded, cap(x.queue)))
	}
	return nil
}

// voice chooses between the request's voice, the session's, and, where the
// engine has neither, its own.
func (x *session) voice(m schemas.SpeechMessage) string {
	name := m.Voice
	if name == "" {
		name = x.start.Voice
	}
	voice, ok := x.service.voice(name)
	if !ok {
		x.service.metrics.voiceFallbacks.Inc()
		if !x.strange {
			x.strange = true
			x.conn.Log.Warn("engine does not have the voice: its own is used", "voice", name)
		}
	}
	return voice
}

// cancelled ends an utterance. One that is not there has just ended: its
// finished message is on the way.
func (x *session) cancelled(id string) error {
	if id == "" {
		return x.conn.Mistake("", errors.New("cancel without id"))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if u := x.pending[id]; u != nil {
		u.cancel()
	}
	return nil
}

func (x *session) ended(u *utterance) {
	u.cancel()
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.pending, u.id)
}

func (x *session) failed(u *utterance, err error) {
	x.service.metrics.requests.WithLabelValues(resultFailed).Inc()
	x.conn.Log.Error("utterance was not spoken", "id", u.id, "error", err)
	m := speech.Failure(err)
	m.ID = u.id
	x.conn.Fail(m, err)
}
