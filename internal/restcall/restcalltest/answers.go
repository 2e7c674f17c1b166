// Package restcalltest has the bad answers that other systems give, for the
// tests of every connector that is made of restcall.
package restcalltest

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/restcall"
)

// Private stands in the bad answers, and must stand in no error or log.
const Private = "13800138001"

// Answer is one bad answer.
type Answer struct {
	Name  string
	Class error // restcall's, of an answer that something is wanted of
	JSON  bool  // an object or a list, in which nothing is found
	serve http.HandlerFunc
}

// Serve runs a server that gives the answer to everything until the test ends.
func (a Answer) Serve(t testing.TB) *httptest.Server {
	server := httptest.NewServer(a.serve)
	t.Cleanup(server.Close)
	return server
}

func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, text)
	}
}

// MaxBytes is what descriptions in these tests allow an answer.
const MaxBytes = 64 << 10

// Answers lists them. A request that goes to another host fails the test.
func Answers(t testing.TB) []Answer {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a request, which carries secrets, went to another host")
	}))
	t.Cleanup(elsewhere.Close)
	garbled := map[string]http.HandlerFunc{
		"nothing":         body(""),
		"blanks":          body(" \r\n"),
		"a page of HTML":  body("<!DOCTYPE html><html><body>Sign in, " + Private + "</body></html>"),
		"half of it":      body(`{"data":{"phone":"` + Private + `","id":`),
		"two at once":     body(`{"data":[]}{"data":[]}`),
		"no JSON after":   body(`{"data":[]} ` + Private),
		"a number":        body("17"),
		"a text":          body(`"` + Private + `"`),
		"a list of lists": body(`[[[["` + Private + `"]]]]`),
		"other fields":    body(`{"payload":{"phone":"` + Private + `","name":"张三"}}`),
		"other kinds":     body(`{"data":{"id":{"phone":"` + Private + `"}},"id":["` + Private + `"],"items":"` + Private + `"}`),
		"numbers too big": body(`{"data":1e999,"id":-1e999}`),
		"too deep":        body(strings.Repeat(`{"data":[`, 20000) + strings.Repeat("]}", 20000)),
		"rather deep":     body(strings.Repeat("[", 4000) + strings.Repeat("]", 4000)),
		"no UTF-8":        body("{\"data\":\"\xff\xfe\x00\"}"),
		"bytes":           body("\x1f\x8b\x00\x01\x02" + Private),
		"too much":        body(`{"data":"` + strings.Repeat(Private, MaxBytes/len(Private)+1) + `"}`),
		"without end": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat(" ", 4096)); err != nil {
					return
				}
			}
		},
		"much, packed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 64 {
				_, _ = z.Write(make([]byte, 64<<10))
			}
			_ = z.Close()
		},
		"another host": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
		},
		"round in circles": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusTemporaryRedirect)
		},
		"a way without place": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusFound) },
	}
	away := map[string]http.HandlerFunc{
		"headers without end": func(w http.ResponseWriter, _ *http.Request) {
			for i := range 2000 {
				w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 100))
			}
		},
		"cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"data":"`+Private)
		},
		"broken off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"bad gateway": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "<html>"+Private)
		},
	}
	shaped := map[string]bool{"a list of lists": true, "other fields": true, "other kinds": true, "rather deep": true, "numbers too big": true, "no UTF-8": true}
	var out []Answer
	for class, answers := range map[error]map[string]http.HandlerFunc{restcall.ErrGarbled: garbled, restcall.ErrUnavailable: away} {
		for name, serve := range answers {
			out = append(out, Answer{Name: name, Class: class, JSON: shaped[name], serve: serve})
		}
	}
	return append(out,
		Answer{Name: "not let in", Class: restcall.ErrDenied, serve: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"user":"`+Private+`"}`)
		}},
		Answer{Name: "refused", Class: restcall.ErrRefused, serve: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"message":"phone `+Private+` is no number","phone":"`+Private+`"}`)
		}})
}
