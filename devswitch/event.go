package devswitch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

type header struct{ name, value string }

// event is one FreeSWITCH event: headers in order, and a body.
type event struct {
	headers []header
	body    string
}

func newEvent(name string) *event {
	return &event{headers: []header{{"Event-Name", name}}}
}

func (e *event) add(name, value string) *event {
	e.headers = append(e.headers, header{name, value})
	return e
}

func (e *event) addf(name, format string, args ...any) *event {
	return e.add(name, fmt.Sprintf(format, args...))
}

// get reads a header; names compare without case, as FreeSWITCH does.
func (e *event) get(name string) string {
	for _, h := range e.headers {
		if strings.EqualFold(h.name, name) {
			return h.value
		}
	}
	return ""
}

func (e *event) name() string { return e.get("Event-Name") }

// urlUnsafe is what FreeSWITCH encodes in plain events, besides bytes that are
// not printable ASCII.
const urlUnsafe = "\r\n \"#%&+:;<=>?@[\\]^`{|}"

func urlEncode(s string) string {
	clean := true
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || strings.IndexByte(urlUnsafe, s[i]) >= 0 {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || strings.IndexByte(urlUnsafe, s[i]) >= 0 {
			fmt.Fprintf(&b, "%%%02X", s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// plain is the text/event-plain form.
func (e *event) plain(encode bool) []byte {
	var b bytes.Buffer
	for _, h := range e.headers {
		value := h.value
		if encode {
			value = urlEncode(value)
		}
		fmt.Fprintf(&b, "%s: %s\n", h.name, value)
	}
	if e.body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\n\n%s", len(e.body), e.body)
	} else {
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// json is the text/event-json form.
func (e *event) json() []byte {
	fields := make(map[string]string, len(e.headers)+2)
	for _, h := range e.headers {
		if _, twice := fields[h.name]; !twice {
			fields[h.name] = h.value
		}
	}
	if e.body != "" {
		fields["Content-Length"] = fmt.Sprint(len(e.body))
		fields["_body"] = e.body
	}
	out, _ := json.Marshal(fields) // a map of strings always marshals
	return out
}
