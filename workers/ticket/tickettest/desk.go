package tickettest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Desk is a small ticket system over HTTP that can be made to fail. It
// searches by reference, and takes nothing for a repeat by itself.
type Desk struct {
	Server *httptest.Server
	// Fault, when set, is asked about each request: what it returns happens
	// in place of the answer.
	mu      sync.Mutex
	fault   func(*http.Request) Fault
	tickets []*Copy
	log     []string // what was done, in order
	seen    []http.Header
	done    chan struct{}
}

// Fault is how a request goes wrong.
type Fault string

// The faults.
const (
	Fine      Fault = ""
	Error500  Fault = "500"        // nothing is done
	Done500   Fault = "done, 500"  // it is done, and the answer says it failed
	Hang      Fault = "hang"       // nothing is done, and no answer comes
	DoneHang  Fault = "done, hang" // it is done, and no answer comes
	Cut       Fault = "cut"        // it is done, and the connection breaks
	Garbage   Fault = "garbage"    // it is done, and the answer is none
	Forbidden Fault = "403"
	Refused   Fault = "422"
)

// Copy is one ticket at the desk.
type Copy struct {
	ID       string    `json:"id"`
	Ref      string    `json:"ref"`
	Title    string    `json:"title"`
	State    string    `json:"state"`
	Owner    string    `json:"owner"`
	Comments []string  `json:"comments"`
	Changed  time.Time `json:"changed"`
	Version  int64     `json:"version"`
}

// NewDesk runs a desk until the test ends.
func NewDesk(t testing.TB) *Desk {
	d := &Desk{done: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /tickets", d.create)
	mux.HandleFunc("GET /tickets", d.search)
	mux.HandleFunc("PATCH /tickets/{id}", d.update)
	mux.HandleFunc("POST /tickets/{id}/comments", d.comment)
	mux.HandleFunc("GET /changes", d.changes)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, map[string]string{}) })
	d.Server = httptest.NewServer(d.faulty(mux))
	t.Cleanup(func() { close(d.done); d.Server.Close() })
	return d
}

// Fail sets what goes wrong from now on; nil is nothing.
func (d *Desk) Fail(fault func(*http.Request) Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = fault
}

// Always is one fault for all requests.
func Always(f Fault) func(*http.Request) Fault { return func(*http.Request) Fault { return f } }

// Copies gives what the desk has for a reference.
func (d *Desk) Copies(ref string) []Copy {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Copy
	for _, c := range d.tickets {
		if ref == "" || c.Ref == ref {
			copied := *c
			copied.Comments = slices.Clone(c.Comments)
			out = append(out, copied)
		}
	}
	return out
}

// Log is what was done at the desk, in order: "create ID", "state ID STATE",
// "owner ID NAME", "priority ID PRIORITY", "team ID GROUP", "due ID TIME" ("none"
// when it has none any more), "comment ID TEXT".
func (d *Desk) Log() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.log)
}

// Headers are those of the requests that came, in order.
func (d *Desk) Headers() []http.Header {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.seen)
}

// SetState is somebody at the desk changing a ticket.
func (d *Desk) SetState(id, state string) Copy {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.tickets {
		if c.ID == id {
			c.set(state)
			return *c
		}
	}
	return Copy{}
}

func (c *Copy) set(state string) {
	if at := time.Now().UTC(); at.After(c.Changed) {
		c.Changed = at
	}
	c.State, c.Version = state, c.Version+1
}

// faulty makes requests go wrong. What is done is done whether or not anybody
// hears of it.
func (d *Desk) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		d.mu.Lock()
		d.seen = append(d.seen, r.Header.Clone())
		fault := Fine
		if d.fault != nil {
			fault = d.fault(r)
		}
		d.mu.Unlock()
		if slices.Contains([]Fault{Done500, DoneHang, Cut, Garbage}, fault) {
			next.ServeHTTP(httptest.NewRecorder(), r)
		}
		switch fault {
		case Error500, Done500:
			answer(w, 500, map[string]string{"error": "something broke"})
		case Hang, DoneHang:
			select {
			case <-r.Context().Done():
			case <-d.done:
			}
		case Cut:
			panic(http.ErrAbortHandler)
		case Garbage:
			fmt.Fprint(w, "<html>we will be back soon")
		case Forbidden:
			answer(w, 403, map[string]string{"error": "who are you"})
		case Refused:
			answer(w, 422, map[string]string{"error": "no such thing"})
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (d *Desk) create(w http.ResponseWriter, r *http.Request) {
	var in Copy
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Ref == "" {
		answer(w, 422, map[string]string{"error": "ref is missing"})
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c := &Copy{ID: fmt.Sprint("D-", len(d.tickets)+1), Ref: in.Ref, Title: in.Title}
	c.set("new")
	d.tickets = append(d.tickets, c)
	d.log = append(d.log, "create "+c.ID)
	answer(w, 201, map[string]any{"ticket": c, "link": "https://desk.example/" + c.ID})
}

func (d *Desk) search(w http.ResponseWriter, r *http.Request) {
	found := d.Copies(r.URL.Query().Get("ref"))
	if found == nil {
		found = []Copy{}
	}
	answer(w, 200, map[string]any{"tickets": found})
}

func (d *Desk) known(w http.ResponseWriter, r *http.Request, do func(*Copy)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.tickets {
		if c.ID == r.PathValue("id") {
			do(c)
			answer(w, 200, map[string]any{"ticket": c})
			return
		}
	}
	answer(w, 404, map[string]string{"error": "no such ticket"})
}

func (d *Desk) update(w http.ResponseWriter, r *http.Request) {
	var in struct{ State, Owner, Priority, Team, Due string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	d.known(w, r, func(c *Copy) {
		if in.State != "" {
			c.set(in.State)
			d.log = append(d.log, "state "+c.ID+" "+in.State)
		}
		if in.Owner != "" {
			c.Owner = in.Owner
			d.log = append(d.log, "owner "+c.ID+" "+in.Owner)
		}
		if in.Priority != "" {
			d.log = append(d.log, "priority "+c.ID+" "+in.Priority)
		}
		if in.Team != "" {
			d.log = append(d.log, "team "+c.ID+" "+in.Team)
		}
		if in.Due != "" {
			d.log = append(d.log, "due "+c.ID+" "+in.Due)
		}
	})
}

func (d *Desk) comment(w http.ResponseWriter, r *http.Request) {
	var in struct{ Text string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	d.known(w, r, func(c *Copy) {
		c.Comments = append(c.Comments, in.Text)
		d.log = append(d.log, "comment "+c.ID+" "+in.Text)
	})
}

func (d *Desk) changes(w http.ResponseWriter, r *http.Request) {
	since, _ := time.Parse(time.RFC3339, r.URL.Query().Get("since"))
	var out []Copy
	for _, c := range d.Copies("") {
		if !c.Changed.Before(since) {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b Copy) int { return a.Changed.Compare(b.Changed) })
	if out == nil {
		out = []Copy{}
	}
	answer(w, 200, map[string]any{"changes": out})
}

// Spec is the file of a connection to the desk; key is an environment
// variable with a Standard Webhooks secret.
func (d *Desk) Spec(key string) string {
	return `connector: rest
base: ` + d.Server.URL + `
timeout: 1s
sign: {secret: {env: ` + key + `}}
statuses: {open: in-progress}
create:
  method: POST
  path: /tickets
  body:
    ref: "{{ .ticket.key }}"
    title: "{{ .ticket.kind }} {{ .ticket.order_number }}: {{ .ticket.summary }}"
    state: new
    phone?: "{{ .ticket.contact }}"
  map: {id: ticket.id, url: link, status: ticket.state}
find:
  method: GET
  path: /tickets
  query: {ref: "{{ .key }}"}
  map: {id: "tickets[0].id", status: "tickets[0].state"}
update:
  method: PATCH
  path: /tickets/{{ .external.id }}
  missing: [404]
  body: {state?: "{{ .change.status }}", owner?: "{{ .change.assignee }}", priority?: "{{ .change.priority }}", team?: "{{ .change.group }}",
    due?: "{{ if .change.no_due }}none{{ else }}{{ .change.due }}{{ end }}"}
comment:
  method: POST
  path: /tickets/{{ .external.id }}/comments
  missing: [404]
  body: {text: "{{ .comment.text }}"}
changes:
  method: GET
  path: /changes
  query: {since: "{{ .since }}"}
  map: {items: changes}
  each: {external_id: id, status: state, at: changed, sequence: version}
ready: {method: GET, path: /health}
incoming:
  secret: {env: ` + key + `}
  map: {external_id: id, status: state, at: changed, sequence: version}
moves: {solved: resolved, gone: closed}
`
}
