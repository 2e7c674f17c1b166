package esl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// legVariables are what a new leg is made with.
type legVariables struct {
	uuid, number, name string
	timeout            time.Duration
	headers, extra     map[string]string
}

// dialString writes {name=value,...}endpoint. Inside the braces a comma, quote or brace would end a value, so
// only harmless characters pass; headers are percent-encoded and therefore carry any text.
func dialString(endpoint string, v legVariables) (string, error) {
	if err := plain(endpoint, maxURL); err != nil {
		return "", fmt.Errorf("endpoint: %w", err)
	}
	if endpoint == "" || strings.ContainsAny(endpoint, " {}[]<>()|,'\"\\^&") || !strings.Contains(endpoint, "/") {
		return "", fmt.Errorf("%w: endpoint", ErrArgument)
	}
	set := map[string]string{}
	for k, val := range v.extra {
		set[k] = val
	}
	if v.uuid != "" {
		if err := channelID(v.uuid); err != nil {
			return "", err
		}
		set["origination_uuid"] = v.uuid
	}
	if v.number != "" {
		set["origination_caller_id_number"] = v.number
	}
	if v.name != "" {
		set["origination_caller_id_name"] = v.name
	}
	if v.timeout > 0 {
		set["originate_timeout"] = strconv.Itoa(int(max(time.Second, v.timeout) / time.Second))
	}
	for k, val := range v.headers {
		if err := name("header", k, "-"); err != nil || !strings.HasPrefix(k, "X-") || len(val) > maxArgument || !utf8.ValidString(val) {
			return "", fmt.Errorf("%w: header", ErrArgument)
		}
		set["sip_h_"+k] = percentEncode(val)
	}
	if len(set) == 0 {
		return endpoint, nil
	}
	var pairs []string
	for _, k := range slices.Sorted(maps.Keys(set)) {
		if err := name("variable", k, "_-"); err != nil {
			return "", err
		}
		if err := plain(set[k], 3*maxArgument); err != nil {
			return "", fmt.Errorf("variable %s: %w", k, err)
		}
		if strings.ContainsAny(set[k], " {}[]()<>,|'\"\\^") {
			return "", fmt.Errorf("%w: variable %s", ErrUnsafe, k)
		}
		pairs = append(pairs, k+"="+set[k])
	}
	return "{" + strings.Join(pairs, ",") + "}" + endpoint, nil
}

// percentEncode keeps the unreserved characters of RFC 3986, section 2.3, and nothing else.
func percentEncode(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c == '-' || c == '.' || c == '_' || c == '~' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

// quote puts an argument of an api command into quotes, as switch_separate_string (switch_utils.c) reads them:
// inside, only \ and ' have a meaning, and the separator has none.
func quote(s string, limit int) (string, error) {
	if err := plain(s, limit); err != nil {
		return "", err
	}
	q := "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
	if len(q) > limit+2 {
		return "", fmt.Errorf("%w: %d bytes with escapes", ErrArgument, len(q))
	}
	return q, nil
}

// quoteJSON writes JSON on one line, "$" as its escape, and quotes it.
func quoteJSON(text []byte) (string, error) {
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		return "", fmt.Errorf("%w: not JSON", ErrArgument)
	}
	return quote(strings.ReplaceAll(line.String(), "$", `\u0024`), maxForkText)
}

// plain refuses what no argument may hold.
func plain(s string, limit int) error {
	if len(s) > limit {
		return fmt.Errorf("%w: %d bytes", ErrArgument, len(s))
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%w: not UTF-8", ErrUnsafe)
	}
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == 0x7f || c == '$' {
			return fmt.Errorf("%w: byte %#02x", ErrUnsafe, c)
		}
	}
	return nil
}

// name accepts letters, digits and the extra characters: for names that the switch looks up.
func name(what, s, extra string) error {
	if s == "" || len(s) > 200 {
		return fmt.Errorf("%w: %s", ErrArgument, what)
	}
	for i := range len(s) {
		c := s[i]
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte(extra, c) >= 0 {
			continue
		}
		return fmt.Errorf("%w: %s: byte %#02x", ErrUnsafe, what, c)
	}
	return nil
}

func channelID(id string) error { return name("channel id", id, "-_.") }

func target(own, channel string) (string, error) {
	if own == "" {
		own = channel
	}
	return own, channelID(own)
}
