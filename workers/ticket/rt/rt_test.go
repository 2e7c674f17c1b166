package rt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
	"github.com/tidegate/tidegate/workers/ticket/rt"
	"github.com/tidegate/tidegate/workers/ticket/rt/rttest"
	"github.com/tidegate/tidegate/workers/ticket/tickettest"
)

const envPassword = "TIDEGATE_TEST_RT_PASSWORD"

func TestMain(m *testing.M) {
	_ = os.Setenv(envPassword, rttest.Password)
	os.Exit(m.Run())
}

func system(t testing.TB, base string) *rt.System {
	t.Helper()
	spec, err := rt.Parse("rt.yaml", []byte(`connector: rt
base: `+base+`
auth: {basic: {user: `+rttest.User+`, password: {env: `+envPassword+`}}}
timeout: 20s
queue: General
statuses: {closed: resolved}
priorities: {normal: 50, urgent: 100}
`))
	if err != nil {
		t.Fatal(err)
	}
	s, err := rt.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// people is RT as its own users see it: its REST2, by hand.
type people struct{ base string }

func (p people) ask(t testing.TB, method, path string, body any) map[string]any {
	t.Helper()
	raw, _ := json.Marshal(body)
	req, err := http.NewRequest(method, p.base+"/REST/2.0"+path, strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(rttest.User, rttest.Password)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(res.Body)
	var out map[string]any
	_ = json.Unmarshal(answer, &out)
	if res.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, answer)
	}
	return out
}

func TestConformanceWithRequestTracker(t *testing.T) {
	server := rttest.Start(t)
	p := people{server.URL}
	gone := httptest.NewServer(nil)
	gone.Close()
	s := system(t, server.URL)
	tickettest.Run(t, tickettest.Other{
		System: s, Away: system(t, gone.URL), Opened: "open",
		Copies: func(t testing.TB, key string) int {
			found := p.ask(t, "GET", "/tickets?query="+url.QueryEscape("RefersTo = 'urn:tidegate:ticket:"+key+"'"), nil)
			n, _ := found["total"].(float64)
			return int(n)
		},
		SetStatus: func(t testing.TB, e ticket.External) string {
			p.ask(t, "PUT", "/ticket/"+e.ID, map[string]string{"Status": "stalled"})
			return "stalled"
		},
		Status: func(t testing.TB, e ticket.External) string {
			return fmt.Sprint(p.ask(t, "GET", "/ticket/"+e.ID, nil)["Status"])
		},
		Comments: func(t testing.TB, e ticket.External) []string {
			var out []string
			found := p.ask(t, "GET", "/ticket/"+e.ID+"/history?fields=Type&per_page=100", nil)
			for _, item := range found["items"].([]any) {
				tx := item.(map[string]any)
				if tx["Type"] != "Comment" {
					continue
				}
				list := p.ask(t, "GET", "/transaction/"+fmt.Sprint(tx["id"])+"/attachments?fields=Content", nil)
				for _, a := range list["items"].([]any) {
					out = append(out, fmt.Sprint(a.(map[string]any)["Content"]))
				}
			}
			return out
		},
	})
	t.Run("a status that the life cycle does not have", func(t *testing.T) {
		e, err := s.Create(t.Context(), ticket.Sample(time.Now()))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Update(t.Context(), e, ticket.Change{ID: "c", Status: "nonsense"}); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%v", err)
		}
		due := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
		if err := s.Update(t.Context(), e, ticket.Change{ID: "c", Status: "closed", Assignee: "root", Due: due}); err != nil {
			t.Error(err)
		}
		if got := p.ask(t, "GET", "/ticket/"+e.ID, nil); got["Status"] != "resolved" || got["Subject"] != "[52013148] return 20261112003378" || got["Due"] != due.Format(time.RFC3339) {
			t.Errorf("%v, %v, due %v, want %v", got["Status"], got["Subject"], got["Due"], due)
		}
	})
	t.Run("every status of ours", func(t *testing.T) {
		e, err := s.Create(t.Context(), ticket.Sample(time.Now()))
		if err != nil {
			t.Fatal(err)
		}
		for _, status := range schemas.TicketStatuses() {
			// Who has it is nobody that RT knows: the rest is changed all the same.
			if err := s.Update(t.Context(), e, ticket.Change{ID: "c", Status: string(status), Assignee: "li.na", Group: "finance", Priority: "high", At: time.Now()}); err != nil {
				t.Errorf("%s: %v", status, err)
			}
		}
		owner := func() string {
			o, _ := p.ask(t, "GET", "/ticket/"+e.ID, nil)["Owner"].(map[string]any)
			return fmt.Sprint(o["id"])
		}
		if err := s.Update(t.Context(), e, ticket.Change{ID: "c", Assignee: "root"}); err != nil || owner() != "root" {
			t.Errorf("owner %s, %v", owner(), err)
		}
		if err := s.Update(t.Context(), e, ticket.Change{ID: "c", Unassigned: true}); err != nil || owner() != "Nobody" {
			t.Errorf("owner %s, %v", owner(), err)
		}
	})
	t.Run("priority and due time", func(t *testing.T) {
		e, err := s.Create(t.Context(), ticket.Sample(time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)))
		if err != nil {
			t.Fatal(err)
		}
		due := time.Date(2026, 12, 1, 18, 0, 0, 0, time.FixedZone("CST", 8*3600))
		const unset = "1970-01-01T00:00:00Z"
		for i, c := range []struct {
			change        ticket.Change
			priority, due string
		}{
			{ticket.Change{}, "50", "2026-11-28T02:00:00Z"}, // as it was made
			{ticket.Change{Priority: "urgent", Due: due}, "100", "2026-12-01T10:00:00Z"},
			{ticket.Change{Priority: "high"}, "100", "2026-12-01T10:00:00Z"}, // which this RT is not told of
			{ticket.Change{Priority: "normal", NoDue: true}, "50", unset},
			{ticket.Change{NoDue: true}, "50", unset},
		} {
			c.change.ID, c.change.At = fmt.Sprint("c", i), time.Now()
			if err := s.Update(t.Context(), e, c.change); err != nil {
				t.Fatal(err)
			}
			if got := p.ask(t, "GET", "/ticket/"+e.ID, nil); fmt.Sprint(got["Priority"]) != c.priority || got["Due"] != c.due {
				t.Errorf("after %+v: priority %v, due %v", c.change, got["Priority"], got["Due"])
			}
		}
	})
	t.Run("not let in", func(t *testing.T) {
		t.Setenv(envPassword, "wrong")
		if err := s.Ready(t.Context()); !errors.Is(err, ticket.ErrDenied) {
			t.Errorf("%v", err)
		}
	})
}

// RT answers 200 to a change that it does not make, and pages what it lists.
func TestWhatRTSaysIsNotTakenForGranted(t *testing.T) {
	asked := 0
	since := time.Now().Add(-10 * time.Hour).Truncate(time.Second)
	at := func(seconds int) string {
		return since.Add(time.Duration(seconds) * time.Second).UTC().Format(time.RFC3339)
	}
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch {
		case r.Method == "PUT":
			fmt.Fprint(w, `["Ticket 1: Status 'x' isn't a valid status for this ticket."]`)
		case r.URL.Path == "/REST/2.0/ticket/1":
			fmt.Fprint(w, `{"Status":"new"}`)
		case q.Get("page") == "1":
			asked++
			var ago int64
			query := strings.NewReplacer("(Queue = 'General') AND LastUpdated >= '", "", " seconds ago'", "").Replace(q.Get("query"))
			if _, err := fmt.Sscanf(query, "%d", &ago); err != nil || time.Since(since) > time.Duration(ago)*time.Second || !since.Add(-time.Hour).Before(time.Now().Add(-time.Duration(ago)*time.Second)) {
				t.Errorf("query %s", q.Get("query"))
			}
			fmt.Fprintf(w, `{"items":[{"id":"0","Status":"new","LastUpdated":%q},{"id":"1","Status":"new","LastUpdated":%q}],"pages":2}`, at(-1), at(0))
		default:
			asked++
			fmt.Fprintf(w, `{"items":[{"id":"2","Status":"open","LastUpdated":%q}],"pages":2}`, at(1))
		}
	}))
	defer fake.Close()
	s := system(t, fake.URL)
	if err := s.Update(context.Background(), ticket.External{ID: "1"}, ticket.Change{Status: "x"}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("%v", err)
	}
	list, _, err := s.Changes(context.Background(), since.In(time.FixedZone("CST", 8*3600)))
	if err != nil || len(list) != 2 || asked != 3 || list[1].ExternalID != "2" || list[1].Status != "open" {
		t.Errorf("%+v, %v after %d questions", list, err, asked)
	}
}

func TestFilesAreStrict(t *testing.T) {
	for text, want := range map[string]string{
		"connector: rt\nbase: https://rt.example\nqueue: General\n":                                                                           "rt.yaml: auth: missing",
		"connector: rt\nbase: https://rt.example\nauth: {basic: {user: a, password: {env: B}}}\nqueue: \"a' OR id > 0\"\n":                    "rt.yaml:4: queue: ",
		"connector: rt\nbase: https://rt.example\nqeue: General\n":                                                                            "rt.yaml:3: ",
		"connector: rt\nbase: https://rt.example\nauth: {basic: {user: a, password: {env: B}}}\nqueue: G\nsubject: \"{{ .ticket.nmber }}\"\n": "rt.yaml:5: subject: ",
		"connector: rt\nbase: https://rt.example\nauth: {basic: {user: a, password: {env: B}}}\nqueue: G\npriorities: {asap: 1}\n":            "rt.yaml:5: priorities.asap: ",
		"connector: rt\nbase: https://rt.example\nauth: {basic: {user: a, password: {env: B}}}\nqueue: G\npriorities:\n  high: -1\n":          "rt.yaml:6: priorities.high: ",
	} {
		if _, err := rt.Parse("rt.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
