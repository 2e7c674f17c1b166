package console_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/tidegate/tidegate/console"
	"github.com/tidegate/tidegate/internal/store"
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

// fakeDesk keeps the lives of tickets in memory, and writes to the store in a
// transaction of the context it is given, as a Desk has to.
type fakeDesk struct {
	db    *store.Store
	mu    sync.Mutex
	lives map[string]*console.History
}

func (d *fakeDesk) life(id string) *console.History {
	h := d.lives[id]
	if h == nil {
		h = &console.History{Version: 1, Next: []store.TicketStatus{"in_progress"}}
		d.lives[id] = h
	}
	return h
}

func (d *fakeDesk) History(_ context.Context, id string) (console.History, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return *d.life(id), nil
}

func (d *fakeDesk) change(ctx context.Context, id string, version int64, fn func(*console.History) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.db.Ticket(ctx, id); err != nil {
		return err
	}
	h := d.life(id)
	if version != 0 && version != h.Version {
		return console.ErrChanged
	}
	if err := fn(h); err != nil {
		return err
	}
	h.Version++
	return d.db.IndexTicket(ctx, id)
}

func (d *fakeDesk) Transition(ctx context.Context, id string, version int64, to store.TicketStatus, note, actor string) error {
	return d.change(ctx, id, version, func(h *console.History) error {
		if len(h.Next) == 0 || h.Next[0] != to {
			return console.ErrIllegal
		}
		h.Next = nil
		h.Changes = append(h.Changes, console.Change{At: time.Now(), Actor: actor, Field: "status", From: "open", To: string(to), Note: note})
		return nil
	})
}

func (d *fakeDesk) Assign(ctx context.Context, id string, version int64, assignee, _ string) error {
	return d.change(ctx, id, version, func(h *console.History) error { h.Assignee = assignee; return nil })
}

func (d *fakeDesk) Comment(ctx context.Context, id string, version int64, text, actor string) error {
	return d.change(ctx, id, version, func(h *console.History) error {
		h.Comments = append(h.Comments, console.TicketComment{At: time.Now(), Actor: actor, Text: text})
		return nil
	})
}
