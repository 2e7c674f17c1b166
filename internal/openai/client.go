package openai

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/config"
)

// Options of a client.
type Options struct {
	BaseURL string // http(s)://HOST[:PORT][/v1]
	Key     config.Secret
	TLS     *tls.Config // nil trusts what the system does
}

// Client asks one server. Its methods are safe for concurrent use; their
// contexts are their time limits.
type Client struct {
	base      *url.URL
	key       config.Secret
	http      *http.Client
	transport *http.Transport
}

// Errors of requests; errors.Is finds them.
var (
	ErrBusy    = errors.New("server is busy")                  // 429, 503, 529
	ErrDenied  = errors.New("server denies access")            // 401, 403
	ErrRefused = errors.New("server refuses the request")      // 400, 413, 415, 422
	ErrFailed  = errors.New("server failed")                   // any other status, or an error in a stream
	ErrAnswer  = errors.New("answer is not of the protocol")   // unreadable, or over its bounds
	ErrCutOff  = errors.New("answer ended before it was over") // a stream without its last event
)

// StatusError is an HTTP status that is no success. It is one of the errors
// above, too.
type StatusError struct {
	Status int
	Code   string // the server's word for it, such as model_not_found
	kind   error
}

func (e *StatusError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("%v: status %d", e.kind, e.Status)
	}
	return fmt.Sprintf("%v: status %d (%s)", e.kind, e.Status, e.Code)
}

func (e *StatusError) Unwrap() error { return e.kind }

// CheckBaseURL says what is wrong with an address.
func CheckBaseURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errors.New("is no address") // the error would quote what may hold a password
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("must begin with http:// or https://")
	case u.Host == "":
		return errors.New("names no host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("must be an address and a path, nothing more")
	case strings.ContainsAny(s, " \r\n"):
		return errors.New("has spaces")
	default:
		return nil
	}
}

// New makes a client. Nothing is asked yet.
func New(o Options) (*Client, error) {
	if err := CheckBaseURL(o.BaseURL); err != nil {
		return nil, fmt.Errorf("base address %w", err)
	}
	base, err := url.Parse(strings.TrimSuffix(o.BaseURL, "/"))
	if err != nil {
		return nil, err
	}
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:       o.TLS,
		TLSHandshakeTimeout:   5 * time.Second,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   64, // calls come in waves: a handshake for each would be heard
		IdleConnTimeout:       time.Minute,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true,
	}
	return &Client{base: base, key: o.Key, transport: t, http: &http.Client{
		Transport: t,
		// A redirect would carry the key, or what a caller said, to somebody
		// who was not configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close ends the connections that are kept.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// post sends a request and gives the answer of one that succeeded.
func (c *Client) post(ctx context.Context, path, contentType, accept string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath(path).String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", accept)
	req.Header.Set("User-Agent", "tidegate")
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key.Reveal())
	}
	// Asking twice does no harm, so net/http may repeat a request whose kept
	// connection was closed in the same moment. The empty value is not sent.
	req.Header["Idempotency-Key"] = nil
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	return nil, &StatusError{Status: resp.StatusCode, Code: errorCode(resp.Body), kind: statusKind(resp.StatusCode)}
}

// withoutURL takes the address out of an error.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func statusKind(status int) error {
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, 529: // 529: overloaded, as some servers say
		return ErrBusy
	case http.StatusUnauthorized, http.StatusForbidden:
		return ErrDenied
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return ErrRefused
	default:
		return ErrFailed
	}
}

// maxErrorBody bounds the answer that says why a request failed.
const maxErrorBody = 16 << 10

// codeWord is what a code looks like; anything else may quote the request.
var codeWord = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// errorCode finds the code in {"error":{"code":...,"type":...}}.
func errorCode(r io.Reader) string {
	b, err := io.ReadAll(io.LimitReader(r, maxErrorBody))
	if err != nil {
		return ""
	}
	var m struct {
		Error struct {
			Code any    `json:"code"`
			Type string `json:"type"`
		} `json:"error"`
	}
	if json.Unmarshal(b, &m) != nil {
		return ""
	}
	for _, word := range []any{m.Error.Code, m.Error.Type} {
		if s, ok := word.(string); ok && codeWord.MatchString(s) {
			return s
		}
	}
	return ""
}

// mediaType is the type of an answer without its parameters, and those.
func mediaType(resp *http.Response) (string, map[string]string) {
	t, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		return "", nil
	}
	return t, params
}
