package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// guarded asks for the bearer token (RFC 6750), when one is configured.
func (s *Service) guarded(h http.HandlerFunc) http.HandlerFunc {
	if s.cfg.Token == "" {
		return h
	}
	want := sha256.Sum256([]byte(s.cfg.Token.Reveal()))
	return func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(strings.TrimSpace(token)))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="tidegate"`)
			writeProblem(w, problem{Status: http.StatusUnauthorized, Kind: "unauthorized", Detail: "The API asks for a bearer token."})
			return
		}
		h(w, r)
	}
}

// localOnly refuses other host names on an open console: a page elsewhere
// could point its own name at this machine and read the records through the
// visitor's browser.
func (s *Service) localOnly(h http.Handler) http.Handler {
	if s.cfg.Token != "" || s.cfg.Anonymous {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !loopback(strings.Trim(host, "[]")) {
			writeProblem(w, problem{Status: http.StatusMisdirectedRequest, Kind: "wrong-host", Detail: "Without a token the console answers to this machine's own names only."})
			return
		}
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
