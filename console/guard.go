package console

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/store"
)

// Names of those who ask without a key of their own, as the audit log has
// them.
const (
	actorToken     = "token"     // the configured one
	actorLocal     = "local"     // this machine, where nothing is asked for
	actorAnonymous = "anonymous" // any address, by configuration
)

// anonymousScopes are what a console that is open to any address shows: what
// it reads, and nothing that writes or carries everything away.
var anonymousScopes = []Scope{ScopeTicketsRead, ScopeCallsRead, ScopePersonal, ScopeStats}

// principal is who asks.
type principal struct {
	actor   string
	name    string // of the key; empty for who has none
	address string
	scopes  []Scope
}

// who stands in tickets' histories: the person that a key is named after, or
// else the actor. What the program itself is called there is no person's name.
func (p principal) who() string {
	if store.ValidWho(p.name) && !slices.Contains(ownNames, p.name) && !strings.Contains(p.name, ":") {
		return p.name
	}
	return p.actor
}

var ownNames = []string{"dispatch", "escalation", "cli", actorToken, actorLocal, actorAnonymous}

func (p principal) may(s Scope) bool { return s == scopePublic || slices.Contains(p.scopes, s) }

type principalKey struct{}

// asker is who asks; of a route that is not guarded, nobody.
func asker(r *http.Request) principal {
	p, _ := r.Context().Value(principalKey{}).(principal)
	return p
}

// guarded lets a request in that comes at a bearable rate, from somebody who
// is known and may.
func (s *Service) guarded(scope Scope, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		address, network := addressOf(r)
		// The address comes first: guessing keys costs tokens, too.
		if !s.byAddress.admit(w, network, s.now()) {
			s.metrics.limited.WithLabelValues(s.byAddress.policy).Inc()
			return
		}
		if scope == scopePublic {
			h(w, r)
			return
		}
		p, err := s.authenticate(r)
		if errors.Is(err, errUnknown) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="tidegate"`)
			writeProblem(w, problem{Status: http.StatusUnauthorized, Kind: kindUnauthorized, Detail: "The API asks for a bearer token that is known, not expired and not revoked."})
			return
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		p.address = address
		if !s.byKey.admit(w, p.actor, s.now()) {
			s.metrics.limited.WithLabelValues(s.byKey.policy).Inc()
			return
		}
		if !p.may(scope) {
			refuseScope(w, scope)
			return
		}
		h(w, r.WithContext(context.WithValue(r.Context(), principalKey{}, p)))
	}
}

// refuseScope answers as RFC 6750, 3.1, has it.
func refuseScope(w http.ResponseWriter, scope Scope) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="tidegate", error="insufficient_scope", scope="`+string(scope)+`"`)
	writeProblem(w, problem{Status: http.StatusForbidden, Kind: kindScope, Detail: "The key lacks the scope " + string(scope) + "."})
}

var errUnknown = errors.New("unknown bearer token")

// authenticate finds out who asks: by the configured token, by a key, or, on
// a console that asks for neither, by where it listens.
func (s *Service) authenticate(r *http.Request) (principal, error) {
	scheme, presented, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	presented = strings.TrimSpace(presented)
	if !strings.EqualFold(scheme, "Bearer") {
		presented = ""
	}
	if s.cfg.Token != "" {
		// Hashes have one length, so that the comparison's time says nothing.
		got, want := sha256.Sum256([]byte(presented)), sha256.Sum256([]byte(s.cfg.Token.Reveal()))
		if subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
			return principal{actor: actorToken, scopes: Scopes}, nil
		}
	}
	if strings.HasPrefix(presented, keyPrefix) {
		return s.byAPIKey(r.Context(), presented)
	}
	switch {
	case s.cfg.guarded():
		return principal{}, errUnknown
	case s.cfg.Anonymous:
		return principal{actor: actorAnonymous, scopes: anonymousScopes}, nil
	}
	return principal{actor: actorLocal, scopes: Scopes}, nil
}

// touchEvery is how exactly the last use of a key is known.
const touchEvery = time.Minute

func (s *Service) byAPIKey(ctx context.Context, presented string) (principal, error) {
	id, secret, ok := parseKey(presented)
	if !ok {
		return principal{}, errUnknown
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	k, err := s.records.APIKey(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return principal{}, err
	}
	// Of an unknown id the secret is compared as well, to no effect.
	fits, now := opens(k, secret), s.now()
	if err != nil || !fits || !k.Valid(now) {
		return principal{}, errUnknown
	}
	if k.LastUsedAt == nil || now.Sub(*k.LastUsedAt) >= touchEvery {
		if err := s.records.TouchAPIKey(ctx, id, now); err != nil {
			s.log.Warn("last use of an API key not noted", "key", id, "error", err)
		}
	}
	p := principal{actor: k.ID, name: k.Name}
	for _, scope := range k.Scopes {
		p.scopes = append(p.scopes, Scope(scope))
	}
	return p, nil
}

// sameOrigin refuses a browser's request that another site's page made, on
// paths that write: an open console would take it for this machine's own.
func (s *Service) sameOrigin(h http.HandlerFunc) http.HandlerFunc {
	check := http.NewCrossOriginProtection()
	return func(w http.ResponseWriter, r *http.Request) {
		if err := check.Check(r); err != nil {
			writeProblem(w, problem{Status: http.StatusForbidden, Kind: kindCrossOrigin, Detail: "A page of another site may not write here."})
			return
		}
		h(w, r)
	}
}

// localOnly refuses other host names on an open console: a page elsewhere
// could point its own name at this machine and read the records through the
// visitor's browser.
func (s *Service) localOnly(h http.Handler) http.Handler {
	if s.cfg.guarded() || s.cfg.Anonymous {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !loopback(strings.Trim(host, "[]")) {
			writeProblem(w, problem{Status: http.StatusMisdirectedRequest, Kind: kindWrongHost, Detail: "Without a token the console answers to this machine's own names only."})
			return
		}
		h.ServeHTTP(w, r)
	})
}

// timely cuts off who does not read: an answer has to be made and sent within
// twice the time for making the longest. Exports have a time for each batch.
func (s *Service) timely(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Recorders of tests know no deadlines.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(2 * s.cfg.LongTimeout))
		h.ServeHTTP(w, r)
	})
}

// secured sets the headers that keep browsers from doing anything else with
// an answer; the page sets its own, wider Content-Security-Policy.
func secured(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("X-Frame-Options", "DENY")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Cache-Control", "no-store")
		h.ServeHTTP(w, r)
	})
}
