package restcall

import (
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
	token = regexp.MustCompile(`^[A-Za-z0-9_.:/+?=&%#-]{1,200}$`)
	// private keys hold people's words and data, whatever they look like.
	privateKey = regexp.MustCompile(`(?i)(name|phone|mobile|tel|contact|mail|address|addr|passw|secret|token|key|auth|receiver|consignee|buyer|user|owner|subject|title|text|content|body|comment|summary|description|remark|reason|note|message)`)
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
	return digitRun.ReplaceAllStringFunc(s, func(run string) string { return obs.Phone(run).String() })
}

// MaskJSON shows the shape of decoded JSON with its values masked, in at most
// limit bytes.
func MaskJSON(v any, limit int) string {
	b, err := json.Marshal(maskValue("", v))
	if err != nil {
		return "?"
	}
	return cut(string(b), limit)
}

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "..."
}

func maskValue(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = maskValue(k, e)
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			out = append(out, maskValue(key, e))
		}
		return out
	case string:
		if _, err := timeOf(v); err == nil {
			return v // a time is nobody's
		}
		if privateKey.MatchString(key) && v != "" && digitRun.FindString(v) != v {
			return obs.Text(v).String()
		}
		return maskText(v)
	case float64:
		if v >= 1e6 || v <= -1e6 {
			return maskText(show(v))
		}
	}
	return v
}

// MaskBytes masks a body of any kind: JSON by its values, else its length.
func MaskBytes(b []byte, limit int) string {
	if len(b) == 0 {
		return ""
	}
	if v, err := decodeJSON(b); err == nil {
		return MaskJSON(v, limit)
	}
	return obs.Text(b).String()
}

// Masked stands for a value that is not shown.
const Masked = "***"

// plainHeaders tell nothing about anybody.
var plainHeaders = []string{
	"Accept", "Content-Type", "Content-Length", "User-Agent", "Webhook-Id", "Webhook-Timestamp", "Idempotency-Key", "Retry-After", "Date", "Etag",
}

// maskHeaders shows the names, and the values of those that tell nothing.
func maskHeaders(h http.Header) map[string]string {
	out := map[string]string{}
	for k := range h {
		if out[k] = Masked; slices.Contains(plainHeaders, http.CanonicalHeaderKey(k)) {
			if out[k] = h.Get(k); k == "Date" || k == "Etag" {
				continue
			}
			out[k] = digitRun.ReplaceAllStringFunc(h.Get(k), func(run string) string { return obs.Phone(run).String() })
		}
	}
	return out
}
