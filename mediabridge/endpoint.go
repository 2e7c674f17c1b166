package mediabridge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/token"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/schemas"
)

// Subprotocol is what mod_audio_fork asks for.
const Subprotocol = "audio.drachtio.org"

// TokenUse is the use that a fork token must be signed for.
const TokenUse = "fork"

// errCallMismatch: the metadata name another call than the token.
var errCallMismatch = errors.New("metadata and token name different calls")

// Buffers of a fork's websocket: for messages of 20 ms from the switch and of
// 160 ms to it, and in the system for some seconds of sound.
const (
	forkReadBuffer  = 768
	forkWriteBuffer = 2688
	forkSystem      = 64 << 10
)

// serveFork is the handshake of one fork. Nothing is logged of the address,
// as it holds the token. The rest of the fork's life has a goroutine of its
// own: this one holds the request, and buffers that are not needed any more.
func (s *Service) serveFork(w http.ResponseWriter, r *http.Request) {
	claims, err := token.Verify([]byte(s.cfg.ForkSecret.Reveal()), r.PathValue("token"), TokenUse, s.now())
	if err != nil {
		reason, status := tokenRefusal(err)
		s.refuse(w, r, reason, status, "")
		return
	}
	if reason, status := s.reserve(claims.CallID); reason != "" {
		s.refuse(w, r, reason, status, claims.CallID)
		return
	}
	// mod_audio_fork names its server as the Origin (audio_pipe.cpp), like a
	// browser. The token in the path is what lets a peer in.
	r.Header.Del("Origin")
	conn, err := ws.Upgrade(w, r, ws.Options{
		Subprotocols: []string{Subprotocol}, ReadLimit: int64(s.cfg.ReadLimit),
		PingInterval: s.cfg.PingInterval, PongTimeout: s.cfg.PongTimeout, WriteTimeout: s.cfg.WriteTimeout,
		ReadBuffer: forkReadBuffer, WriteBuffer: forkWriteBuffer, WritePool: &s.writes, System: forkSystem,
	})
	if err != nil {
		s.release(claims.CallID)
		s.refused("handshake", claims.CallID, r.RemoteAddr, err)
		s.handlers.Done()
		return
	}
	go s.admit(conn, claims.CallID)
}

// admit takes a fork whose metadata are right. The session begins with a
// small stack of its own.
func (s *Service) admit(conn *ws.Conn, call string) {
	meta, err := s.readMetadata(conn, call)
	if err != nil {
		defer s.handlers.Done()
		defer conn.Abort()
		s.release(call)
		reason := "metadata"
		if errors.Is(err, errCallMismatch) {
			reason = "call_mismatch"
		}
		s.refused(reason, call, conn.RemoteAddr().String(), err)
		_ = conn.Close(ws.ClosePolicy, reason)
		drainReads(conn)
		return
	}
	go s.serveSession(newSession(s, conn, meta))
}

func tokenRefusal(err error) (string, int) {
	switch {
	case errors.Is(err, token.ErrSignature):
		return "signature", http.StatusUnauthorized
	case errors.Is(err, token.ErrExpired):
		return "expired", http.StatusForbidden
	case errors.Is(err, token.ErrUse):
		return "use", http.StatusForbidden
	default:
		return "malformed", http.StatusUnauthorized
	}
}

func (s *Service) refuse(w http.ResponseWriter, r *http.Request, reason string, status int, call string) {
	s.refused(reason, call, r.RemoteAddr, nil)
	http.Error(w, "refused: "+reason, status)
}

func (s *Service) refused(reason, call, remote string, err error) {
	s.metrics.refused.WithLabelValues(reason).Inc()
	attrs := []any{"reason", reason, "call_id", call, "remote", remote}
	if err != nil {
		attrs = append(attrs, "error", err)
	}
	s.log.Warn("fork refused", attrs...)
}

// reserve takes the call's place before the upgrade, so that a second
// session of the same call never comes up beside the first.
func (s *Service) reserve(call string) (reason string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return "draining", http.StatusServiceUnavailable
	}
	if _, ok := s.sessions[call]; ok {
		return "duplicate", http.StatusConflict
	}
	if len(s.sessions) >= s.cfg.MaxSessions {
		return "capacity", http.StatusServiceUnavailable
	}
	s.sessions[call] = nil
	s.handlers.Add(1)
	return "", 0
}

func (s *Service) release(call string) {
	s.mu.Lock()
	delete(s.sessions, call)
	s.mu.Unlock()
	signal(s.changed)
}

// readMetadata takes the first frame, which must be the metadata of the
// token's call, within its time limit.
func (s *Service) readMetadata(conn *ws.Conn, call string) (schemas.ForkMetadata, error) {
	var meta schemas.ForkMetadata
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.MetadataTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, conn.Abort)
	kind, b, err := conn.Read()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return meta, err
	}
	if kind != ws.Text {
		return meta, fmt.Errorf("%w: sound before metadata", schemas.ErrSyntax)
	}
	if err := schemas.DecodeStrict(schemas.SchemaFork, b, &meta); err != nil {
		return meta, err
	}
	if meta.CallID != call {
		return meta, errCallMismatch
	}
	return meta, nil
}

// serveSession runs a session and everything around it until all of it has
// ended.
func (s *Service) serveSession(v *session) {
	defer s.handlers.Done()
	defer v.conn.Abort()
	s.mu.Lock()
	s.sessions[v.call] = v
	s.mu.Unlock()
	s.metrics.sessions.Inc()
	defer s.metrics.sessions.Dec()
	v.log.Info("fork connected", "rate", v.meta.SampleRate, "playout", v.meta.Playout)

	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	sub, err := s.inbox.Subscribe(schemas.SubjectMediaCommand(v.call), v.fromBus)
	if err != nil {
		s.release(v.call)
		s.refused("bus", v.call, v.conn.RemoteAddr().String(), err)
		_ = v.conn.Close(ws.CloseInternal, "bus")
		drainReads(v.conn)
		return
	}
	var around sync.WaitGroup // the links and the fork's reader
	v.asrLink = v.newLink("asr")
	v.asrLink.run(ctx, &around)
	v.newLink("tts").run(ctx, &around)
	around.Go(func() { v.read() })
	around.Go(func() { s.lend(v) })

	s.guard(v, func() { v.run(ctx) })

	cancel()
	v.playout.cut(s.now(), "stopped")
	v.restock(true)
	v.hangUp()
	around.Wait()
	s.takeBack(v)
	_ = sub.Unsubscribe() // an error here is a bus that is gone
	s.release(v.call)
	v.closed()
}

// guard keeps a defect that one call shows from ending all others.
func (s *Service) guard(v *session, run func()) {
	defer func() {
		if p := recover(); p != nil {
			s.metrics.panics.Inc()
			v.log.Error("session ended by a defect", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			v.working.Lock()
			v.end(closedInternal)
			v.working.Unlock()
			v.bell.ring()
		}
	}()
	run()
}

// fromBus puts a command into the session's mailbox; it runs on the inbox's
// goroutine.
func (s *session) fromBus(m bus.Message) {
	c := command{envelope: m.Envelope, data: m.Data}
	if _, ok := m.Data.(*schemas.MediaSync); ok {
		c.respond = func(state schemas.MediaState) {
			if err := m.Respond(state, schemas.ForCall(s.call)); err != nil && !errors.Is(err, bus.ErrNoReply) {
				s.log.Warn("sync not answered", "error", err)
			}
		}
	}
	s.commands.push(letterValue, nil, c)
}

// closed is the session's last word.
func (s *session) closed() {
	s.svc.metrics.closed.WithLabelValues(s.ending).Inc()
	s.journal.reliable(schemas.MediaClosed{MediaEvent: s.journal.stamp(), Reason: s.ending})
	s.log.Info("fork ended", "reason", s.ending, "at_ms", s.clockMS)
}

func (s *session) newLink(component string) *link {
	m, mt := s.meta, s.svc.metrics
	l := &link{
		component: component,
		start: schemas.SpeechMessage{
			Type: schemas.SpeechStart, CallID: s.call, Language: m.Language, SampleRate: m.SampleRate,
			Voice: m.Voice,
		},
		acquire: schemas.SlotAcquire{Kind: component, CallID: s.call, Language: m.Language, SampleRate: m.SampleRate},
		cfg:     &s.svc.cfg, bus: s.svc.bus, log: s.log,
		outDrops: mt.drops.WithLabelValues(component + "_out"), failures: mt.slotFailures.WithLabelValues(component),
		lost: mt.linksLost.WithLabelValues(component), writeErrors: mt.writeErrors.WithLabelValues(component),
		replaced: mt.replacement.WithLabelValues(component), dialects: mt.dialectSlots,
	}
	if component == "asr" {
		l.subject, l.subprotocol, l.in = schemas.SubjectSlotASR, schemas.SubprotocolASR, s.asrIn
		l.start.Voice, l.start.Scenario, l.start.Phrases = "", m.Scenario, m.Hints
		l.dialect = m.Dialect
	} else {
		l.subject, l.subprotocol, l.in = schemas.SubjectSlotTTS, schemas.SubprotocolTTS, s.ttsIn
	}
	return l
}
