package speech

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/tidegate/tidegate/internal/token"
	"github.com/tidegate/tidegate/internal/ws"
)

// connect lets the holder of a grant in and serves the connection. The path
// holds the token, so it is never logged.
func (s *Server) connect(w http.ResponseWriter, r *http.Request) {
	claims, err := token.Verify(s.secret, r.PathValue("token"), string(s.kind), time.Now())
	if err != nil {
		reason, status := tokenRefusal(err)
		s.refuse(w, r, reason, status)
		return
	}
	leave, ok := s.places.take(claims.ID)
	if !ok {
		s.refuse(w, r, refusedSpent, http.StatusGone)
		return
	}
	defer leave()
	// Stop waits for sessions only after it has said so under the lock.
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		http.Error(w, "stopping", http.StatusServiceUnavailable)
		return
	}
	s.sessions.Add(1)
	s.mu.Unlock()
	defer s.sessions.Done()
	conn, err := ws.Upgrade(w, r, ws.Options{
		Subprotocols: []string{s.kind.Subprotocol()}, ReadLimit: s.cfg.MaxFrame,
		PingInterval: s.cfg.PingInterval, PongTimeout: s.cfg.PongTimeout, WriteTimeout: s.cfg.WriteTimeout,
	})
	if err != nil {
		reason := refusedHandshake
		if errors.Is(err, ws.ErrSubprotocol) {
			reason = refusedSubprotocol
		}
		s.metrics.refused.WithLabelValues(reason).Inc()
		s.log.Warn("connection refused", "reason", reason, "call_id", claims.CallID, "error", err)
		return
	}
	s.serve(conn, claims.CallID)
}

func tokenRefusal(err error) (reason string, status int) {
	switch {
	case errors.Is(err, token.ErrExpired):
		return refusedExpired, http.StatusGone
	case errors.Is(err, token.ErrUse):
		return refusedUse, http.StatusForbidden
	case errors.Is(err, token.ErrSignature):
		return refusedSignature, http.StatusUnauthorized
	default:
		return refusedMalformed, http.StatusUnauthorized
	}
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, reason string, status int) {
	s.metrics.refused.WithLabelValues(reason).Inc()
	s.log.Warn("connection refused", "reason", reason, "remote", r.RemoteAddr)
	http.Error(w, reason, status)
}

// serve runs one connection from its first message to its end.
func (s *Server) serve(conn *ws.Conn, callID string) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	session := &Session{
		CallID: callID, conn: conn, server: s,
		Log: s.log.With("call_id", callID, "remote", conn.RemoteAddr().String()),
	}
	ended := context.AfterFunc(s.ctx, func() { _ = conn.Close(ws.CloseGoingAway, "worker stops") })
	defer ended()
	began := time.Now()
	session.Log.Debug("speech connection opened")
	s.deps.Serve(ctx, session)
	_ = conn.Close(ws.CloseNormal, "")
	session.discard()
	session.Log.Debug("speech connection ended", "seconds", time.Since(began).Seconds())
}
