package rest

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/template"
	"time"

	_ "time/tzdata" // containers often have none

	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

// What a file that says nothing has.
const (
	defaultZone    = "Asia/Shanghai"
	defaultTimeout = 3 * time.Second
	maxTimeout     = 30 * time.Second
	defaultBytes   = 1 << 20
	maxPages       = 50
)

type templates map[string]*template.Template

// compiler makes a System of a spec, and collects every mistake.
type compiler struct {
	spec     spec
	opts     Options
	s        *System
	problems []problem
}

func (c *compiler) bad(keys []string, format string, args ...any) {
	c.problems = append(c.problems, problem{slices.Clone(keys), fmt.Sprintf(format, args...)})
}

func at(keys []string, more ...string) []string { return append(slices.Clone(keys), more...) }

func (c *compiler) compile() *System {
	sp := c.spec
	s := &System{
		name: sp.Name, timeout: sp.Timeout, maxBytes: sp.MaxBytes, tables: sp.Tables, secrets: map[string]string{},
		now: c.opts.Now, observe: c.opts.Observe, ops: map[string]*operation{},
	}
	c.s = s
	if s.now == nil {
		s.now = time.Now
	}
	c.settings()
	transport := c.opts.Transport
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 16
		transport = t
	}
	s.client = &http.Client{Transport: transport, CheckRedirect: sameHost}
	for _, name := range slices.Sorted(maps.Keys(sp.Secrets)) {
		v, err := c.opts.secret(sp.Secrets[name])
		if err != nil {
			c.bad([]string{"secrets", name}, "%v", err)
		}
		s.secrets[name] = v
	}
	s.headers = c.templates([]string{"headers"}, sp.Headers, sample())
	c.auth()
	s.rules = c.rules([]string{"answers"}, sp.Answers, meanings)
	order := c.fields([]string{"order"}, sp.Order, orderTarget, sp.Order != nil)
	if len(sp.Operations) == 0 {
		c.bad([]string{"operations"}, "none is described")
	}
	for _, name := range slices.Sorted(maps.Keys(sp.Operations)) {
		if !slices.Contains(operationNames, name) {
			c.bad([]string{"operations", name}, "is none of %s", strings.Join(operationNames, ", "))
			continue
		}
		s.ops[name] = c.operation(name, sp.Operations[name], order)
	}
	return s
}

func (c *compiler) settings() {
	sp, s := c.spec, c.s
	if sp.Name == "" {
		c.bad([]string{"name"}, "is needed")
	}
	u, err := url.Parse(sp.BaseURL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		c.bad([]string{"base_url"}, "want https://HOST/PATH")
		u = &url.URL{Scheme: "https", Host: "invalid"}
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		c.bad([]string{"base_url"}, "holds a user, a query or a fragment")
	case u.Scheme == "http" && !sp.AllowHTTP && !loopback(u.Hostname()):
		c.bad([]string{"base_url"}, "is http, which everybody on the way can read; allow_http: true takes it all the same")
	}
	s.base = u
	zone := sp.TimeZone
	if zone == "" {
		zone = defaultZone
	}
	if s.zone, err = time.LoadLocation(zone); err != nil {
		c.bad([]string{"time_zone"}, "%q is no time zone", zone)
		s.zone = time.UTC
	}
	if s.timeout == 0 {
		s.timeout = defaultTimeout
	}
	if s.timeout < 0 || s.timeout > maxTimeout {
		c.bad([]string{"timeout"}, "is not in 0s..%v", maxTimeout)
	}
	if s.maxBytes == 0 {
		s.maxBytes = defaultBytes
	}
	if s.maxBytes < 0 || s.maxBytes > 64<<20 {
		c.bad([]string{"max_bytes"}, "is not in 1..%d", 64<<20)
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// sample is what templates can use; made up, to try them when loading.
func sample() map[string]any {
	return map[string]any{
		"phone": "13800138000", "number": "1001", "order_number": "1001", "last_digits": "1001", "limit": 5, "tracking_no": "SF1001",
		"key": "call:return:1", "call_id": "call", "kind": "return", "reason": "wrong_size", "reason_text": "说“太大”", "contact": "13800138000",
		"lines":  []map[string]any{{"line_id": "1", "quantity": 1}},
		"pickup": map[string]any{"from": "2026-11-26T01:00:00Z", "until": "2026-11-26T03:00:00Z", "address": "某路1号"}, "requested_at": "2026-11-25T01:00:00Z",
		"vars": map[string]any{},
	}
}

// askedOf lists what the templates of an operation have, besides vars.
func askedOf(op string) []string {
	switch op {
	case opFindByPhone, opFindByNumber, opFindByDigits:
		return []string{"phone", "number", "order_number", "last_digits", "limit"}
	case opOrder, opRefunds:
		return []string{"number", "order_number"}
	case opTrace:
		return []string{"number", "order_number", "tracking_no"}
	case opReturn:
		return []string{"number", "order_number", "key", "call_id", "reason", "reason_text", "requested_at", "kind", "contact", "lines", "pickup"}
	case opCancel:
		return []string{"number", "order_number", "key", "call_id", "reason", "reason_text", "requested_at"}
	case opIntercept:
		return []string{"number", "order_number", "key", "call_id", "reason", "reason_text", "requested_at", "tracking_no"}
	}
	return nil
}

func (c *compiler) templates(keys []string, texts map[string]string, data map[string]any) templates {
	out := templates{}
	for _, k := range slices.Sorted(maps.Keys(texts)) {
		out[k] = c.template(at(keys, k), texts[k], plain, data)
	}
	return out
}

// template compiles one and tries it on made-up data.
func (c *compiler) template(keys []string, text, mode string, data map[string]any) *template.Template {
	t, err := c.s.template(text, mode)
	if err != nil {
		c.bad(keys, "template: %v", err)
		return nil
	}
	if _, err := render(t, data); err != nil {
		c.bad(keys, "template: %v", err)
	}
	return t
}

func (c *compiler) path(keys []string, text string) *path {
	if text == "" || text == "@" {
		return nil
	}
	p, err := compilePath(text)
	if err != nil {
		c.bad(keys, "%v", err)
	}
	return p
}

func (c *compiler) auth() {
	sp, keys := c.spec.Auth, []string{"auth"}
	data := sample()
	a := &auth{kind: sp.Kind, header: sp.Header, client: c.s.client}
	c.s.auth = a
	need := func(name, value string) string {
		if value == "" {
			c.bad(at(keys, name), "is needed for %s", sp.Kind)
		} else if !strings.Contains(value, "{{") && (name == "value" || name == "password" || strings.HasSuffix(name, "secret")) {
			c.bad(at(keys, name), "a secret does not stand in the file: use {{secret \"NAME\"}}")
		}
		return value
	}
	switch sp.Kind {
	case "", authNone:
		a.kind = authNone
	case authHeader:
		if a.header == "" {
			a.header = "Authorization"
		}
		a.value = c.template(at(keys, "value"), need("value", sp.Value), plain, data)
	case authBasic:
		a.user = c.template(at(keys, "user"), need("user", sp.User), plain, data)
		// Some take a key as the user, and no password.
		if !strings.Contains(sp.User, "{{secret") || sp.Password != "" {
			need("password", sp.Password)
		}
		a.password = c.template(at(keys, "password"), sp.Password, plain, data)
	case authOAuth2:
		u, err := url.Parse(need("token_url", sp.TokenURL))
		if err != nil || u.Host == "" || u.Scheme != "https" && !c.spec.AllowHTTP && !loopback(u.Hostname()) {
			c.bad(at(keys, "token_url"), "want https://HOST/PATH")
		}
		a.oauth.TokenURL, a.oauth.Scopes = sp.TokenURL, sp.Scopes
		a.oauth.AuthStyle = authStyle(sp.InBody)
		a.id = c.template(at(keys, "client_id"), need("client_id", sp.ClientID), plain, data)
		a.pass = c.template(at(keys, "client_secret"), need("client_secret", sp.Secret), plain, data)
	case authSign:
		c.signer(at(keys, "sign"), sp.Sign, data)
	default:
		c.bad(at(keys, "kind"), "%q is none of %s", sp.Kind, strings.Join(authKinds, ", "))
	}
}

func (c *compiler) signer(keys []string, sp signSpec, data map[string]any) {
	if sp.Name == "" {
		sp.Name = "sign"
	}
	if !slices.Contains(signAlgorithms, sp.Algorithm) {
		c.bad(at(keys, "algorithm"), "%q is none of %s", sp.Algorithm, strings.Join(signAlgorithms, ", "))
	}
	if sp.Case != "" && sp.Case != "upper" && sp.Case != "lower" {
		c.bad(at(keys, "case"), "%q is neither upper nor lower", sp.Case)
	}
	if sp.Encoding != "" && sp.Encoding != "hex" && sp.Encoding != "base64" || sp.Encoding == "base64" && sp.Case != "" {
		c.bad(at(keys, "encoding"), "want hex, with a case, or base64, without")
	}
	if !strings.Contains(sp.Secret, "{{") {
		c.bad(at(keys, "secret"), "want {{secret \"NAME\"}}")
	}
	if !strings.HasPrefix(sp.Algorithm, "hmac-") && !strings.Contains(sp.Before+sp.After, "{secret}") {
		c.bad(at(keys, "algorithm"), "%s signs nothing when neither before nor after holds {secret}", sp.Algorithm)
	}
	c.s.auth.sign = &signer{
		params: c.templates(at(keys, "params"), sp.Params, data), name: sp.Name, algorithm: sp.Algorithm,
		secret: c.template(at(keys, "secret"), sp.Secret, plain, data),
		before: sp.Before, after: sp.After, between: sp.Between, join: sp.Join, upper: sp.Case == "upper", base64: sp.Encoding == "base64",
	}
}

func (c *compiler) rules(keys []string, list []ruleSpec, allowed []string) []rule {
	var out []rule
	for i, sp := range list {
		k := at(keys, fmt.Sprint(i))
		r := rule{is: sp.Is, code: schemas.RefusalCode(sp.Code), when: c.path(at(k, "when"), sp.When), reason: c.path(at(k, "reason"), sp.Reason)}
		if !slices.Contains(allowed, sp.Is) {
			c.bad(at(k, "is"), "%q is none of %s", sp.Is, strings.Join(allowed, ", "))
		}
		if len(sp.Status) == 0 && sp.When == "" {
			c.bad(k, "fits every answer: say status, when or both")
		}
		if (sp.Is == isRefused) != (sp.Code != "") || sp.Code != "" && !slices.Contains(refusalCodes, sp.Code) {
			c.bad(at(k, "code"), "refused needs one of %s; nothing else has a code", strings.Join(refusalCodes, ", "))
		}
		for _, text := range sp.Status {
			from, to, err := statusRange(text)
			if err != nil {
				c.bad(at(k, "status"), "%v", err)
			}
			r.from, r.to = append(r.from, from), append(r.to, to)
		}
		out = append(out, r)
	}
	return out
}

var missingWords = map[string]error{"": nil, "not_found": oms.ErrNotFound}
