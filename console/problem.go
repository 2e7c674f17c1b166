package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/tidegate/tidegate/internal/store"
)

const problemBase = "https://tidegate.dev/problems/"

// problem is an RFC 9457 problem document. Errors names the fields at fault.
type problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Errors []fieldError `json:"errors,omitempty"`
	Kind   string       `json:"-"`
}

type fieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

func writeProblem(w http.ResponseWriter, p problem) {
	p.Type, p.Title = problemBase+p.Kind, http.StatusText(p.Status)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

func methodNotAllowed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Allow", "GET, HEAD")
	writeProblem(w, problem{Status: http.StatusMethodNotAllowed, Kind: "method-not-allowed", Detail: "Only GET is served here."})
}

// fail answers with what an error means to the client, and logs what it means
// to the operator. Neither quotes the query: it may hold somebody's number.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	var bad *queryError
	switch {
	case errors.As(err, &bad):
		writeProblem(w, problem{Status: http.StatusBadRequest, Kind: "invalid-parameter", Detail: "The query is wrong in: " + strings.Join(bad.names(), ", ") + ".", Errors: bad.fields})
	case errors.Is(err, store.ErrNotFound):
		writeProblem(w, problem{Status: http.StatusNotFound, Kind: "not-found", Detail: "There is no such record."})
	case r.Context().Err() != nil:
		return // nobody waits for the answer
	default:
		s.log.Warn("request failed", "route", r.Pattern, "error", err)
		w.Header().Set("Retry-After", "2")
		writeProblem(w, problem{Status: http.StatusServiceUnavailable, Kind: "unavailable", Detail: "The records cannot be read now."})
	}
}
