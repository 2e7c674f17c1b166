package console

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Scope is one thing that an API key may do.
type Scope string

// The scopes. Personal adds telephone numbers, addresses and what people said
// to what the other scopes show.
const (
	ScopeTicketsRead  Scope = "tickets:read"
	ScopeTicketsWrite Scope = "tickets:write"
	// ScopeTicketsApprove gives and refuses approvals, together with
	// ScopeTicketsWrite.
	ScopeTicketsApprove Scope = "tickets:approve"
	ScopeCallsRead      Scope = "calls:read"
	ScopeExport         Scope = "export"
	ScopePersonal       Scope = "personal"
	ScopeStats          Scope = "stats"
	ScopeAudit          Scope = "audit"
	// scopePublic is the mark of a route that everybody may ask, and no scope
	// of a key.
	scopePublic Scope = "public"
)

// Scopes are all that a key can have.
var Scopes = []Scope{ScopeTicketsRead, ScopeTicketsWrite, ScopeTicketsApprove, ScopeCallsRead, ScopeExport, ScopePersonal, ScopeStats, ScopeAudit}

// ParseScopes reads scopes and names every one that is wrong. None is wrong,
// too: such a key opens nothing.
func ParseScopes(list []string) ([]Scope, error) {
	var out []Scope
	var errs []error
	for _, s := range list {
		switch scope := Scope(strings.TrimSpace(s)); {
		case !slices.Contains(Scopes, scope):
			errs = append(errs, fmt.Errorf("scope: %.40q is none of %s", s, joined(Scopes)))
		case !slices.Contains(out, scope):
			out = append(out, scope)
		}
	}
	if len(list) == 0 {
		errs = append(errs, errors.New("scope: none is given"))
	}
	return out, errors.Join(errs...)
}

func joined[T ~string](list []T) string {
	var b strings.Builder
	for i, v := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(v))
	}
	return b.String()
}
