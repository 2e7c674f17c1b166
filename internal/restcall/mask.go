package restcall

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/tidegate/tidegate/internal/obs"
)

var (
	// digitRun is what may be a telephone, card or order number.
	digitRun = regexp.MustCompile(`[0-9][0-9 -]{5,}[0-9]`)
	// token is what a system's own words look like: ids, statuses, dates, URLs.
	token = regexp.MustCompile(`^[A-Za-z0-9_.:/+?=&%#*-]{1,200}$`)
	// moment is a date, with a time or without.
	moment = regexp.MustCompile(`^[12][0-9]{3}[-/.年]?[0-9]{1,2}[-/.月]?[0-9]{1,2}日?([T ][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?( ?(Z|[+-][0-9]{2}:?[0-9]{2}))?)?$`)
	mail   = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+`)
	// secretKey names what lets somebody in.
	secretKey = regexp.MustCompile(`(?i)(secret|passw|token|session|^sign$|signature|^key$|(api|app|access|private)_?key|(^|[_-])auth($|[_-])|authorization)`)
	// privateKey holds people's words and data, whatever they look like.
	privateKey = regexp.MustCompile(`(?i)(name|phone|mobile|tel|contact|mail|address|addr|birth|id_?card|receiver|consignee|recipient|buyer|customer|user|owner|subject|title|text|content|body|comment|summary|description|remark|reason|note|message|姓名|电话|地址)`)
	// thingKey and plainKey are what privateKey takes too much of: the first
	// are words about things and carriers, whatever they look like.
	thingKey = regexp.MustCompile(`(?i)(product|goods|sku|carrier|express|logistics|company|category)`)
	plainKey = regexp.MustCompile(`(?i)(shop|store|method|_at$|_id$|^id$|order|^_)`)
	// things are lists of what is sold, of which a name tells nothing.
	things = regexp.MustCompile(`(?i)^(lines?|line_items|products?|goods|skus?)$`)
	// complaint is what a system says of a request at the top of an answer,
	// refusal what it says at the top of one that is an error by its status.
	complaint = regexp.MustCompile(`(?i)^(errors?|err|msg|(sub|err|error)_?(msg|message|code|description|detail))$`)
	refusal   = regexp.MustCompile(`(?i)^(message|detail|title|type|code|` + complaint.String()[len("(?i)^("):])
)

// maskText hides what may be personal: long runs of digits keep their ends,
// and what is not one plain token is told by its length.
func maskText(s string) string {
	if s == "" {
		return ""
	}
	if !token.MatchString(s) {
		return obs.Text(s).String()
	}
	return maskDigits(s)
}

func maskDigits(s string) string {
	return digitRun.ReplaceAllStringFunc(s, func(run string) string { return obs.Phone(run).String() })
}

func maskWords(s string) string { return mail.ReplaceAllString(maskDigits(s), "***@***") }

// MaskJSON shows the shape of decoded JSON with its values masked, in at most
// limit bytes.
func MaskJSON(v any, limit int) string { return maskJSON(place{}, v, limit) }

func maskJSON(at place, v any, limit int) string {
	b, err := json.Marshal(maskValue(at, v))
	if err != nil {
		return "?"
	}
	return cut(string(b), limit)
}

// Mask shows any value as JSON of several lines, masked.
func Mask(v any) string {
	data, err := JSONData(v)
	if err != nil {
		return "?"
	}
	return layOut(maskValue(place{}, data))
}

func layOut(v any) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return "?"
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "..."
}

// place is where a value stands in an answer.
type place struct {
	key   string
	depth int
	thing bool // in a list of things
	// says are keys in which a system speaks of the request; nil in requests.
	says *regexp.Regexp
	// hide takes secrets out; nil where there are none.
	hide func(string) string
}

// hidden is a text without secrets. This comes before all masking and
// escaping, after which parts of a secret would not be known for such.
func (p place) hidden(s string) string {
	if p.hide == nil {
		return s
	}
	return p.hide(s)
}

// answer is the top of an answer.
func (p place) answer(status int) place {
	if p.says = complaint; status >= 400 {
		p.says = refusal
	}
	return p
}

func (p place) below(key string) place {
	p.key, p.depth, p.thing = key, p.depth+1, p.thing || things.MatchString(key)
	return p
}

func (p place) private() bool {
	return privateKey.MatchString(p.key) && !plainKey.MatchString(p.key) && !thingKey.MatchString(p.key) && !(p.thing && (p.key == "name" || p.key == "title"))
}

func maskValue(at place, v any) any {
	if secretKey.MatchString(at.key) && v != nil && v != "" {
		return Masked
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[maskDigits(at.hidden(k))] = maskValue(at.below(k), e)
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			out = append(out, maskValue(at, e))
		}
		return out
	case string:
		return maskString(at, v)
	case float64:
		if v >= 1e6 || v <= -1e6 {
			return maskDigits(show(v))
		}
	}
	return v
}

func maskString(at place, v string) string {
	v = at.hidden(v)
	if strings.ContainsAny(v, "-/.年:") && moment.MatchString(v) && !at.private() {
		return v // a time is nobody's
	}
	switch {
	case at.says != nil && at.depth <= 2 && at.says.MatchString(at.key), at.thing && !at.private(), thingKey.MatchString(at.key):
		return maskWords(v)
	case at.private() && digitRun.FindString(v) != v:
		return obs.Text(v).String()
	}
	return maskText(v)
}

// MaskBytes masks a body of any kind: JSON by its values, else its length.
func MaskBytes(b []byte, limit int) string { return maskBody(place{}, b, limit) }

func maskBody(at place, b []byte, limit int) string {
	if len(b) == 0 {
		return ""
	}
	if v, err := DecodeJSON(b); err == nil {
		return maskJSON(at, v, limit)
	}
	return obs.Text(b).String()
}

// shortBody is what fits a line when it is shown.
const shortBody = 160

// showBody lays a body out for people: JSON of some length on several lines.
func showBody(at place, b []byte) string {
	if v, err := DecodeJSON(b); err == nil {
		if masked := maskJSON(at, v, shortBody+1); len(masked) > shortBody {
			return cut(layOut(maskValue(at, v)), showBytes)
		}
	}
	return maskBody(at, b, showBytes)
}

// Masked stands for a value that is not shown.
const Masked = "***"

// plainHeaders tell nothing about anybody.
var plainHeaders = []string{
	"Accept", "Content-Type", "User-Agent", "Webhook-Id", "Webhook-Timestamp", "Idempotency-Key", "Retry-After",
}

// maskHeaders shows the names, and the values of those that tell nothing.
func maskHeaders(h http.Header) map[string]string {
	out := map[string]string{}
	for k := range h {
		if out[k] = Masked; slices.Contains(plainHeaders, http.CanonicalHeaderKey(k)) {
			out[k] = maskDigits(h.Get(k))
		}
	}
	return out
}
