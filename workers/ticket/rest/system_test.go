package rest_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/workers/ticket"
	"github.com/tidegate/tidegate/workers/ticket/rest"
	"github.com/tidegate/tidegate/workers/ticket/tickettest"
)

const envKey = "TIDEGATE_TEST_WEBHOOK_KEY"

func TestMain(m *testing.M) {
	_ = os.Setenv(envKey, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	goleak.VerifyTestMain(m)
}

func system(t testing.TB, spec string) *rest.System {
	t.Helper()
	parsed, err := rest.Parse("desk.yaml", []byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	s, err := rest.New(parsed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestConformance(t *testing.T) {
	desk := tickettest.NewDesk(t)
	gone := httptest.NewServer(nil)
	gone.Close()
	copyOf := func(t testing.TB, e ticket.External) tickettest.Copy {
		for _, c := range desk.Copies("") {
			if c.ID == e.ID {
				return c
			}
		}
		t.Fatalf("no copy %s", e.ID)
		return tickettest.Copy{}
	}
	tickettest.Run(t, tickettest.Other{
		System: system(t, desk.Spec(envKey)), Opened: "in-progress",
		Away:   system(t, strings.Replace(desk.Spec(envKey), desk.Server.URL, gone.URL, 1)),
		Copies: func(_ testing.TB, key string) int { return len(desk.Copies(key)) },
		SetStatus: func(_ testing.TB, e ticket.External) string {
			return desk.SetState(e.ID, "resolved").State
		},
		Status:   func(t testing.TB, e ticket.External) string { return copyOf(t, e).State },
		Comments: func(t testing.TB, e ticket.External) []string { return copyOf(t, e).Comments },
	})
	signed := 0
	for _, h := range desk.Headers() {
		if h.Get("Webhook-Signature") != "" && h.Get("Webhook-Id") != "" {
			signed++
		}
	}
	if signed == 0 {
		t.Error("nothing was signed")
	}
}

func TestErrorsHaveTheirClass(t *testing.T) {
	desk := tickettest.NewDesk(t)
	s := system(t, strings.Replace(desk.Spec(envKey), "timeout: 1s", "timeout: 200ms", 1))
	for fault, class := range map[tickettest.Fault]error{
		tickettest.Error500: store.ErrUnavailable, tickettest.Hang: store.ErrUnavailable, tickettest.Cut: store.ErrUnavailable,
		tickettest.Garbage: ticket.ErrGarbled, tickettest.Forbidden: ticket.ErrDenied, tickettest.Refused: store.ErrInvalid,
	} {
		desk.Fail(tickettest.Always(fault))
		if _, err := s.Create(t.Context(), ticket.Sample(time.Now())); !errors.Is(err, class) || strings.Contains(fmt.Sprint(err), "13800138001") {
			t.Errorf("%s: %v", fault, err)
		}
	}
}

func TestFilesAreStrict(t *testing.T) {
	right := tickettest.NewDesk(t).Spec(envKey)
	for name, tc := range map[string]struct{ old, new, want string }{
		"unknown key":      {"ready:", "raedy:", "desk.yaml:37: unknown field"},
		"wrong field":      {"{{ .ticket.summary }}", "{{ .ticket.sumary }}", "desk.yaml:11: create.body.title: "},
		"no connector":     {"connector: rest", "connector: rets", "desk.yaml:1: connector: "},
		"no search":        {"find:\n  method: GET\n  path: /tickets\n  query: {ref: \"{{ .key }}\"}\n  map: {id: \"tickets[0].id\", status: \"tickets[0].state\"}\n", "", "desk.yaml: find: missing"},
		"no id":            {"map: {id: ticket.id, url: link, status: ticket.state}", "map: {url: link}", "desk.yaml:14: create.map.id: missing"},
		"no items":         {"map: {items: changes}", "map: {}", "changes.map.items: missing"},
		"no time":          {"each: {external_id: id, status: state, at: changed, sequence: version}", "each: {external_id: id, status: state}", "changes.each.at: missing"},
		"open to anybody":  {"incoming:\n  secret: {env: " + envKey + "}", "incoming:", "incoming.secret: missing"},
		"field of nothing": {"each: {external_id: id,", "each: {external: id, external_id: id,", "changes.each.external: there is no such field"},
	} {
		text := strings.Replace(right, tc.old, tc.new, 1)
		if text == right {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := rest.Parse("desk.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

func signed(t testing.TB, id string, at time.Time, body string) http.Header {
	t.Helper()
	r := httptest.NewRequest("POST", "/", nil)
	if err := (restcall.Signing{Secret: restcall.Secret{Env: envKey}}).Sign(r, id, at, []byte(body)); err != nil {
		t.Fatal(err)
	}
	return r.Header
}

func TestMessagesAreCheckedAndRead(t *testing.T) {
	s := system(t, tickettest.NewDesk(t).Spec(envKey))
	body := `{"id":"D-1","state":"resolved","changed":"2026-11-26T08:00:00Z","version":3}`
	got, _, err := s.Receive(signed(t, "m1", time.Now(), body), []byte(body))
	want := ticket.ExternalChange{ID: "webhook:m1", ExternalID: "D-1", Status: "resolved", Means: []string{"resolved"}, At: time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC), Sequence: 3}
	if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, header := range map[string]http.Header{
		"none": {}, "old": signed(t, "m1", time.Now().Add(-time.Hour), body), "early": signed(t, "m1", time.Now().Add(time.Hour), body),
		"of another body": signed(t, "m1", time.Now(), body+" "),
	} {
		if _, _, err := s.Receive(header, []byte(body)); !errors.Is(err, ticket.ErrSignature) {
			t.Errorf("signature %s: %v", name, err)
		}
	}
	for body, field := range map[string]string{
		`{`: "body", `[]`: "status", `{"id":"D-1"}`: "status", `{"state":"x"}`: "external_id", `{"id":"1","state":"x"}`: "at",
		`{"id":"1","state":"x","changed":"yesterday"}`: "at", `{"id":"1","state":"x","changed":"NaN"}`: "at", `{"id":"1","state":"x","changed":"-Inf"}`: "at", `{"id":"1","state":"x","changed":-1}`: "at", `{"id":"1","state":"x","version":-1}`: "sequence", `{"id":"1","state":"x","changed":true}`: "at",
	} {
		_, _, err := s.Receive(signed(t, "m1", time.Now(), body), []byte(body))
		var f *ticket.FieldError
		if !errors.As(err, &f) || f.Field != field {
			t.Errorf("%s: %v, want field %s", body, err, field)
		}
	}
	for at, want := range map[string]int64{`1795680000`: 1795680000, `1795680000123`: 1795680000, `"1795680000"`: 1795680000} {
		body := `{"id":"1","state":"x","changed":` + at + `}`
		if got, _, err := s.Receive(signed(t, "m1", time.Now(), body), []byte(body)); err != nil || got[0].At.Unix() != want {
			t.Errorf("%s: %+v, %v", at, got, err)
		}
	}
}

func TestMovesAreChecked(t *testing.T) {
	desk := tickettest.NewDesk(t)
	spec := strings.Replace(desk.Spec(envKey), "gone: closed", "gone: shut", 1)
	if _, err := rest.Parse("desk.yaml", []byte(spec)); err == nil || !strings.Contains(err.Error(), `: moves.gone: "shut" is no status of ours`) {
		t.Errorf("%v", err)
	}
	s := system(t, desk.Spec(envKey))
	for state, want := range map[string][2]string{"solved": {"resolved", ""}, "in-progress": {"", "open"}, "odd": {"", ""}} {
		body := `{"id":"D-1","state":"` + state + `","changed":"2026-11-26T08:00:00Z"}`
		got, _, err := s.Receive(signed(t, "m1", time.Now(), body), []byte(body))
		if err != nil || len(got) != 1 || got[0].Moves != want[0] || strings.Join(got[0].Means, " ") != want[1] {
			t.Errorf("%s: %+v, %v", state, got, err)
		}
	}
}
