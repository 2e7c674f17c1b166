package llm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// maxAnswer bounds an answer, in bytes: a few hundred tokens, each in an event
// of its own.
const maxAnswer = 512 << 10

// errConnection marks a connection that broke while an answer was read.
var errConnection = errors.New("connection broke")

// transport bounds answers, and takes every connection error for one.
type transport struct{ base *http.Transport }

func newTransport() *transport {
	return &transport{&http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   2 * time.Second,
		MaxIdleConns:          128,
		MaxIdleConnsPerHost:   64, // a handshake for each question would cost its time limit
		IdleConnTimeout:       time.Minute,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true,
	}}
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	// Asking twice does no harm, so net/http may repeat a question whose kept
	// connection was closed in the same moment. The empty value is not sent.
	r = r.Clone(r.Context())
	r.Header["Idempotency-Key"] = nil
	resp, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errConnection, err)
	}
	resp.Body = &bounded{body: resp.Body, left: maxAnswer}
	return resp, nil
}

// client follows no redirect: it would carry the key, or what a caller said,
// to somebody who was not configured.
func (t *transport) client() *http.Client {
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type bounded struct {
	body io.ReadCloser
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%w: over %d bytes", ErrAnswer, maxAnswer)
	}
	n, err := b.body.Read(p[:min(len(p), b.left)])
	b.left -= n
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		if !errors.Is(err, context.Canceled) {
			err = fmt.Errorf("%w: %w", ErrCutOff, err)
		}
	}
	return n, err
}

func (b *bounded) Close() error { return b.body.Close() }
