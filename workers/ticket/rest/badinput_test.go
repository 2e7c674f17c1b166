package rest_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/internal/restcall/restcalltest"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/workers/ticket"
	"github.com/tidegate/tidegate/workers/ticket/rest"
)

const small = `connector: rest
base: BASE
timeout: 20s
max_bytes: 65536
create: {method: POST, path: /t, body: {ref: "{{ .key }}", phone: "{{ .ticket.contact }}"}, map: {id: data.ticket_id, status: data.state}}
find: {path: /t, query: {ref: "{{ .key }}"}, map: {id: "data.found[0].id"}}
changes: {path: /c, map: {items: data.changes}, each: {external_id: id, status: state, at: changed}}
ready: {path: /t}
`

// TestBadAnswersMakeNoCopy: whatever a ticket system says, there is a copy with
// an id or an error with its class, and no error says what was answered.
func TestBadAnswersMakeNoCopy(t *testing.T) {
	classes := map[error]error{restcall.ErrGarbled: ticket.ErrGarbled, restcall.ErrUnavailable: store.ErrUnavailable, restcall.ErrDenied: ticket.ErrDenied, restcall.ErrRefused: store.ErrInvalid}
	for _, bad := range restcalltest.Answers(t) {
		t.Run(bad.Name, func(t *testing.T) {
			var shown []restcall.Exchange
			s := system(t, strings.Replace(small, "BASE", bad.Serve(t).URL, 1))
			s.Watch = func(_ string, e restcall.Exchange) { shown = append(shown, e) }
			e, err := s.Create(t.Context(), ticket.Sample(time.Now()))
			if !errors.Is(err, classes[bad.Class]) || e != (ticket.External{}) {
				t.Errorf("create: %+v, %v, want %v", e, err, classes[bad.Class])
			}
			list, _, errChanges := s.Changes(t.Context(), time.Now())
			if !errors.Is(errChanges, classes[bad.Class]) || list != nil {
				t.Errorf("changes: %+v, %v, want %v", list, errChanges, classes[bad.Class])
			}
			found, ok, errFind := s.Find(t.Context(), "key")
			if ok || found.ID != "" || !bad.JSON && !errors.Is(errFind, classes[bad.Class]) {
				t.Errorf("find: %+v, %v; taken for none, there would be a second copy", found, errFind)
			}
			if all := fmt.Sprint(err, errChanges, errFind, shown); strings.Contains(all, restcalltest.Private) || strings.Contains(all, "张三") {
				t.Errorf("it is shown what was answered: %s", all)
			}
		})
	}
}

func serveText(t *testing.T, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	t.Cleanup(server.Close)
	return server.URL
}

// TestMappingErrorsNameThePathAndShowWhatIsThere in place of what is wanted.
func TestMappingErrorsNameThePathAndShowWhatIsThere(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		do   func(*rest.System) error
		want []string
	}{
		"create": {`{"data":{"ticketId":7,"state":"new","customer":{"name":"张三","phone":"13800138001"}}}`, func(s *rest.System) error {
			_, err := s.Create(t.Context(), ticket.Sample(time.Now()))
			return err
		}, []string{"create: ", "(status 200)", `map.id: "data.ticket_id" finds nothing in {"data":{"customer":{`, `"phone":"138******01"`, `"ticketId":7`}},
		"changes": {`{"data":{"change":[]}}`, func(s *rest.System) error { _, _, err := s.Changes(t.Context(), time.Now()); return err },
			[]string{"changes: ", `map.items: "data.changes" finds nothing in {"data":{"change":[]}}`}},
		"changes, no list": {`{"data":{"changes":{"phone":"13800138001"}}}`, func(s *rest.System) error { _, _, err := s.Changes(t.Context(), time.Now()); return err },
			[]string{"changes: ", `map.items: "data.changes" gives no list`, `{"phone":"138******01"}`}},
	} {
		s := system(t, strings.Replace(small, "BASE", serveText(t, tc.body), 1))
		err := tc.do(s)
		if !errors.Is(err, ticket.ErrGarbled) || strings.Contains(fmt.Sprint(err), "13800138001") || strings.Contains(fmt.Sprint(err), "张三") {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range tc.want {
			if !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("%s: %v does not say %s", name, err, want)
			}
		}
	}
}

// One item that cannot be used does not hide those behind it: the same page
// would come for ever.
func TestABadItemKeepsNoOtherChangeFromUs(t *testing.T) {
	s := system(t, strings.Replace(small, "BASE", serveText(t, `{"data":{"changes":[
		{"id":"1","state":"open","changed":"2026-11-26T08:00:00Z"},
		{"id":"2","status":"open","user":"张三"}, 7, {"id":"3","state":"open","changed":"yesterday"},
		{"id":"4","state":"done","changed":"2026-11-26T08:00:03Z"}]}}`), 1))
	list, refused, err := s.Changes(t.Context(), time.Now())
	if err != nil || len(list) != 2 || list[0].ExternalID != "1" || list[1].ExternalID != "4" || list[1].Status != "done" {
		t.Fatalf("%+v, %v", list, err)
	}
	told := fmt.Sprint(refused)
	for _, want := range []string{`status: item 1: "state" finds nothing in {"id":"2","status":"open","user":"[2 characters]"}`, "item 2: ", "at: item 3: "} {
		if !strings.Contains(told, want) {
			t.Errorf("%s does not say %s", told, want)
		}
	}
	if len(refused) != 3 || strings.Contains(told, "张三") {
		t.Errorf("%d refused: %s", len(refused), told)
	}
}
