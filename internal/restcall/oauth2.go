package restcall

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// OAuth2 fetches tokens by client credentials (RFC 6749, section 4.4).
type OAuth2 struct {
	TokenURL     string   `yaml:"token_url"`
	ClientID     Value    `yaml:"client_id"`
	ClientSecret Secret   `yaml:"client_secret"`
	Scopes       []string `yaml:"scopes"`
	// InBody sends the credentials in the body, for servers that do not read
	// the header.
	InBody bool `yaml:"credentials_in_body"`
}

func (o *OAuth2) validate(plainHTTP bool) error {
	var errs []error
	u, err := url.Parse(o.TokenURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && (plainHTTP || isLoopback(u.Hostname()))) {
		errs = append(errs, errors.New("auth.oauth2.token_url: wants https://HOST/PATH"))
	}
	if !o.ClientID.Set() {
		errs = append(errs, errors.New("auth.oauth2.client_id: missing"))
	}
	if !o.ClientSecret.Set() {
		errs = append(errs, errors.New("auth.oauth2.client_secret: missing"))
	}
	return errors.Join(errs...)
}

func (o *OAuth2) secrets() []Secret { return append(o.ClientID.secrets(), o.ClientSecret) }

// tokens keeps a token while it is valid.
type tokens struct {
	from   *OAuth2
	client *http.Client
	turn   chan struct{} // of one place; held while token is read, fetched or dropped
	token  *oauth2.Token
}

func newTokens(from *OAuth2, client *http.Client) *tokens {
	return &tokens{from: from, client: client, turn: make(chan struct{}, 1)}
}

// Authorize sets the header, with a token that is valid for a while yet.
func (t *tokens) Authorize(ctx context.Context, r *http.Request, _ []byte) error {
	token, err := t.valid(ctx)
	if err == nil {
		token.SetAuthHeader(r)
	}
	return err
}

// errToken: the token's server is away.
var errToken = errors.New("no token can be fetched")

// valid fetches a token when there is none. Requests at the same time wait
// for one fetch, each as long as it has time.
func (t *tokens) valid(ctx context.Context) (*oauth2.Token, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return nil, errToken
	}
	if t.token.Valid() {
		return t.token, nil
	}
	id, err := t.from.ClientID.Reveal()
	if err != nil {
		return nil, err
	}
	secret, err := t.from.ClientSecret.Reveal()
	if err != nil {
		return nil, err
	}
	cfg := clientcredentials.Config{ClientID: id, ClientSecret: secret.Reveal(), TokenURL: t.from.TokenURL, Scopes: t.from.Scopes, AuthStyle: oauth2.AuthStyleInHeader}
	if t.from.InBody {
		cfg.AuthStyle = oauth2.AuthStyleInParams
	}
	token, err := cfg.Token(context.WithValue(ctx, oauth2.HTTPClient, t.client))
	if err == nil {
		t.token = token
		return token, nil
	}
	// The library's errors quote the answer.
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		if s := refused.Response.StatusCode; s < 500 && s != http.StatusTooManyRequests {
			return nil, fmt.Errorf("token_url answers with status %d", s)
		}
		return nil, fmt.Errorf("%w: token_url answers with status %d", errToken, refused.Response.StatusCode)
	}
	return nil, errToken
}

// forget drops a token that is no longer taken, given as the header that it
// was sent in; the next request fetches one. One that came in its place stays.
func (t *tokens) forget(ctx context.Context, sent string) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return
	}
	if t.token != nil && sent == t.token.Type()+" "+t.token.AccessToken {
		t.token = nil
	}
}

// kept is the token that is in use, to be hidden; none while one is fetched.
func (t *tokens) kept() []string {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	default:
		return nil
	}
	if t.token == nil {
		return nil
	}
	return []string{t.token.AccessToken}
}
