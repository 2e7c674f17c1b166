package console

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"net/http"

	"golang.org/x/text/language"
)

//go:embed page.html
var pageSource []byte

var pageLanguages = language.NewMatcher([]language.Tag{language.MustParse("zh-CN"), language.MustParse("en-US")})

// page is the one HTML file. Its script and style stand inside it and are
// named to the browser by their hashes, so that nothing else runs.
type page struct {
	policy  string
	chinese []byte
	english []byte
}

var langAttribute = []byte(`<html lang="zh-CN">`)

func loadPage() (*page, error) {
	script, ok := between(pageSource, "<script>", "</script>")
	style, ok2 := between(pageSource, "<style>", "</style>")
	if !ok || !ok2 || !bytes.Contains(pageSource, langAttribute) {
		return nil, errors.New("console: the page has no script, style or language")
	}
	return &page{
		policy: "default-src 'none'; connect-src 'self'; script-src " + hashSource(script) + "; style-src " + hashSource(style) +
			"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		chinese: pageSource,
		english: bytes.Replace(pageSource, langAttribute, []byte(`<html lang="en-US">`), 1),
	}, nil
}

func between(b []byte, open, end string) ([]byte, bool) {
	_, rest, ok := bytes.Cut(b, []byte(open))
	inside, _, ok2 := bytes.Cut(rest, []byte(end))
	return inside, ok && ok2
}

// hashSource is a CSP hash-source (Content Security Policy Level 3, 2.3.1).
func hashSource(b []byte) string {
	sum := sha256.Sum256(b)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func (p *page) serve(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Security-Policy", p.policy)
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Vary", "Accept-Language")
	body := p.chinese
	if _, i := language.MatchStrings(pageLanguages, r.Header.Get("Accept-Language")); i == 1 {
		body = p.english
	}
	_, _ = w.Write(body)
}
