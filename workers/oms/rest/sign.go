package rest

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // what the platforms ask for
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"net/url"
	"slices"
	"strings"
	"text/template"
)

// signer signs a query as Chinese platforms have it: the parameters sorted by
// name, joined with their values, secret before or after, digested, in hex.
// Taobao and JD: md5, secret on both sides, no separators, upper case.
// Kuaishou: md5, k=v joined by &, &signSecret= after.
type signer struct {
	params    map[string]*template.Template
	name      string
	algorithm string
	secret    *template.Template
	before    string
	after     string
	between   string
	join      string
	upper     bool
	base64    bool // in place of hex
}

var signAlgorithms = []string{"md5", "sha256", "hmac-md5", "hmac-sha256"}

func (s *signer) sign(q url.Values, data map[string]any) error {
	for name, t := range s.params {
		v, err := render(t, data)
		if err != nil {
			return err
		}
		q.Set(name, v)
	}
	secret, err := render(s.secret, data)
	if err != nil {
		return err
	}
	q.Set(s.name, s.signature(q, secret))
	return nil
}

func (s *signer) signature(q url.Values, secret string) string {
	var names []string
	for name := range q {
		if name != s.name && q.Get(name) != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var pairs []string
	for _, name := range names {
		pairs = append(pairs, name+s.between+q.Get(name))
	}
	with := func(t string) string { return strings.ReplaceAll(t, "{secret}", secret) }
	text := with(s.before) + strings.Join(pairs, s.join) + with(s.after)
	var h hash.Hash
	switch s.algorithm {
	case "hmac-md5":
		h = hmac.New(md5.New, []byte(secret))
	case "hmac-sha256":
		h = hmac.New(sha256.New, []byte(secret))
	case "sha256":
		h = sha256.New()
	default:
		h = md5.New() //nolint:gosec // see above
	}
	h.Write([]byte(text))
	if s.base64 {
		return base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	sum := hex.EncodeToString(h.Sum(nil))
	if s.upper {
		return strings.ToUpper(sum)
	}
	return sum
}
