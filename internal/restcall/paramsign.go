package restcall

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // what the platforms ask for
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// ParamSign signs the parameters of a request as Chinese platforms have it:
// sorted by name, joined with their values, digested with a secret. Parameters
// are those of the query and of a form, and with In body the top fields of a
// JSON body. Empty ones are not signed.
//
// Taobao (https://open.taobao.com/docV3.htm?docId=101617), JD
// (https://open.jd.com/v2/#/doc/dev-guide?listId=2643) and Pinduoduo
// (https://open.pinduoduo.com/application/document/browse?idStr=8EC06C399636041E):
// md5, the secret on both sides, nothing between, upper case.
type ParamSign struct {
	Params    map[string]Value `yaml:"params"` // added to every request, and signed
	In        string           `yaml:"in"`     // where they and the signature go: query (default) or body
	Name      string           `yaml:"name"`   // of the signature; sign
	Secret    Secret           `yaml:"secret"`
	Algorithm string           `yaml:"algorithm"` // of algorithms
	Before    string           `yaml:"before"`    // text before the pairs; {secret} stands for the secret
	After     string           `yaml:"after"`
	Between   string           `yaml:"between"`  // name and value
	Join      string           `yaml:"join"`     // pairs
	Case      string           `yaml:"case"`     // of hex: upper or lower (default)
	Encoding  string           `yaml:"encoding"` // hex (default) or base64
}

const (
	inQuery = "query"
	inBody  = "body"
)

var algorithms = map[string]func(key []byte) hash.Hash{
	"md5":         func([]byte) hash.Hash { return md5.New() }, //nolint:gosec // see above
	"sha256":      func([]byte) hash.Hash { return sha256.New() },
	"hmac-md5":    func(key []byte) hash.Hash { return hmac.New(md5.New, key) },
	"hmac-sha256": func(key []byte) hash.Hash { return hmac.New(sha256.New, key) },
}

func (s *ParamSign) validate(bool) error {
	var errs []error
	bad := func(sub, format string, args ...any) {
		errs = append(errs, fmt.Errorf("auth.sign.%s: %s", sub, fmt.Sprintf(format, args...)))
	}
	if !s.Secret.Set() {
		bad("secret", "missing")
	}
	if algorithms[s.Algorithm] == nil {
		bad("algorithm", "%.20q is none of %s", s.Algorithm, strings.Join(slices.Sorted(maps.Keys(algorithms)), ", "))
	} else if !strings.HasPrefix(s.Algorithm, "hmac-") && !strings.Contains(s.Before+s.After, "{secret}") {
		bad("algorithm", "%s signs nothing when neither before nor after holds {secret}", s.Algorithm)
	}
	if s.In != "" && s.In != inQuery && s.In != inBody {
		bad("in", "%.20q is neither query nor body", s.In)
	}
	if s.Case != "" && s.Case != "upper" && s.Case != "lower" {
		bad("case", "%.20q is neither upper nor lower", s.Case)
	}
	if s.Encoding != "" && s.Encoding != "hex" && s.Encoding != "base64" {
		bad("encoding", "%.20q is neither hex nor base64", s.Encoding)
	} else if s.Encoding == "base64" && s.Case != "" {
		bad("encoding", "base64 has no case")
	}
	return errors.Join(errs...)
}

func (s *ParamSign) secrets() []Secret {
	out := []Secret{s.Secret}
	for _, name := range slices.Sorted(maps.Keys(s.Params)) {
		out = append(out, s.Params[name].secrets()...)
	}
	return out
}

// sign adds the parameters and the signature.
func (s *ParamSign) sign(r *Request) error {
	fields, ok := r.body.(map[string]any)
	body := s.In == inBody && r.Method != http.MethodGet
	if body && !r.has {
		fields, ok, r.has = map[string]any{}, true, true
	}
	if body && !ok {
		return errors.New("sign: the body has no fields to sign")
	}
	fields = maps.Clone(fields)
	put := func(name, value string) {
		if body {
			fields[name] = value
		} else {
			r.Query.Set(name, value)
		}
	}
	for name, v := range s.Params {
		value, err := v.Reveal()
		if err != nil {
			return fmt.Errorf("sign.params.%s: %w", name, err)
		}
		put(name, value)
	}
	secret, err := s.Secret.Reveal()
	if err != nil {
		return err
	}
	all := map[string]string{}
	if body || r.encoding == asForm {
		for name, v := range fields {
			all[name] = show(v)
		}
	}
	for name := range r.Query {
		all[name] = r.Query.Get(name)
	}
	put(s.name(), s.signature(all, secret.Reveal()))
	if body {
		r.body = fields
	}
	return nil
}

func (s *ParamSign) name() string {
	if s.Name == "" {
		return "sign"
	}
	return s.Name
}

func (s *ParamSign) signature(params map[string]string, secret string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if name != s.name() && params[name] != "" {
			pairs = append(pairs, name+s.Between+params[name])
		}
	}
	with := func(t string) string { return strings.ReplaceAll(t, "{secret}", secret) }
	h := algorithms[s.Algorithm]([]byte(secret))
	h.Write([]byte(with(s.Before) + strings.Join(pairs, s.Join) + with(s.After)))
	if s.Encoding == "base64" {
		return base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	sum := hex.EncodeToString(h.Sum(nil))
	if s.Case == "upper" {
		return strings.ToUpper(sum)
	}
	return sum
}
