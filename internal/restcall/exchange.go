package restcall

import (
	"net/http"
	"net/url"
	"sort"
	"strings"
	"time"
)

// Exchange shows a call, masked, for people who set a connection up.
type Exchange struct {
	Method         string
	URL            string
	RequestHeader  map[string]string
	RequestBody    string
	Status         int // 0: no answer came
	ResponseHeader map[string]string
	ResponseBody   string
	Took           time.Duration
}

// showBytes is how much of a body an Exchange holds.
const showBytes = 8 << 10

func (e *Exchange) asked(c *Client, r *http.Request, body []byte) {
	if e == nil {
		return // nobody looks
	}
	at := c.place()
	e.Method, e.URL = r.Method, maskURL(at, r.URL)
	e.RequestHeader, e.RequestBody = maskHeaders(r.Header), showBody(at, body)
}

func (e *Exchange) answered(c *Client, res *http.Response, body []byte) {
	if e == nil {
		return
	}
	e.Status, e.ResponseHeader, e.ResponseBody = res.StatusCode, maskHeaders(res.Header), showBody(c.place().answer(res.StatusCode), body)
}

func (e *Exchange) took(d time.Duration) {
	if e != nil {
		e.Took = d
	}
}

// place is the top of a request, or of what is not known to be an answer.
func (c *Client) place() place { return place{hide: c.hider()} }

// hider replaces every secret in a text, should the other side repeat one.
func (c *Client) hider() func(string) string {
	var values []string
	list := c.end.Secrets()
	if a, ok := c.auth.(interface{ Secrets() []Secret }); ok {
		list = append(list, a.Secrets()...)
	}
	for _, s := range list {
		if v, err := s.Reveal(); err == nil && len(v.Reveal()) >= 3 {
			values = append(values, v.Reveal())
		}
	}
	if t, ok := c.auth.(*tokens); ok {
		values = append(values, t.kept()...)
	}
	sort.Slice(values, func(i, j int) bool { return len(values[i]) > len(values[j]) })
	return func(text string) string {
		for _, v := range values {
			text = strings.ReplaceAll(text, v, Masked)
		}
		return text
	}
}

// MaskWords shows a running text of the other side: without secrets, numbers
// and addresses.
func (c *Client) MaskWords(text string) string {
	return maskWords(c.hider()(text))
}

func maskURL(at place, u *url.URL) string {
	parts := strings.Split(u.EscapedPath(), "/")
	for i, part := range parts {
		if plain, err := url.PathUnescape(part); err == nil {
			parts[i] = url.PathEscape(maskDigits(at.hidden(plain)))
		}
	}
	text := (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() + strings.Join(parts, "/")
	q := url.Values{}
	for k, list := range u.Query() {
		for _, v := range list {
			one := at
			one.key = k
			masked, _ := maskValue(one, v).(string)
			q.Add(at.hidden(k), masked)
		}
	}
	if len(q) > 0 {
		text += "?" + q.Encode()
	}
	return strings.ReplaceAll(text, "%2A", "*")
}
