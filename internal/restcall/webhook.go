package restcall

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

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
