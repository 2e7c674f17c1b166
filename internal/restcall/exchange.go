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
	hide := c.hider()
	e.Method, e.URL = r.Method, hide(maskURL(r.URL))
	e.RequestHeader, e.RequestBody = maskHeaders(r.Header), hide(showBody(place{}, body))
}

func (e *Exchange) answered(c *Client, res *http.Response, body []byte) {
	if e == nil {
		return
	}
	e.Status, e.ResponseHeader, e.ResponseBody = res.StatusCode, maskHeaders(res.Header), c.hider()(showBody(answer(res.StatusCode), body))
}

func (e *Exchange) took(d time.Duration) {
	if e != nil {
		e.Took = d
	}
}

// hider replaces every secret in a text, should the other side repeat one.
func (c *Client) hider() func(string) string {
	var values []string
	for _, s := range c.end.Secrets() {
		if v, err := s.Reveal(); err == nil && len(v.Reveal()) >= 3 {
			values = append(values, v.Reveal())
		}
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
	return c.hider()(maskWords(text))
}

func maskURL(u *url.URL) string {
	q := u.Query()
	for k, list := range q {
		for i, v := range list {
			list[i], _ = maskValue(place{key: k}, v).(string)
		}
	}
	shown := *u
	shown.RawQuery = ""
	text := shown.String()
	if len(q) > 0 {
		text += "?" + strings.ReplaceAll(q.Encode(), "%2A", "*")
	}
	return text
}
