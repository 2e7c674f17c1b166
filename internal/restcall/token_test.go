package restcall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// tokenClient makes a client whose tokens come from /token of the same server.
func tokenClient(t *testing.T, h http.HandlerFunc) (*Client, *Call) {
	t.Helper()
	t.Setenv("DESK_SECRET", "hunter22")
	c, call := serve(t, h, "auth: {oauth2: {token_url: 'http://127.0.0.1:1/token', client_id: tidegate, client_secret: {env: DESK_SECRET}}}")
	c.end.Auth.OAuth2.TokenURL, c.end.Timeout = c.base.String()+"/token", 20*time.Second
	return c, call
}

// Two requests whose token was refused fetch one new token together: some
// servers end the last token when they give another.
func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	var fetched, old atomic.Int64
	both, renewed := make(chan struct{}), make(chan struct{})
	c, call := tokenClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			n := fetched.Add(1)
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{"access_token": fmt.Sprint("token-", n), "token_type": "bearer", "expires_in": 3600})
			return
		}
		if r.Header.Get("Authorization") == "Bearer token-1" {
			// Both ask with the old one; the second answer comes when the first
			// has led to a new one.
			if old.Add(1) == 1 {
				<-both
			} else {
				close(both)
				<-renewed
			}
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"data":{"id":"1"}}`)
	})
	if _, err := c.auth.(*tokens).valid(t.Context()); err != nil {
		t.Fatal(err)
	}
	var asking sync.WaitGroup
	for range 2 {
		asking.Go(func() {
			if _, err := c.Do(t.Context(), "create", call, sample, Require("id")); err != nil {
				t.Error(err)
			}
		})
	}
	for deadline := time.Now().Add(20 * time.Second); fetched.Load() < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("no new token was fetched")
			break
		}
	}
	close(renewed)
	asking.Wait()
	if n := fetched.Load(); n != 2 {
		t.Errorf("%d tokens, want 2", n)
	}
}

// Who waits for a token that another request fetches waits no longer than
// they have time.
func TestWaitingForATokenEnds(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	c, call := tokenClient(t, func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-release
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	var first sync.WaitGroup
	first.Go(func() { _, _ = c.Do(t.Context(), "create", call, sample) })
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	second := make(chan error, 1)
	first.Go(func() {
		_, err := c.Do(ctx, "create", call, sample)
		second <- err
	})
	select {
	case err := <-second:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it waits for what another request does")
	}
	close(release)
	first.Wait()
}

// A token that an answer repeats is hidden like any other secret.
func TestATokenIsNotShown(t *testing.T) {
	c, call := tokenClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"access_token":"abc.def-ghi","token_type":"bearer","expires_in":3600}`)
			return
		}
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintf(w, `{"message":"not with %s"}`, r.Header.Get("Authorization"))
	})
	var shown Exchange
	_, err := c.Do(t.Context(), "create", call, sample, Show(&shown))
	if all := fmt.Sprint(err, shown); !strings.Contains(all, "not with Bearer ***") || strings.Contains(all, "def") {
		t.Errorf("shown %s", all)
	}
}
