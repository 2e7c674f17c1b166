package rest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"unicode"

	"github.com/tidegate/tidegate/internal/obs"
)

// shape shows how a value is written without what it says: digits as 0,
// letters as x, Han characters as 某.
func shape(v any) string {
	switch x := v.(type) {
	case string:
		s := strings.Map(func(r rune) rune {
			switch {
			case unicode.IsDigit(r):
				return '0'
			case unicode.Is(unicode.Han, r):
				return '某'
			case unicode.IsLetter(r):
				return 'x'
			case unicode.IsControl(r):
				return ' '
			}
			return r
		}, cut(x, 40))
		return fmt.Sprintf("%q", s)
	case map[string]any:
		return fmt.Sprintf("an object of %d fields", len(x))
	case []any:
		return fmt.Sprintf("a list of %d", len(x))
	case nil:
		return "null"
	}
	s, _ := text(v)
	return strings.Trim(shape(s), `"`)
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_. -]{1,40}$`)
var longDigits = regexp.MustCompile(`[0-9]{5,}`)

// word shows a value that ought to be one of a system's states: those are
// needed to write a table, and are about nobody.
func word(v any) string {
	if s, ok := text(v); ok && plainWord.MatchString(s) && !longDigits.MatchString(s) {
		return fmt.Sprintf("%q", s)
	}
	return shape(v)
}

var (
	phoneText = regexp.MustCompile(`(?:\+?86|0086)?1[3-9][0-9]{9}`)
	mailText  = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+`)
	// Keys whose values are about a person, and of those that are not.
	personKey = regexp.MustCompile(`(?i)phone|mobile|tel|name|addr|receiver|consignee|buyer|customer|email|contact|recipient|birth|id_?card|收|电话|姓名|地址`)
	thingKey  = regexp.MustCompile(`(?i)product|goods|item|sku|carrier|company|shop|store|express|logistics|method|category|file|_id$|^id$|display`)
	secretKey = regexp.MustCompile(`(?i)secret|password|token|session|sign|api_?key|authorization`)
)

// maskText hides numbers and mail addresses that stand in a running text.
func maskText(s string) string {
	s = phoneText.ReplaceAllStringFunc(s, func(n string) string { return obs.Phone(n).String() })
	return mailText.ReplaceAllString(s, "***@***")
}

// maskJSON shows a body with personal values hidden; what is no JSON is shown
// by its length only.
func maskJSON(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	var v any
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return fmt.Sprintf("[%d bytes that are no JSON]", len(b))
	}
	out, err := json.MarshalIndent(maskValue(v, false), "", "  ")
	if err != nil {
		return fmt.Sprintf("[%d bytes]", len(b))
	}
	return string(out)
}

func maskValue(v any, person bool) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			if secretKey.MatchString(k) {
				out[k] = "***"
				continue
			}
			out[k] = maskValue(e, person && !strings.HasSuffix(k, "_at") || personKey.MatchString(k) && !thingKey.MatchString(k))
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = maskValue(e, person)
		}
		return out
	case string:
		if person && x != "" {
			return obs.Text(x).String()
		}
		return maskText(x)
	case json.Number:
		if person || phoneText.MatchString(x.String()) {
			return obs.Phone(x.String()).String()
		}
	}
	return v
}

// Mask shows any answer of this package as JSON, with personal values hidden.
func Mask(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return maskJSON(b)
}

// hide replaces every secret in a text.
func (s *System) hide(t string) string {
	values := make([]string, 0, len(s.secrets))
	for _, v := range s.secrets {
		if len(v) >= 3 {
			values = append(values, v)
		}
	}
	sort.Slice(values, func(i, j int) bool { return len(values[i]) > len(values[j]) })
	for _, v := range values {
		t = strings.ReplaceAll(t, v, "***")
	}
	return t
}
