package restcall

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Endpoint is where the calls of a file go, and within which bounds.
type Endpoint struct {
	Base      string        `yaml:"base"`
	PlainHTTP bool          `yaml:"plain_http"` // allows http:// to other machines
	CAFile    string        `yaml:"ca_file"`    // trusted besides the system's
	Timeout   time.Duration `yaml:"timeout"`    // of one attempt; default 5s
	MaxBytes  int64         `yaml:"max_bytes"`  // of an answer; default 1 MiB
	Auth      Auth          `yaml:"auth"`
	Sign      *Signing      `yaml:"sign"` // Standard Webhooks, on every request with a body
}

// Bounds of an endpoint.
const (
	DefaultTimeout  = 5 * time.Second
	DefaultMaxBytes = 1 << 20
	maxRedirects    = 3
)

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
	if e.Sign != nil && !e.Sign.Secret.Set() {
		bad("sign.secret: missing")
	}
	return errors.Join(append(errs, e.Auth.Validate())...)
}

// Secrets lists what has to be there.
func (e Endpoint) Secrets() []Secret {
	out := e.Auth.Secrets()
	if e.Sign != nil {
		out = append(out, e.Sign.Secret)
	}
	return out
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Client makes the calls of one endpoint. Safe for concurrent use.
type Client struct {
	end  Endpoint
	base *url.URL
	auth Authorizer
	http *http.Client
	now  func() time.Time
}

// NewClient checks the endpoint. Auth, when given, takes the place of the
// endpoint's own.
func NewClient(end Endpoint, auth Authorizer) (*Client, error) {
	if err := end.Validate(); err != nil {
		return nil, err
	}
	if end.Timeout == 0 {
		end.Timeout = DefaultTimeout
	}
	if end.MaxBytes == 0 {
		end.MaxBytes = DefaultMaxBytes
	}
	base, err := url.Parse(strings.TrimSuffix(end.Base, "/"))
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 16
	transport.MaxResponseHeaderBytes = 64 << 10
	if end.CAFile != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		pem, err := os.ReadFile(end.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, errors.New("ca_file: holds no certificate")
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	if auth == nil {
		auth = end.Auth
	}
	c := &Client{end: end, base: base, auth: auth, now: time.Now}
	c.http = &http.Client{Transport: transport, CheckRedirect: c.redirect}
	return c, nil
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// redirect follows to the same scheme and host only: elsewhere, the
// credentials would go along or the caller's data would.
func (c *Client) redirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects || r.URL.Host != c.base.Host || r.URL.Scheme != c.base.Scheme || r.Method != via[0].Method {
		return http.ErrUseLastResponse
	}
	return nil
}

// Answer is what came back from a call that succeeded.
type Answer struct {
	Status  int
	Missing bool // one of the call's Missing statuses
	Data    any  // decoded JSON; nil when there was none
	Values  Values
}

// Exchange shows a call, masked, for people who set a connection up.
type Exchange struct {
	Method         string
	URL            string
	RequestHeader  map[string]string
	RequestBody    string
	Status         int
	ResponseHeader map[string]string
	ResponseBody   string
	Took           time.Duration
}

// Option changes one call.
type Option func(*options)

type options struct {
	id       string
	required []string
	exchange *Exchange
}

// WithID is the message's id: its signature's, the same for every repeat.
func WithID(id string) Option { return func(o *options) { o.id = id } }

// Require names fields that the mapping has to give.
func Require(fields ...string) Option { return func(o *options) { o.required = fields } }

// Show fills an Exchange, whatever the call ends in.
func Show(e *Exchange) Option { return func(o *options) { o.exchange = e } }

// showBytes is how much of a body an Exchange holds.
const showBytes = 8 << 10

// Do makes a call: fills it in with data, sends it once, and maps the answer.
// Errors are *Error.
func (c *Client) Do(ctx context.Context, key string, call *Call, data any, opts ...Option) (Answer, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if o.exchange == nil {
		o.exchange = new(Exchange)
	}
	req, err := call.Render(key, data)
	if err != nil {
		return Answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.end.Timeout)
	defer cancel()
	start := c.now()
	res, body, err := c.send(ctx, key, req, o)
	o.exchange.Took = c.now().Sub(start)
	if err != nil {
		return Answer{}, err
	}
	return c.understand(key, call, res, body, o.required)
}

// send gives the answer with its whole body.
func (c *Client) send(ctx context.Context, key string, req *Request, o options) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, req.Method, c.base.String()+req.Target, bytes.NewReader(req.Body))
	if err != nil {
		return nil, nil, &Error{Call: key, class: ErrTemplate, Detail: "path: makes no URL"}
	}
	r.Header = req.Header
	r.Header.Set("User-Agent", "Tidegate")
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "application/json")
	}
	if err := c.auth.Authorize(ctx, r, req.Body); err != nil {
		return nil, nil, &Error{Call: key, class: ErrDenied, Detail: err.Error(), cause: err}
	}
	if c.end.Sign != nil && len(req.Body) > 0 {
		if err := c.end.Sign.Sign(r, o.id, c.now(), req.Body); err != nil {
			return nil, nil, &Error{Call: key, class: ErrDenied, Detail: err.Error(), cause: err}
		}
	}
	e := o.exchange
	e.Method, e.URL = r.Method, maskURL(r.URL)
	e.RequestHeader, e.RequestBody = maskHeaders(r.Header), MaskBytes(req.Body, showBytes)
	onceOnly(r.Header)
	res, err := c.http.Do(r)
	if err != nil {
		return nil, nil, transportError(ctx, key, err)
	}
	defer res.Body.Close()
	e.Status, e.ResponseHeader = res.StatusCode, maskHeaders(res.Header)
	body, err := io.ReadAll(io.LimitReader(res.Body, c.end.MaxBytes+1))
	if err != nil {
		return nil, nil, transportError(ctx, key, err)
	}
	if int64(len(body)) > c.end.MaxBytes {
		return nil, nil, &Error{Call: key, Status: res.StatusCode, Sent: true, class: ErrGarbled, Detail: fmt.Sprintf("over %d bytes", c.end.MaxBytes)}
	}
	e.ResponseBody = MaskBytes(body, showBytes)
	return res, body, nil
}

// onceOnly keeps net/http from making a request again by itself when its
// connection breaks, which it does for one with an idempotency key: not every
// system that is sent the header heeds it, and who calls decides on repeats.
// The transport looks for the canonical name only; on the wire, names have no
// case (RFC 9110, section 5.1).
func onceOnly(h http.Header) {
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if v, ok := h[name]; ok {
			delete(h, name)
			h[strings.ToLower(name)] = v
		}
	}
}

func maskURL(u *url.URL) string {
	q := u.Query()
	for k, list := range q {
		for i, v := range list {
			list[i], _ = maskValue(k, v).(string)
		}
	}
	shown := *u
	shown.RawQuery = ""
	text := shown.String()
	if len(q) > 0 {
		text += "?" + q.Encode()
	}
	return text
}

// transportError is an absence. Only a connection that was never made says
// that nothing was done.
func transportError(ctx context.Context, key string, err error) error {
	e := &Error{Call: key, Sent: true, class: ErrUnavailable, cause: ctx.Err()}
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &dns):
		e.Sent, e.Detail = false, "the name of the host is not known"
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Sent, e.Detail = false, "the connection is refused"
	case errors.As(err, &cert):
		e.Sent, e.Detail = false, "the certificate cannot be verified"
	case errors.As(err, &op) && op.Op == "dial":
		e.Sent, e.Detail = false, "no connection"
	case ctx.Err() != nil:
		e.Detail = "no answer in time"
	default:
		e.Detail = "the connection broke"
	}
	return e
}

func (c *Client) understand(key string, call *Call, res *http.Response, body []byte, required []string) (Answer, error) {
	a := Answer{Status: res.StatusCode}
	fail := func(class error, detail string) (Answer, error) {
		return Answer{}, &Error{Call: key, Status: res.StatusCode, Sent: true, class: class, Detail: detail, RetryAfter: c.retryAfter(res.Header)}
	}
	switch s := res.StatusCode; {
	case contains(call.Missing, s):
		a.Missing = true
		return a, nil
	case call.success(s):
	case s == 401 || s == 403 || s == 407:
		return fail(ErrDenied, "")
	case s == 408 || s == 425 || s == 429 || s >= 500:
		return fail(ErrUnavailable, "")
	case s >= 400:
		return fail(ErrRefused, MaskBytes(body, sampleBytes))
	case s >= 300:
		return fail(ErrGarbled, "it leads to another place")
	default:
		return fail(ErrGarbled, "")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		if len(required) > 0 {
			return fail(ErrGarbled, "the answer is empty")
		}
		return a, nil
	}
	data, err := decodeJSON(body)
	if err != nil {
		if len(required) == 0 && len(call.Map) == 0 {
			return a, nil // whatever it said, nothing is wanted of it
		}
		return fail(ErrGarbled, "is no JSON: "+MaskBytes(body, sampleBytes))
	}
	a.Data = data
	if a.Values, err = call.Extract(data, required...); err != nil {
		return fail(ErrGarbled, err.Error())
	}
	return a, nil
}

func contains(list []int, v int) bool {
	for _, e := range list {
		if e == v {
			return true
		}
	}
	return false
}

// maxRetryAfter is the longest pause that another system may ask for.
const maxRetryAfter = 5 * time.Minute

// retryAfter is RFC 9110, section 10.2.3: seconds, or a date.
func (c *Client) retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	d := time.Duration(0)
	if n, err := strconv.Atoi(v); err == nil && n > 0 && n < 1e6 {
		d = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		d = at.Sub(c.now())
	}
	return min(max(d, 0), maxRetryAfter)
}
