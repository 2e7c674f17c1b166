package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxBody bounds the body of a request; the longest that means anything is a
// comment.
const maxBody = 64 << 10

// bodyError is a body that cannot be taken, with the status that says how.
type bodyError struct {
	status int
	kind   string
	detail string
	fields []fieldError
}

func (e *bodyError) Error() string { return "invalid body" }

// body reads the members of a JSON object one by one; what nobody read is
// unknown, and refused: a misspelt member must not look as if it had worked.
type body struct {
	members map[string]json.RawMessage
	errs    []fieldError
	read    map[string]bool
}

const plainJSON = "application/json"

// readBody reads the whole of a request's body: of the media type that is
// wanted, one object of at most maxBody bytes, no member twice.
func readBody(w http.ResponseWriter, r *http.Request, want string) (*body, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || media != want || charset != "" && !strings.EqualFold(charset, "utf-8") {
		if want == mergePatch {
			w.Header().Set("Accept-Patch", mergePatch) // RFC 5789, 2.2
		}
		return nil, &bodyError{http.StatusUnsupportedMediaType, kindMediaType, "The body has to be " + want + ", in UTF-8.", nil}
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, &bodyError{http.StatusRequestEntityTooLarge, kindTooLarge, fmt.Sprintf("The body is over %d bytes.", maxBody), nil}
	}
	if err != nil {
		return nil, &bodyError{http.StatusBadRequest, kindBody, "The body ended early.", nil}
	}
	b := &body{members: map[string]json.RawMessage{}, read: map[string]bool{}}
	if err := b.parse(raw); err != nil {
		return nil, &bodyError{http.StatusBadRequest, kindBody, "The body is no JSON object: " + err.Error() + ".", nil}
	}
	return b, nil
}

var (
	errNoObject = errors.New("want {...}")
	errSyntax   = errors.New("the JSON is broken")
	errTrailing = errors.New("something follows it")
	errNotUTF8  = errors.New("it is not UTF-8")
)

func (b *body) parse(raw []byte) error {
	if !utf8.Valid(raw) { // encoding/json would put U+FFFD in place
		return errNotUTF8
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil {
		return errSyntax
	} else if t != json.Delim('{') {
		return errNoObject
	}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return errSyntax
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return errSyntax
		}
		if _, twice := b.members[name]; twice {
			b.bad(short(name), "is given more than once")
		}
		b.members[name] = value
	}
	if _, err := dec.Token(); err != nil {
		return errSyntax
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}

// short bounds a name that a client chose, where an answer repeats it.
func short(name string) string {
	if len(name) <= 40 {
		return name
	}
	return strings.ToValidUTF8(name[:40], "")
}

func (b *body) bad(field, detail string) {
	b.errs = append(b.errs, fieldError{Field: field, Detail: detail})
}

func (b *body) has(name string) bool {
	_, there := b.members[name]
	return there
}

// text reads a string of low to high characters; a member that is not there
// is "", and wrong when low is more than 0.
func (b *body) text(name string, low, high int) string {
	b.read[name] = true
	var v *string
	if b.has(name) {
		if err := json.Unmarshal(b.members[name], &v); err != nil || v == nil {
			b.bad(name, "is no string")
			return ""
		}
	}
	if v == nil {
		if low > 0 {
			b.bad(name, "is missing")
		}
		return ""
	}
	if n := utf8.RuneCountInString(*v); n < low || n > high {
		b.bad(name, fmt.Sprintf("has %d characters, want %d..%d", n, low, high))
		return ""
	}
	// Lines may come with the ends of any system.
	text := strings.ReplaceAll(strings.ReplaceAll(*v, "\r\n", "\n"), "\r", "\n")
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
		b.bad(name, "has control characters")
		return ""
	}
	return text
}

// end is the error of everything that was wrong, or nil.
func (b *body) end() error {
	for _, name := range sortedKeys(b.members) {
		if !b.read[name] {
			b.bad(short(name), "is no member here")
		}
	}
	if len(b.errs) == 0 {
		return nil
	}
	return &bodyError{http.StatusBadRequest, kindBody, "The body is wrong in: " + strings.Join(namesOf(b.errs), ", ") + ".", b.errs}
}
