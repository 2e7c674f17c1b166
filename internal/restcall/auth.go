package restcall

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Authorizer lets requests in. Body is what will be sent, for schemes that
// sign it.
type Authorizer interface {
	Authorize(ctx context.Context, r *http.Request, body []byte) error
}

// Auth is how requests of a file are let in; one of its fields at most.
type Auth struct {
	Header *HeaderAuth `yaml:"header"`
	Basic  *BasicAuth  `yaml:"basic"`
	Bearer *Secret     `yaml:"bearer"`
}

// HeaderAuth sends a secret in a header of its own. Prefix comes before it.
type HeaderAuth struct {
	Name   string `yaml:"name"`
	Prefix string `yaml:"prefix"`
	Value  Secret `yaml:"value"`
}

// BasicAuth is RFC 7617.
type BasicAuth struct {
	User     string `yaml:"user"`
	Password Secret `yaml:"password"`
}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")

// Validate names what is missing.
func (a Auth) Validate() error {
	var errs []error
	n := 0
	if h := a.Header; h != nil {
		n++
		if !headerName.MatchString(h.Name) {
			errs = append(errs, errors.New("auth.header.name: is no name of a header"))
		}
		if !h.Value.Set() {
			errs = append(errs, errors.New("auth.header.value: missing"))
		}
	}
	if b := a.Basic; b != nil {
		n++
		if b.User == "" || !b.Password.Set() {
			errs = append(errs, errors.New("auth.basic: wants user and password"))
		}
	}
	if a.Bearer != nil {
		n++
	}
	if n > 1 {
		errs = append(errs, errors.New("auth: wants one way, not several"))
	}
	return errors.Join(errs...)
}

// Secrets lists what has to be there.
func (a Auth) Secrets() []Secret {
	var out []Secret
	if a.Header != nil {
		out = append(out, a.Header.Value)
	}
	if a.Basic != nil {
		out = append(out, a.Basic.Password)
	}
	if a.Bearer != nil {
		out = append(out, *a.Bearer)
	}
	return out
}

// Authorize puts the secret into the request's headers.
func (a Auth) Authorize(_ context.Context, r *http.Request, _ []byte) error {
	switch {
	case a.Header != nil:
		v, err := a.Header.Value.Reveal()
		if err != nil {
			return err
		}
		r.Header.Set(a.Header.Name, a.Header.Prefix+v.Reveal())
	case a.Basic != nil:
		v, err := a.Basic.Password.Reveal()
		if err != nil {
			return err
		}
		r.SetBasicAuth(a.Basic.User, v.Reveal())
	case a.Bearer != nil:
		v, err := a.Bearer.Reveal()
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+v.Reveal())
	}
	return nil
}

// Signing is a Standard Webhooks key (https://www.standardwebhooks.com):
// whsec_BASE64.
type Signing struct {
	Secret Secret `yaml:"secret"`
}

// Sign signs a request that is about to be sent. Id is the message's, the
// same for every repeat.
func (s Signing) Sign(r *http.Request, id string, at time.Time, body []byte) error {
	key, err := s.key()
	if err != nil {
		return err
	}
	signature, err := key.Sign(id, at, body)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", fmt.Sprint(at.Unix()))
	r.Header.Set("Webhook-Signature", signature)
	return nil
}

// ErrSignature: a message is not signed with the key, or outside of the
// window of five minutes in which it may come.
var ErrSignature = errors.New("the signature is not right")

// Verify checks a message that came.
func (s Signing) Verify(h http.Header, body []byte) error {
	key, err := s.key()
	if err != nil {
		return err
	}
	if err := key.Verify(body, h); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}

func (s Signing) key() (*webhooks.Webhook, error) {
	v, err := s.Secret.Reveal()
	if err != nil {
		return nil, err
	}
	key, err := webhooks.NewWebhook(v.Reveal())
	if err != nil {
		return nil, fmt.Errorf("%w: is no whsec_ key in base64", ErrSecret)
	}
	return key, nil
}
