package notify

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
)

// QueryKey sends a secret in the URL, as group robots want it.
type QueryKey struct {
	Name  string          `yaml:"name"`
	Value restcall.Secret `yaml:"value"`
}

func (k *QueryKey) validate() error {
	if k == nil {
		return nil
	}
	var errs []error
	if k.Name == "" {
		errs = append(errs, errors.New("name: missing"))
	}
	if !k.Value.Set() {
		errs = append(errs, errors.New("value: missing"))
	}
	return errors.Join(errs...)
}

// Secrets is the key.
func (k *QueryKey) Secrets() []restcall.Secret { return []restcall.Secret{k.Value} }

// Authorize puts the secret into the query.
func (k *QueryKey) Authorize(_ context.Context, r *http.Request, _ []byte) error {
	v, err := k.Value.Reveal()
	if err != nil {
		return err
	}
	q := r.URL.Query()
	q.Set(k.Name, v.Reveal())
	r.URL.RawQuery = q.Encode()
	return nil
}

// ACS3 signs requests to Alibaba Cloud's API (ACS3-HMAC-SHA256,
// https://help.aliyun.com/document_detail/2593177.html).
type ACS3 struct {
	KeyID     restcall.Secret `yaml:"access_key_id"`
	KeySecret restcall.Secret `yaml:"access_key_secret"`
	Action    string          `yaml:"action"`
	Version   string          `yaml:"version"`

	now   func() time.Time // tests
	nonce func() string
}

func (a *ACS3) validate() error {
	if a == nil {
		return nil
	}
	var errs []error
	for _, f := range []struct {
		key string
		set bool
	}{
		{"access_key_id", a.KeyID.Set()}, {"access_key_secret", a.KeySecret.Set()}, {"action", a.Action != ""}, {"version", a.Version != ""},
	} {
		if !f.set {
			errs = append(errs, errors.New(f.key+": missing"))
		}
	}
	return errors.Join(errs...)
}

// Secrets are both halves of the key.
func (a *ACS3) Secrets() []restcall.Secret { return []restcall.Secret{a.KeyID, a.KeySecret} }

// Authorize signs method, path, query, the headers named x-acs-, host and
// content-type, and the body.
func (a *ACS3) Authorize(_ context.Context, r *http.Request, body []byte) error {
	id, err := a.KeyID.Reveal()
	if err != nil {
		return err
	}
	secret, err := a.KeySecret.Reveal()
	if err != nil {
		return err
	}
	now, nonce := time.Now(), newNonce
	if a.now != nil {
		now, nonce = a.now(), a.nonce
	}
	hash := sha256.Sum256(body)
	h := r.Header
	h.Set("X-Acs-Action", a.Action)
	h.Set("X-Acs-Version", a.Version)
	h.Set("X-Acs-Date", now.UTC().Format("2006-01-02T15:04:05Z"))
	h.Set("X-Acs-Signature-Nonce", nonce())
	h.Set("X-Acs-Content-Sha256", hex.EncodeToString(hash[:]))
	signed := map[string]string{"host": r.URL.Host}
	for name := range h {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-acs-") || lower == "content-type" {
			signed[lower] = strings.TrimSpace(h.Get(name))
		}
	}
	names := make([]string, 0, len(signed))
	for name := range signed {
		names = append(names, name)
	}
	slices.Sort(names)
	var headers strings.Builder
	for _, name := range names {
		headers.WriteString(name + ":" + signed[name] + "\n")
	}
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	list := strings.Join(names, ";")
	request := strings.Join([]string{r.Method, path, canonicalQuery(r.URL.Query()), headers.String(), list, hex.EncodeToString(hash[:])}, "\n")
	digest := sha256.Sum256([]byte(request))
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte("ACS3-HMAC-SHA256\n" + hex.EncodeToString(digest[:])))
	h.Set("Authorization", "ACS3-HMAC-SHA256 Credential="+id.Reveal()+",SignedHeaders="+list+",Signature="+hex.EncodeToString(mac.Sum(nil)))
	return nil
}

// canonicalQuery is sorted by key, with values escaped as RFC 3986 has it.
func canonicalQuery(q url.Values) string {
	keys := make([]string, 0, len(q))
	for k := range q {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	escape := func(s string) string {
		return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(url.QueryEscape(s))
	}
	parts := make([]string, 0, len(keys))
	for _, k := range keys {
		parts = append(parts, escape(k)+"="+escape(q.Get(k)))
	}
	return strings.Join(parts, "&")
}

func newNonce() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
