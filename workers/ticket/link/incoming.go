package link

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
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
		notFound(w, "Messages of ticket systems go to POST /v1/tickets/TENANT/events.")
	})
	return mux
}

// receive takes one message. Whoever sends it tries again unless the answer
// is 2xx, so that only what can never be used is refused.
func (s *Service) receive(w http.ResponseWriter, r *http.Request) {
	tenant := schemas.TenantName(r.PathValue("tenant"))
	g := s.systems[tenant]
	if g == nil {
		notFound(w, "There is no such tenant.")
		return
	}
	receiver, ok := g.System.(ticket.Receiver)
	if !ok {
		notFound(w, "This tenant's connection has no incoming messages.")
		return
	}
	body, err := restcall.ReadMessage(w, r, maxEventBytes)
	if err != nil {
		s.refuse(w, g, err)
		return
	}
	changes, refused, err := receiver.Receive(r.Header, body)
	var field *ticket.FieldError
	switch {
	case errors.Is(err, ticket.ErrSignature):
		s.refuse(w, g, restcall.BadSignature())
		return
	case errors.Is(err, ticket.ErrUnsupported):
		notFound(w, "This tenant's connection has no incoming messages.")
		return
	case errors.As(err, &field):
		s.refuse(w, g, restcall.BadField(field.Field, field.Detail))
		return
	case err != nil:
		s.log.Error("a ticket system's message cannot be checked", "tenant", label(tenant), "error", err)
		restcall.WriteUnavailable(w)
		return
	}
	s.answer(w, r, g, changes, refused)
}

func (s *Service) answer(w http.ResponseWriter, r *http.Request, g *guarded, changes []ticket.ExternalChange, refused []*ticket.FieldError) {
	outcomes := map[string]int{}
	for _, c := range changes {
		outcome, err := s.apply(r.Context(), g, c, sourceWebhook)
		if err != nil {
			restcall.WriteUnavailable(w)
			return
		}
		outcomes[string(outcome)]++
		if outcome != store.EventUnknown {
			continue
		}
		// A copy may be reported before we have heard that it was made.
		unsettled, err := s.links.LinksUnsettled(r.Context(), g.tenant)
		if err != nil || unsettled {
			restcall.WriteUnavailable(w)
			return
		}
	}
	out := map[string]any{"changes": outcomes}
	if n := len(refused); n > 0 {
		outcomes[outcomeRefused] = n
		out["refused"] = s.tellRefused(g, refused, len(changes))
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out)
}

// maxTold bounds how many refused items an answer names.
const maxTold = 10

type refusedItem struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// tellRefused counts what could not be used of a message whose other changes
// were taken. The answer is 200 all the same: most senders repeat a message
// for days unless it is, and it would never be better.
func (s *Service) tellRefused(g *guarded, refused []*ticket.FieldError, taken int) []refusedItem {
	s.metrics.events.WithLabelValues(label(g.tenant), sourceWebhook, outcomeRefused).Add(float64(len(refused)))
	first := refused[0] // details are masked
	s.log.Warn("part of a ticket system's message was refused", "tenant", label(g.tenant), "refused", len(refused), "taken", taken, "field", first.Field, "detail", first.Detail)
	told := make([]refusedItem, 0, maxTold)
	for _, why := range refused[:min(len(refused), maxTold)] {
		told = append(told, refusedItem{why.Field, why.Detail})
	}
	return told
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

// refuse answers a message that is not taken; a sender that is gone is not
// answered.
func (s *Service) refuse(w http.ResponseWriter, g *guarded, err error) {
	var why *restcall.Refusal
	if !errors.As(err, &why) {
		return
	}
	s.metrics.events.WithLabelValues(label(g.tenant), sourceWebhook, outcomeRefused).Inc()
	s.log.Warn("a ticket system's message was refused", "tenant", label(g.tenant), "problem", why.Kind, "field", why.Field)
	why.Write(w)
}

func notFound(w http.ResponseWriter, detail string) {
	(&restcall.Refusal{Status: http.StatusNotFound, Kind: "not-found", Detail: detail}).Write(w)
}
