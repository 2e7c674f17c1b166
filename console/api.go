package console

import (
	"context"
	_ "embed"
	"encoding/json"
	"net/http"

	"github.com/tidegate/tidegate/internal/store"
)

//go:embed openapi.yaml
var document []byte

func serveDocument(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(document)
}

type callsPage struct {
	Calls      []callView   `json:"calls"`
	NextCursor store.Cursor `json:"next_cursor,omitempty"`
}

type ticketsPage struct {
	Tickets    []ticketView `json:"tickets"`
	NextCursor store.Cursor `json:"next_cursor,omitempty"`
}

func (s *Service) listCalls(w http.ResponseWriter, r *http.Request) {
	f, limit, after, err := parseCalls(r.URL.RawQuery)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	list, next, err := s.records.Calls(ctx, f, limit, after)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	page := callsPage{Calls: make([]callView, 0, len(list)), NextCursor: next}
	for _, c := range list {
		page.Calls = append(page.Calls, viewCall(c))
	}
	writeJSON(w, page)
}

func (s *Service) showCall(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !idPattern.MatchString(id) {
		s.fail(w, r, &queryError{[]fieldError{{Field: "id", Detail: "does not match " + idPattern.String()}}})
		return
	}
	if err := newQuery(r.URL.RawQuery).end(); err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	d, err := s.records.CallDetail(ctx, id)
	p := asker(r)
	personal := p.may(ScopePersonal)
	if err == nil && personal {
		err = s.auditReading(ctx, p, ActionCallRead, id)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, viewDetail(d, personal))
}

func (s *Service) listTickets(w http.ResponseWriter, r *http.Request) {
	f, limit, after, err := parseTickets(r.URL.RawQuery)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	list, next, err := s.records.Tickets(ctx, f, limit, after)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	page := ticketsPage{Tickets: make([]ticketView, 0, len(list)), NextCursor: next}
	for _, t := range list {
		page.Tickets = append(page.Tickets, viewTicket(t, false))
	}
	writeJSON(w, page)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
