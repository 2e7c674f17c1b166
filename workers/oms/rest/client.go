package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

var (
	// ErrDenied: the system does not let us in.
	ErrDenied = errors.New("order system does not let us in")
	// ErrFailed: the system says that it will not, and nothing says why.
	ErrFailed = errors.New("order system refused the request")
)

// Exchange is one request and its answer, with secrets and personal values
// hidden.
type Exchange struct {
	Name, Method, URL, Request string
	Header                     http.Header
	Status                     int
	Response                   string
	Took                       time.Duration
	Err                        error
}

// refusal is an answer of the trade that a rule recognised: refused with a
// code, or done before.
type refusal struct {
	status schemas.WriteStatus
	code   schemas.RefusalCode
	reason string
}

func (r *refusal) Error() string { return "order system: " + string(r.status) + " " + string(r.code) }

// exchange sends a request and reads its answer; link, when not nil, is where
// the next page is, in place of the request's own address.
func (s *System) exchange(ctx context.Context, r *request, rules []rule, data map[string]any, link *url.URL, extra url.Values) (any, http.Header, error) {
	for again := false; ; again = true {
		body, header, status, err := s.send(ctx, r, rules, data, link, extra)
		if status == http.StatusUnauthorized && !again && s.auth.forget() {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", r.name, err)
		}
		return body, header, nil
	}
}

func (s *System) send(ctx context.Context, r *request, rules []rule, data map[string]any, link *url.URL, extra url.Values) (answer any, header http.Header, status int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, errSlow)
	defer cancel()
	w, err := r.write(data)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	req, err := s.httpRequest(ctx, w, data, link, extra)
	if err != nil {
		return nil, nil, 0, err
	}
	seen := Exchange{Name: r.name, Method: w.method, URL: s.hide(maskQuery(req.URL)), Request: s.hide(maskJSON([]byte(w.body))), Header: s.maskHeader(req.Header)}
	start := time.Now()
	defer func() {
		if s.observe != nil {
			seen.Took, seen.Err, seen.Status = time.Since(start), err, status
			s.observe(seen)
		}
	}()
	res, err := s.client.Do(req)
	if err != nil {
		return nil, nil, 0, away(ctx, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, s.maxBytes+1))
	if err != nil {
		return nil, nil, res.StatusCode, away(ctx, err)
	}
	if int64(len(raw)) > s.maxBytes {
		return nil, nil, res.StatusCode, fmt.Errorf("%w: answer over %d bytes", ErrMapping, s.maxBytes)
	}
	seen.Response = s.hide(maskJSON(raw))
	answer, err = s.judge(res.StatusCode, raw, rules)
	return answer, res.Header, res.StatusCode, err
}

var errSlow = errors.New("no answer in time")

// away says what a request that failed means: the asker gave up, or the
// system is away. The error's own text may quote the address with its query.
func away(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errSlow) {
		return ctx.Err()
	}
	var u *url.Error
	switch {
	case errors.Is(context.Cause(ctx), errSlow):
		return fmt.Errorf("%w: %w", store.ErrUnavailable, errSlow)
	case errors.Is(err, errElsewhere):
		return fmt.Errorf("%w: %w", ErrFailed, errElsewhere)
	case errors.As(err, &u):
		return fmt.Errorf("%w: %s", store.ErrUnavailable, maskText(u.Err.Error()))
	}
	return fmt.Errorf("%w: %s", store.ErrUnavailable, maskText(err.Error()))
}

func (s *System) httpRequest(ctx context.Context, w written, data map[string]any, link *url.URL, extra url.Values) (*http.Request, error) {
	u := *s.base
	if link != nil {
		u = *link
	} else {
		raw := strings.TrimSuffix(u.EscapedPath(), "/") + w.path
		unescaped, err := url.PathUnescape(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: path", store.ErrInvalid)
		}
		u.Path, u.RawPath = unescaped, raw
		for k, v := range extra {
			w.query[k] = v
		}
		if s.auth.sign != nil {
			if err := s.auth.sign.sign(w.query, data); err != nil {
				return nil, err
			}
		}
		u.RawQuery = w.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, w.method, u.String(), bytes.NewReader([]byte(w.body)))
	if err != nil {
		return nil, fmt.Errorf("%w: address", store.ErrInvalid)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "tidegate-oms/"+oms.ServiceVersion)
	if w.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, t := range s.headers {
		v, err := render(t, data)
		if err != nil {
			return nil, err
		}
		req.Header.Set(k, v)
	}
	for k, v := range w.headers {
		req.Header.Set(k, v)
	}
	return req, s.auth.set(ctx, req, data)
}

var errElsewhere = errors.New("redirected to another host")

// sameHost keeps requests, which carry secrets, at the system's own host.
func sameHost(req *http.Request, via []*http.Request) error {
	if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme || len(via) > 5 {
		return errElsewhere
	}
	return nil
}

// maskQuery hides what a query says: values keep their shape.
func maskQuery(u *url.URL) string {
	out := *u
	q := out.Query()
	for k, vs := range q {
		for i, v := range vs {
			switch {
			case secretKey.MatchString(k):
				vs[i] = "***"
			default:
				vs[i] = maskText(v)
			}
		}
	}
	out.RawQuery = ""
	text := maskText(out.String())
	if len(q) == 0 {
		return text
	}
	var pairs []string
	for k, vs := range q {
		for _, v := range vs {
			pairs = append(pairs, k+"="+v)
		}
	}
	slices.Sort(pairs)
	return text + "?" + strings.Join(pairs, "&")
}

func (s *System) maskHeader(h http.Header) http.Header {
	out := http.Header{}
	for k, vs := range h {
		for _, v := range vs {
			if secretKey.MatchString(k) || strings.EqualFold(k, s.auth.header) || strings.EqualFold(k, "Cookie") {
				v = "***"
			}
			out.Add(k, s.hide(maskText(v)))
		}
	}
	return out
}
