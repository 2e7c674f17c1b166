package console

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func readText(contentType, text string) (string, error) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(text))
	r.Header.Set("Content-Type", contentType)
	b, err := readBody(httptest.NewRecorder(), r, plainJSON)
	if err != nil {
		return "", err
	}
	v := b.text("text", 1, 10)
	b.text("note", 0, 5)
	return v, b.end()
}

func TestBodiesAreRefusedByField(t *testing.T) {
	const jsonType = "application/json"
	for _, c := range []struct {
		contentType, body string
		status            int
		field             string
	}{
		{jsonType, `{"text":"好"}`, 0, ""},
		{"application/json; charset=UTF-8", ` {"text":"好","note":""} `, 0, ""},
		{"text/plain", `{"text":"好"}`, 415, ""},
		{"application/json; charset=gbk", `{"text":"好"}`, 415, ""},
		{"", `{"text":"好"}`, 415, ""},
		{"application/x-www-form-urlencoded", `text=a`, 415, ""},
		{jsonType, `{"text":"` + strings.Repeat("a", maxBody) + `"}`, 413, ""},
		{jsonType, ``, 400, ""},
		{jsonType, `[]`, 400, ""},
		{jsonType, `null`, 400, ""},
		{jsonType, `{"text":"a"} {}`, 400, ""},
		{jsonType, `{"text":"a"`, 400, ""},
		{jsonType, `{"text":"a",}`, 400, ""},
		{jsonType, "{\"text\":\"\xff\"}", 400, ""},
		{jsonType, `{"text":"a","text":"b"}`, 400, "text"},
		{jsonType, `{"text":"a","extra":{"deep":[1]}}`, 400, "extra"},
		{jsonType, `{"Text":"a","text":"b"}`, 400, "Text"},
		{jsonType, `{}`, 400, "text"},
		{jsonType, `{"text":null}`, 400, "text"},
		{jsonType, `{"text":7}`, 400, "text"},
		{jsonType, `{"text":""}`, 400, "text"},
		{jsonType, `{"text":"12345678901"}`, 400, "text"},
		{jsonType, `{"text":"a\u0000"}`, 400, "text"},
		{jsonType, `{"text":"a","note":"123456"}`, 400, "note"},
	} {
		_, err := readText(c.contentType, c.body)
		var bad *bodyError
		if c.status == 0 {
			if err != nil {
				t.Errorf("%s: %v", c.body, err)
			}
			continue
		}
		if !errors.As(err, &bad) || bad.status != c.status || c.field != "" && (len(bad.fields) != 1 || bad.fields[0].Field != c.field) {
			t.Errorf("%.60s: %+v", c.body, bad)
		}
	}
}

func FuzzBody(f *testing.F) {
	for _, s := range []string{`{"text":"a"}`, `{"text":"a","text":1}`, `{"a":[{}]`, `{"text":"\ud800"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := readText("application/json", s)
		if err == nil && (v == "" || len([]rune(v)) > 10) {
			t.Errorf("%q gave %q", s, v)
		}
	})
}
