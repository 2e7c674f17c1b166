package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/tidegate/tidegate/internal/store"
)

const problemBase = "https://tidegate.dev/problems/"

// Kinds of problems; the last part of a problem's type. openapi.yaml lists
// them all.
const (
	kindParameter    = "invalid-parameter"
	kindBody         = "invalid-body"
	kindUnauthorized = "unauthorized"
	kindScope        = "missing-scope"
	kindCrossOrigin  = "cross-origin"
	kindNotFound     = "not-found"
	kindMethod       = "method-not-allowed"
	kindTransition   = "illegal-transition"
	kindChanged      = "changed-meanwhile"
	kindOwnApproval  = "own-approval"
	kindEnded        = "ticket-ended"
	kindFull         = "full"
	kindTooLarge     = "too-large"
	kindMediaType    = "unsupported-media-type"
	kindWrongHost    = "wrong-host"
	kindNoVersion    = "version-required"
	kindTooMany      = "too-many-requests"
	kindUnavailable  = "unavailable"
)

var problemKinds = []string{
	kindParameter, kindBody, kindUnauthorized, kindScope, kindCrossOrigin, kindNotFound, kindMethod, kindTransition, kindChanged,
	kindOwnApproval, kindEnded, kindFull, kindTooLarge, kindMediaType, kindWrongHost, kindNoVersion, kindTooMany, kindUnavailable,
}

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

func namesOf(fields []fieldError) []string {
	var out []string
	for _, f := range fields {
		if !slices.Contains(out, f.Field) {
			out = append(out, f.Field)
		}
	}
	return out
}

func writeProblem(w http.ResponseWriter, p problem) {
	p.Type, p.Title = problemBase+p.Kind, http.StatusText(p.Status)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// methodNotAllowed answers for a path that has other methods.
func methodNotAllowed(methods []string) http.HandlerFunc {
	allowed := slices.Clone(methods)
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	slices.Sort(allowed)
	list := strings.Join(allowed, ", ")
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", list)
		writeProblem(w, problem{Status: http.StatusMethodNotAllowed, Kind: kindMethod, Detail: "This path takes " + list + "."})
	}
}

// fail answers with what an error means to the client, and logs what it means
// to the operator. Neither quotes the request: it may hold somebody's number.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	var query *queryError
	var body *bodyError
	switch {
	case errors.As(err, &query):
		writeProblem(w, problem{Status: http.StatusBadRequest, Kind: kindParameter, Detail: "The request is wrong in: " + strings.Join(namesOf(query.fields), ", ") + ".", Errors: query.fields})
	case errors.As(err, &body):
		writeProblem(w, problem{Status: body.status, Kind: body.kind, Detail: body.detail, Errors: body.fields})
	case errors.Is(err, store.ErrNotFound):
		writeProblem(w, problem{Status: http.StatusNotFound, Kind: kindNotFound, Detail: "There is no such record."})
	case r.Context().Err() != nil:
		return // nobody waits for the answer
	default:
		s.log.Warn("request failed", "route", r.Pattern, "error", err)
		w.Header().Set("Retry-After", "2")
		writeProblem(w, problem{Status: http.StatusServiceUnavailable, Kind: kindUnavailable, Detail: "The records cannot be read or written now."})
	}
}
