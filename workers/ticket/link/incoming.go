package link

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
)

// maxEventBytes bounds a message of a ticket system.
const maxEventBytes = 256 << 10

// farAhead is how wrong another system's clock may be: what it dates later
// counts as of now, or nothing would be newer for long.
const farAhead = 5 * time.Minute

func (s *Service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/tickets/{tenant}/events", s.receive)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.problem(w, http.StatusNotFound, "not-found", "Messages of ticket systems go to POST /v1/tickets/TENANT/events.")
	})
	return mux
}

// receive takes one message. Whoever sends it tries again unless the answer
// is 2xx, so that only what can never be used is refused.
func (s *Service) receive(w http.ResponseWriter, r *http.Request) {
	tenant := r.PathValue("tenant")
	if tenant == schemas.DefaultTenant {
		tenant = ""
	}
	g := s.systems[tenant]
	if g == nil {
		s.problem(w, http.StatusNotFound, "not-found", "There is no such tenant.")
		return
	}
	receiver, ok := g.System.(ticket.Receiver)
	if !ok {
		s.problem(w, http.StatusNotFound, "not-found", "This tenant's connection has no incoming messages.")
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		s.refuse(w, g, http.StatusUnsupportedMediaType, "unsupported-media-type", "The message has to be application/json.", "")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEventBytes))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		s.refuse(w, g, http.StatusRequestEntityTooLarge, "too-large", "The message is over 262144 bytes.", "")
		return
	}
	if err != nil {
		return // nobody waits for the answer
	}
	changes, err := receiver.Receive(r.Header, body)
	var field *ticket.FieldError
	switch {
	case errors.Is(err, ticket.ErrSignature):
		s.refuse(w, g, http.StatusUnauthorized, "signature", "The signature is not right, or the message is not of these five minutes.", "")
		return
	case errors.Is(err, ticket.ErrUnsupported):
		s.problem(w, http.StatusNotFound, "not-found", "This tenant's connection has no incoming messages.")
		return
	case errors.As(err, &field):
		s.refuse(w, g, http.StatusUnprocessableEntity, "invalid-message", field.Detail, field.Field)
		return
	case err != nil:
		s.log.Error("a ticket system's message cannot be checked", "tenant", label(tenant), "error", err)
		s.away(w)
		return
	}
	s.answer(w, r, g, changes)
}

func (s *Service) answer(w http.ResponseWriter, r *http.Request, g *guarded, changes []ticket.ExternalChange) {
	outcomes := map[string]int{}
	for _, c := range changes {
		outcome, err := s.apply(r.Context(), g, c, sourceWebhook)
		if err != nil {
			s.away(w)
			return
		}
		outcomes[string(outcome)]++
		if outcome != store.EventUnknown {
			continue
		}
		// A copy may be reported before we have heard that it was made.
		unsettled, err := s.links.LinksUnsettled(r.Context(), g.tenant)
		if err != nil || unsettled {
			s.away(w)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"changes": outcomes})
}

// apply brings a change into the record.
func (s *Service) apply(ctx context.Context, g *guarded, c ticket.ExternalChange, source string) (store.LinkOutcome, error) {
	if now := s.now(); c.At.IsZero() || c.At.After(now.Add(farAhead)) {
		c.At = now
	}
	outcome, facts, err := s.links.ApplyLinkEvent(ctx, store.LinkEvent{
		Tenant: g.tenant, EventID: c.ID, ExternalID: c.ExternalID, TicketID: c.Key, Status: c.Status, Moves: store.TicketStatus(c.Moves), Means: statuses(c.Means),
		URL: c.URL, At: c.At, Sequence: c.Sequence,
	})
	if err != nil {
		s.metrics.events.WithLabelValues(label(g.tenant), source, outcomeFailed).Inc()
		s.log.Warn("a ticket system's change could not be kept", "tenant", label(g.tenant), "error", err)
		return outcome, err
	}
	s.metrics.events.WithLabelValues(label(g.tenant), source, string(outcome)).Inc()
	for _, id := range facts {
		s.publish(ctx, id)
	}
	return outcome, nil
}

func statuses(words []string) []store.TicketStatus {
	out := make([]store.TicketStatus, 0, len(words))
	for _, w := range words {
		out = append(out, store.TicketStatus(w))
	}
	return out
}

func (s *Service) refuse(w http.ResponseWriter, g *guarded, status int, kind, detail, field string) {
	s.metrics.events.WithLabelValues(label(g.tenant), sourceWebhook, outcomeRefused).Inc()
	s.log.Warn("a ticket system's message was refused", "tenant", label(g.tenant), "problem", kind, "field", field)
	if field == "" {
		s.problem(w, status, kind, detail)
		return
	}
	s.problem(w, status, kind, "The message is wrong in: "+field+".", map[string]string{"field": field, "detail": detail})
}

func (s *Service) away(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "5")
	s.problem(w, http.StatusServiceUnavailable, "unavailable", "The message cannot be taken now; send it again.")
}

// problem is RFC 9457.
func (s *Service) problem(w http.ResponseWriter, status int, kind, detail string, fields ...map[string]string) {
	doc := map[string]any{"type": "https://tidegate.dev/problems/" + kind, "title": http.StatusText(status), "status": status, "detail": detail}
	if len(fields) > 0 {
		doc["errors"] = fields
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(doc)
}
