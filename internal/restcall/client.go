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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

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
	c := &Client{end: end, base: base, auth: auth, now: end.Now}
	if c.now == nil {
		c.now = time.Now
	}
	if end.env != nil {
		end.env.now = c.now
		end.env.live.Store(true)
	}
	transport := end.Transport
	if transport == nil {
		if transport, err = end.transport(); err != nil {
			return nil, err
		}
	}
	c.http = &http.Client{Transport: transport, CheckRedirect: c.redirect}
	if c.auth == nil {
		c.auth = end.Auth.authorizer(&http.Client{Transport: transport, CheckRedirect: noRedirect})
	}
	return c, nil
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (e Endpoint) transport() (http.RoundTripper, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 16
	transport.MaxResponseHeaderBytes = 64 << 10
	if e.CAFile == "" {
		return transport, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pem, err := os.ReadFile(e.CAFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("ca_file: holds no certificate")
	}
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return transport, nil
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

// Option changes one call.
type Option func(*options)

type options struct {
	id       string
	required []string
	exchange *Exchange
}

func collect(opts []Option) options {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// WithID is the message's id: its signature's, the same for every repeat.
func WithID(id string) Option { return func(o *options) { o.id = id } }

// Require names fields that the mapping has to give.
func Require(fields ...string) Option { return func(o *options) { o.required = fields } }

// Show fills an Exchange, whatever the call ends in.
func Show(e *Exchange) Option { return func(o *options) { o.exchange = e } }

// Do makes a call: fills it in with data, sends it once, and maps the answer.
// Errors are *Error.
func (c *Client) Do(ctx context.Context, key string, call *Call, data any, opts ...Option) (Answer, error) {
	req, err := call.Render(key, data)
	if err != nil {
		return Answer{}, err
	}
	reply, err := c.Send(ctx, key, req, opts...)
	if err != nil {
		return Answer{}, err
	}
	return c.understand(key, call, reply, collect(opts).required)
}

// Reply is what came back, whatever its status.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte

	let string // what the request was let in by: its Authorization
}

// Send makes one exchange and gives the answer with its whole body. What a
// status means is the caller's to say; but a token that is refused is fetched
// anew, once. Errors are *Error.
func (c *Client) Send(ctx context.Context, key string, req *Request, opts ...Option) (*Reply, error) {
	o := collect(opts)
	if req.Query == nil {
		req.Query = url.Values{}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.end.Timeout, errSlow)
	defer cancel()
	start := c.now()
	defer func() { o.exchange.took(c.now().Sub(start)) }()
	reply, err := c.send(ctx, key, req, o)
	if t, ok := c.auth.(*tokens); ok && err == nil && reply.Status == http.StatusUnauthorized {
		t.forget(ctx, reply.let)
		reply, err = c.send(ctx, key, req, o)
	}
	return reply, err
}

func (c *Client) send(ctx context.Context, key string, req *Request, o options) (*Reply, error) {
	r, body, err := c.request(ctx, key, req, o)
	if err != nil {
		return nil, err
	}
	e := o.exchange
	e.asked(c, r, body)
	onceOnly(r.Header)
	res, err := c.http.Do(r)
	if err != nil {
		return nil, transportError(ctx, key, err)
	}
	defer res.Body.Close()
	e.answered(c, res, nil)
	got, err := io.ReadAll(io.LimitReader(res.Body, c.end.MaxBytes+1))
	if err != nil {
		return nil, transportError(ctx, key, err)
	}
	if int64(len(got)) > c.end.MaxBytes {
		return nil, &Error{Call: key, Status: res.StatusCode, Sent: true, class: ErrGarbled, Detail: fmt.Sprintf("over %d bytes", c.end.MaxBytes)}
	}
	e.answered(c, res, got)
	return &Reply{Status: res.StatusCode, Header: res.Header, Body: got, let: r.Header.Get("Authorization")}, nil
}

// request makes what is sent of a request: with headers, signed and let in.
func (c *Client) request(ctx context.Context, key string, req *Request, o options) (*http.Request, []byte, error) {
	fail := func(class error, err error) (*http.Request, []byte, error) {
		return nil, nil, &Error{Call: key, class: class, Detail: err.Error(), cause: err}
	}
	if s := c.end.Auth.Sign; s != nil {
		if err := s.sign(req); err != nil {
			return fail(ErrDenied, err)
		}
	}
	body, err := req.Body()
	if err != nil {
		return fail(ErrTemplate, err)
	}
	target, err := c.address(req)
	if err != nil {
		return fail(ErrTemplate, err)
	}
	r, err := http.NewRequestWithContext(ctx, req.Method, target, bytes.NewReader(body))
	if err != nil {
		return fail(ErrTemplate, errors.New("path: makes no URL"))
	}
	for name, v := range c.end.Headers {
		text, err := headerText(v.Reveal())
		if err != nil {
			return fail(ErrDenied, fmt.Errorf("headers.%s: %w", name, err))
		}
		r.Header.Set(name, text)
	}
	for name, list := range req.Header {
		r.Header[name] = list
	}
	r.Header.Set("User-Agent", "Tidegate")
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "application/json")
	}
	if req.has && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", req.contentType())
	}
	if err := c.auth.Authorize(ctx, r, body); err != nil {
		switch {
		case ctx.Err() != nil:
			return nil, nil, transportError(ctx, key, err)
		case errors.Is(err, errToken):
			return fail(ErrUnavailable, err)
		}
		return fail(ErrDenied, err)
	}
	if c.end.Sign != nil && len(body) > 0 {
		if err := c.end.Sign.Sign(r, o.id, c.now(), body); err != nil {
			return fail(ErrDenied, err)
		}
	}
	// net/http refuses these, too, but as if the connection had broken.
	for name, list := range r.Header {
		for _, v := range list {
			if _, err := headerText(v, nil); err != nil {
				return fail(ErrDenied, fmt.Errorf("header %s: %w", name, err))
			}
		}
	}
	return r, body, nil
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

// errElsewhere: credentials do not go to another host.
var errElsewhere = errors.New("leads to another host")

// Follow turns an address of an answer, which may be relative, into a request
// for it. The error says that it is none, or of another host.
func (c *Client) Follow(req *Request, link string) (*Request, error) {
	from := c.base
	if req.At != nil {
		from = req.At
	}
	at, err := from.Parse(link)
	if err != nil {
		return nil, errors.New("is no address")
	}
	if at.Host != c.base.Host || at.Scheme != c.base.Scheme {
		return nil, errElsewhere
	}
	next := *req
	next.At, next.Query = at, at.Query()
	return &next, nil
}

func (c *Client) address(req *Request) (string, error) {
	if req.At == nil {
		return c.base.String() + req.Target(), nil
	}
	at := *req.At
	at.RawQuery, at.Fragment = req.Query.Encode(), ""
	return at.String(), nil
}

// errSlow is our own limit's, and not that of who asks.
var errSlow = errors.New("no answer in time")

// transportError is an absence. Only a connection that was never made says
// that nothing was done.
func transportError(ctx context.Context, key string, err error) error {
	e := &Error{Call: key, Sent: true, class: ErrUnavailable}
	if !errors.Is(context.Cause(ctx), errSlow) {
		e.cause = ctx.Err() // who asks has given up
	}
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
		e.Detail = errSlow.Error()
	default:
		e.Detail = "the connection broke"
	}
	return e
}

func (c *Client) understand(key string, call *Call, res *Reply, required []string) (Answer, error) {
	a, body := Answer{Status: res.Status}, res.Body
	fail := func(class error, detail string) (Answer, error) {
		return Answer{}, &Error{Call: key, Status: res.Status, Sent: true, class: class, Detail: detail, RetryAfter: c.retryAfter(res.Header)}
	}
	switch s := res.Status; {
	case slices.Contains(call.Missing, s):
		a.Missing = true
		return a, nil
	case call.success(s):
	case s == 401 || s == 403 || s == 407:
		return fail(ErrDenied, "")
	case s == 408 || s == 425 || s == 429 || s >= 500:
		return fail(ErrUnavailable, "")
	case s >= 400:
		return fail(ErrRefused, maskBody(c.place().answer(s), body, sampleBytes))
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
	data, err := DecodeJSON(body)
	if err != nil {
		if len(required) == 0 && len(call.Map) == 0 {
			return a, nil // whatever it said, nothing is wanted of it
		}
		return fail(ErrGarbled, "is no JSON: "+MaskBytes(body, sampleBytes))
	}
	a.Data = data
	if a.Values, err = extract(call.Map, data, c.place, required); err != nil {
		return fail(ErrGarbled, err.Error())
	}
	return a, nil
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
