package restcall

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Endpoint is where the calls of a file go, within which bounds, and what its
// templates have besides their data.
type Endpoint struct {
	Base      string                       `yaml:"base"`
	PlainHTTP bool                         `yaml:"plain_http"` // allows http:// to other machines
	CAFile    string                       `yaml:"ca_file"`    // trusted besides the system's
	Timeout   time.Duration                `yaml:"timeout"`    // of one attempt; default 5s
	MaxBytes  int64                        `yaml:"max_bytes"`  // of an answer; default 1 MiB
	TimeZone  string                       `yaml:"time_zone"`  // of times that do not say theirs; default Asia/Shanghai
	Headers   map[string]Value             `yaml:"headers"`    // of every request
	Named     map[string]Secret            `yaml:"secrets"`    // for {{ secret "NAME" }}
	Tables    map[string]map[string]string `yaml:"tables"`     // for {{ lookup "NAME" .value }}
	Auth      Auth                         `yaml:"auth"`
	Sign      *Signing                     `yaml:"sign"` // Standard Webhooks, on every request with a body

	// Transport sends; a copy of net/http's own when nil.
	Transport http.RoundTripper `yaml:"-"`
	// Now is the clock; time.Now when nil.
	Now func() time.Time `yaml:"-"`

	env *environment
}

// Bounds of an endpoint.
const (
	DefaultTimeout  = 5 * time.Second
	DefaultMaxBytes = 1 << 20
	maxRedirects    = 3
)

// settle adds what the endpoint says to what the templates of its file have.
func (e *Endpoint) settle(env *environment) {
	e.env = env
	maps.Copy(env.tables, e.Tables)
	maps.Copy(env.secrets, e.Named)
	if zone, err := e.Zone(); err == nil && e.TimeZone != "" {
		env.zone = zone
	}
}

// Zone is that of times which do not say theirs.
func (e Endpoint) Zone() (*time.Location, error) {
	name := e.TimeZone
	if name == "" {
		name = defaultZone
	}
	return time.LoadLocation(name)
}

// Validate names everything that is wrong.
func (e Endpoint) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	u, err := url.Parse(e.Base)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		bad("base: wants https://HOST/PATH")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		bad("base: holds more than scheme, host and path")
	case u.Scheme == "http" && !e.PlainHTTP && !isLoopback(u.Hostname()):
		bad("base: http:// to another machine shows everything on the way; use https://, or say plain_http: true")
	}
	if e.Timeout != 0 && (e.Timeout < 10*time.Millisecond || e.Timeout > time.Minute) {
		bad("timeout: %v is not in 10ms..1m", e.Timeout)
	}
	if e.MaxBytes != 0 && (e.MaxBytes < 1024 || e.MaxBytes > 64<<20) {
		bad("max_bytes: %d is not in 1024..%d", e.MaxBytes, 64<<20)
	}
	if _, err := e.Zone(); err != nil {
		bad("time_zone: %.40q is no time zone", e.TimeZone)
	}
	for name := range e.Headers {
		if !headerName.MatchString(name) {
			bad("headers: %.40q is no name of a header", name)
		}
	}
	for name, s := range e.Named {
		if !s.Set() {
			bad("secrets.%s: missing", name)
		}
	}
	if e.Sign != nil && !e.Sign.Secret.Set() {
		bad("sign.secret: missing")
	}
	return errors.Join(append(errs, e.Auth.validate(e.PlainHTTP))...)
}

// Secrets lists what has to be there.
func (e Endpoint) Secrets() []Secret {
	out := e.Auth.Secrets()
	for _, name := range sortedKeys(e.Named) {
		out = append(out, e.Named[name])
	}
	for _, name := range sortedKeys(e.Headers) {
		out = append(out, e.Headers[name].secrets()...)
	}
	if e.Sign != nil {
		out = append(out, e.Sign.Secret)
	}
	return out
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
