package restcall

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
)

// Authorizer lets requests in. Body is what will be sent, for schemes that
// sign it. One with a method Secrets() []Secret has them hidden in what is
// shown.
type Authorizer interface {
	Authorize(ctx context.Context, r *http.Request, body []byte) error
}

// Auth is how requests of a file are let in; one of its fields at most.
type Auth struct {
	Header *HeaderAuth `yaml:"header"`
	Basic  *BasicAuth  `yaml:"basic"`
	Bearer *Secret     `yaml:"bearer"`
	OAuth2 *OAuth2     `yaml:"oauth2"`
	Sign   *ParamSign  `yaml:"sign"`
}

// HeaderAuth sends a secret in a header of its own. Prefix comes before it.
type HeaderAuth struct {
	Name   string `yaml:"name"`
	Prefix string `yaml:"prefix"`
	Value  Secret `yaml:"value"`
}

// BasicAuth is RFC 7617. Some systems take a key for the user, and no
// password.
type BasicAuth struct {
	User     Value  `yaml:"user"`
	Password Secret `yaml:"password"`
}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")

// way is one way to be let in.
type way interface {
	validate(plainHTTP bool) error
	secrets() []Secret
}

// ways lists those that the file has.
func (a Auth) ways() []way {
	var out []way
	if a.Header != nil {
		out = append(out, a.Header)
	}
	if a.Basic != nil {
		out = append(out, a.Basic)
	}
	if a.Bearer != nil {
		out = append(out, bearer{*a.Bearer})
	}
	if a.OAuth2 != nil {
		out = append(out, a.OAuth2)
	}
	if a.Sign != nil {
		out = append(out, a.Sign)
	}
	return out
}

// validate names what is missing.
func (a Auth) validate(plainHTTP bool) error {
	var errs []error
	ways := a.ways()
	if len(ways) > 1 {
		errs = append(errs, errors.New("auth: wants one way, not several"))
	}
	for _, w := range ways {
		errs = append(errs, w.validate(plainHTTP))
	}
	return errors.Join(errs...)
}

// Secrets lists what has to be there.
func (a Auth) Secrets() []Secret {
	var out []Secret
	for _, w := range a.ways() {
		out = append(out, w.secrets()...)
	}
	return out
}

func (h *HeaderAuth) validate(bool) error {
	var errs []error
	if !headerName.MatchString(h.Name) {
		errs = append(errs, errors.New("auth.header.name: is no name of a header"))
	}
	if !h.Value.Set() {
		errs = append(errs, errors.New("auth.header.value: missing"))
	}
	return errors.Join(errs...)
}

func (h *HeaderAuth) secrets() []Secret { return []Secret{h.Value} }

// Authorize sets the header.
func (h *HeaderAuth) Authorize(_ context.Context, r *http.Request, _ []byte) error {
	v, err := h.Value.Reveal()
	if err == nil {
		r.Header.Set(h.Name, h.Prefix+v.Reveal())
	}
	return err
}

func (b *BasicAuth) validate(bool) error {
	if !b.User.Set() {
		return errors.New("auth.basic.user: missing")
	}
	if !b.Password.Set() && !b.User.Secret.Set() {
		return errors.New("auth.basic.password: missing")
	}
	return nil
}

func (b *BasicAuth) secrets() []Secret {
	out := b.User.secrets()
	if b.Password.Set() {
		out = append(out, b.Password)
	}
	return out
}

// Authorize sets user and password.
func (b *BasicAuth) Authorize(_ context.Context, r *http.Request, _ []byte) error {
	user, err := b.User.Reveal()
	if err != nil {
		return err
	}
	password := ""
	if b.Password.Set() {
		v, err := b.Password.Reveal()
		if err != nil {
			return err
		}
		password = v.Reveal()
	}
	r.SetBasicAuth(user, password)
	return nil
}

// bearer is RFC 6750 with a token that does not change by itself.
type bearer struct{ token Secret }

func (b bearer) validate(bool) error {
	if !b.token.Set() {
		return fmt.Errorf("auth.bearer: missing")
	}
	return nil
}

func (b bearer) secrets() []Secret { return []Secret{b.token} }

func (b bearer) Authorize(_ context.Context, r *http.Request, _ []byte) error {
	v, err := b.token.Reveal()
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+v.Reveal())
	}
	return err
}

// open lets everything through as it is.
type open struct{}

func (open) Authorize(context.Context, *http.Request, []byte) error { return nil }

// authorizer is the way of the file; client fetches tokens.
func (a Auth) authorizer(client *http.Client) Authorizer {
	if a.OAuth2 != nil {
		return newTokens(a.OAuth2, client)
	}
	for _, w := range a.ways() {
		if way, ok := w.(Authorizer); ok {
			return way
		}
	}
	return open{}
}
