package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"text/template"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/tidegate/tidegate/internal/store"
)

// Kinds of authentication.
const (
	authNone   = "none"
	authHeader = "header"
	authBasic  = "basic"
	authOAuth2 = "oauth2"
	authSign   = "sign"
)

var authKinds = []string{authNone, authHeader, authBasic, authOAuth2, authSign}

// auth lets requests in.
type auth struct {
	kind           string
	header         string
	value          *template.Template
	user, password *template.Template
	sign           *signer

	oauth    clientcredentials.Config
	id, pass *template.Template
	client   *http.Client
	mu       sync.Mutex
	token    *oauth2.Token
}

// set puts what lets the request in into it.
func (a *auth) set(ctx context.Context, req *http.Request, data map[string]any) error {
	switch a.kind {
	case authHeader:
		v, err := render(a.value, data)
		if err != nil {
			return err
		}
		req.Header.Set(a.header, v)
	case authBasic:
		user, err := render(a.user, data)
		if err != nil {
			return err
		}
		password, err := render(a.password, data)
		if err != nil {
			return err
		}
		req.SetBasicAuth(user, password)
	case authOAuth2:
		t, err := a.bearer(ctx, data)
		if err != nil {
			return err
		}
		t.SetAuthHeader(req)
	}
	return nil
}

// bearer is a token that is valid for a while yet. Requests at the same time
// wait for one fetch.
func (a *auth) bearer(ctx context.Context, data map[string]any) (*oauth2.Token, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token.Valid() {
		return a.token, nil
	}
	cfg := a.oauth
	var err error
	if cfg.ClientID, err = render(a.id, data); err != nil {
		return nil, err
	}
	if cfg.ClientSecret, err = render(a.pass, data); err != nil {
		return nil, err
	}
	t, err := cfg.Token(context.WithValue(ctx, oauth2.HTTPClient, a.client))
	if err == nil {
		a.token = t
		return t, nil
	}
	var refused *oauth2.RetrieveError
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode < 500 && refused.Response.StatusCode != http.StatusTooManyRequests:
		return nil, fmt.Errorf("%w: token: status %d", ErrDenied, refused.Response.StatusCode)
	}
	return nil, fmt.Errorf("%w: token could not be fetched", store.ErrUnavailable)
}

// forget drops a token that the system no longer takes; false when there is
// nothing to fetch anew.
func (a *auth) forget() bool {
	if a.kind != authOAuth2 {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.token = nil
	return true
}
