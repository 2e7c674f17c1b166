package console_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/tidegate/tidegate/internal/store/storetest"
)

func init() {
	// The validator knows JSON; a CSV is a string to it.
	openapi3filter.RegisterBodyDecoder("text/csv", openapi3filter.PlainBodyDecoder)
}

type answer struct {
	code   int
	header http.Header
	body   string
}

// ask asks the API, and holds question and answer against the document.
func (f *fixture) ask(method, path, body string, header map[string]string, into any) answer {
	f.t.Helper()
	ctx := storetest.Context(f.t)
	req, err := http.NewRequestWithContext(ctx, method, f.base+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	if f.token != "" {
		req.Header.Set("Authorization", "Bearer "+f.token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	described := httptest.NewRequest(method, path, strings.NewReader(body))
	described.Header = req.Header
	route, params, err := f.router.FindRoute(described)
	if err != nil {
		f.t.Fatalf("%s %s is not in the document: %v", method, path, err)
	}
	in := &openapi3filter.RequestValidationInput{Request: described, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	if err := openapi3filter.ValidateRequest(ctx, in); err != nil && resp.StatusCode == http.StatusOK {
		f.t.Errorf("%s %s was answered, though the document forbids it: %v", method, path, err)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header, Options: in.Options}
	out.SetBodyBytes(got)
	if err := openapi3filter.ValidateResponse(ctx, out); err != nil {
		f.t.Errorf("%s %s: the answer is not as documented: %v\n%s", method, path, err, got)
	}
	if into != nil {
		if err := json.Unmarshal(got, into); err != nil {
			f.t.Errorf("%s %s: %v: %s", method, path, err, got)
		}
	}
	return answer{resp.StatusCode, resp.Header, string(got)}
}
