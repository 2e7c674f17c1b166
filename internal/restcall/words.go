package restcall

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

func pathPart(v any) (string, error) {
	s := show(v)
	if s == "" || s == "." || s == ".." {
		return "", errors.New("a part of the path is empty or dots")
	}
	return bounded(inQueryToo.Replace(url.PathEscape(s)))
}

// inQueryToo escapes what url.PathEscape leaves as it is, rightly so in a
// path, and what would begin another parameter behind its question mark.
var inQueryToo = strings.NewReplacer("&", "%26", "=", "%3D", "+", "%2B")

// show is how a value reads in a text: null is nothing, numbers are plain.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	case map[string]any, []any, float64:
		b, _ := marshal(v) // as it is sent in a body
		return string(b)
	}
	return fmt.Sprint(v)
}

func choose(fallback, v any) any {
	if v == nil || v == "" {
		return fallback
	}
	return v
}

func truncate(n int, v any) string {
	s := show(v)
	if n < 0 || utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n])
}

func join(sep string, v any) (string, error) {
	list, ok := v.([]any)
	if !ok {
		return "", errors.New("join: wants a list")
	}
	parts, size := make([]string, 0, len(list)), len(sep)*max(0, len(list)-1)
	for _, e := range list {
		parts = append(parts, show(e))
		size += len(parts[len(parts)-1])
	}
	if size > maxTextBytes { // before it is made
		return "", errTextTooLong
	}
	return strings.Join(parts, sep), nil
}

func replace(old, repl string, v any) (string, error) {
	s := show(v)
	if len(s)+strings.Count(s, old)*(len(repl)-len(old)) > maxTextBytes { // before it is made
		return "", errTextTooLong
	}
	return strings.ReplaceAll(s, old, repl), nil
}

func jsonText(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return bounded(string(b))
}

func digit(r rune) rune {
	if r < '0' || r > '9' {
		return -1
	}
	return r
}

// whole is a number without a fraction, of JSON or of a template.
func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case float64:
		return int64(v), v == float64(int64(v))
	case int64:
		return v, true
	case int:
		return int64(v), true
	}
	return 0, false
}

func add(a, b any) (int64, error) {
	x, ok1 := whole(a)
	y, ok2 := whole(b)
	if !ok1 || !ok2 {
		return 0, errors.New("add: wants whole numbers")
	}
	return x + y, nil
}

func timeOf(v any) (time.Time, error) {
	s := show(v)
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, errors.New("date: is no time")
	}
	return t, nil
}

// yuan writes fen as yuan with two decimals.
func yuan(v any) (string, error) {
	fen, ok := whole(v)
	if !ok {
		return "", errors.New("yuan: wants a whole number of fen")
	}
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	return fmt.Sprintf("%s%d.%02d", sign, fen/100, fen%100), nil
}
