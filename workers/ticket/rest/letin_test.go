package rest_test

import (
	"crypto/md5" //nolint:gosec // what such platforms ask for
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/workers/ticket"
)

// TestWaysToBeLetIn: ticket systems have those that order systems have.
func TestWaysToBeLetIn(t *testing.T) {
	t.Setenv("DESK_SECRET", "hunter22")
	var tokens, let atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/token" {
			if id, secret, _ := r.BasicAuth(); id != "tidegate" || secret != "hunter22" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{"access_token": fmt.Sprint("token-", tokens.Add(1)), "token_type": "Bearer", "expires_in": 3600})
			return
		}
		user, password, _ := r.BasicAuth()
		// The first token is one that the desk no longer takes.
		if r.Header.Get("Authorization") != "Bearer token-2" && r.Header.Get("Authorization") != "Bearer hunter22" && (user != "u" || password != "hunter22") && !signedBody(body) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		let.Add(1)
		_, _ = io.WriteString(w, `{"data":{"ticket_id":"D-1","state":"new"}}`)
	}))
	defer server.Close()
	for name, auth := range map[string]string{
		"bearer": "auth: {bearer: {env: DESK_SECRET}}",
		"basic":  "auth: {basic: {user: u, password: {env: DESK_SECRET}}}",
		"oauth2": "auth: {oauth2: {token_url: " + server.URL + "/token, client_id: tidegate, client_secret: {env: DESK_SECRET}}}",
		"sign":   `auth: {sign: {in: body, params: {app: tidegate, at: "{{ unix }}"}, secret: {env: DESK_SECRET}, algorithm: md5, before: "{secret}", after: "{secret}", case: upper}}`,
	} {
		let.Store(0)
		s := system(t, strings.Replace(small, "BASE\n", server.URL+"\n"+auth+"\n", 1))
		if e, err := s.Create(t.Context(), ticket.Sample(time.Now())); err != nil || e.ID != "D-1" || let.Load() != 1 {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	s := system(t, strings.Replace(small, "BASE\n", server.URL+"\nauth: {oauth2: {token_url: "+server.URL+"/token, client_id: other, client_secret: {env: DESK_SECRET}}}\n", 1))
	if _, err := s.Create(t.Context(), ticket.Sample(time.Now())); !errors.Is(err, ticket.ErrDenied) || strings.Contains(fmt.Sprint(err), "hunter22") {
		t.Errorf("another client: %v", err)
	}
}

// signedBody checks a body as such a platform does.
func signedBody(body []byte) bool {
	fields := map[string]string{}
	if json.Unmarshal(body, &fields) != nil || fields["app"] != "tidegate" || fields["at"] == "" {
		return false
	}
	text := "hunter22"
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != "sign" && fields[name] != "" {
			text += name + fields[name]
		}
	}
	return fields["sign"] == fmt.Sprintf("%X", md5.Sum([]byte(text+"hunter22"))) //nolint:gosec // see above
}
