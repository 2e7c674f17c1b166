package speech

import (
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/token"
	"github.com/tidegate/tidegate/schemas"
)

// maxCallID bounds a call id, as the envelope's schema does.
const maxCallID = 64

// acquire answers a request for a place. A worker without room stays silent:
// the request reached it before the bus knew that it no longer answers.
func (s *Server) acquire(m bus.Message) {
	req, ok := m.Data.(*schemas.SlotAcquire)
	if !ok || req.Kind != string(s.kind) || req.CallID == "" || len(req.CallID) > maxCallID {
		s.metrics.requests.WithLabelValues(refusedInvalid).Inc()
		s.respondError(m, 400, "not a request for this kind of place")
		return
	}
	log := s.log.With("call_id", req.CallID)
	if s.deps.Accept != nil {
		if err := s.deps.Accept(*req); err != nil {
			s.metrics.requests.WithLabelValues(refusedUnsupported).Inc()
			log.Warn("request for a place refused", "error", err)
			s.respondError(m, 422, err.Error())
			return
		}
	}
	now := time.Now()
	id := schemas.NewID(now)
	if !s.grantPlace(id) {
		s.metrics.requests.WithLabelValues(refusedFull).Inc()
		return
	}
	expires := now.Add(s.cfg.GrantTTL)
	// The token lives in whole seconds, and a little longer than its place:
	// the place's own clock decides.
	tok := token.Sign(s.secret, token.Claims{CallID: req.CallID, Use: string(s.kind), ID: id, Expires: expires.Add(time.Second)})
	err := m.Respond(schemas.SlotGranted{
		Worker: s.deps.Bus.Source(), Engine: s.deps.Engine, URL: s.Addr() + s.kind.Path() + tok, ExpiresAt: expires.UTC(),
	}, schemas.ForCall(req.CallID))
	if err != nil {
		s.places.giveBack(id)
		log.Warn("grant could not be sent", "error", err)
		return
	}
	log.Debug("place granted", "grant", id)
}

// grantPlace takes a place, and when it was the last, ends the subscription
// before the grant is answered: who gets it knows that the next request goes
// elsewhere.
func (s *Server) grantPlace(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining || !s.places.grant(id, s.cfg.GrantTTL) {
		return false
	}
	if err := s.answer(); err != nil {
		s.log.Warn("subscription did not end", "error", err)
	}
	return true
}

func (s *Server) respondError(m bus.Message, code int, text string) {
	if err := m.RespondError(code, text); err != nil {
		s.log.Debug("refusal could not be sent", "error", err)
	}
}
