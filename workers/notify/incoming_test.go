package notify_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/workers/notify"
)

// postAs sends a message with an id and a time of its own.
func postAs(t testing.TB, s *notify.Service, id string, at time.Time, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+s.Addr()+"/v1/notify/acme/replies", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if err := (restcall.Signing{Secret: restcall.Secret{Env: "SMS_REPLIES_KEY"}}).Sign(r, id, at, []byte(body)); err != nil {
		t.Fatal(err)
	}
	return do(t, r)
}

// A gateway that got no answer sends START again, after the caller wrote TD.
func TestALateRepeatDoesNotOptInAgain(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), true)
	s := r.start(quick(), nil)
	now := time.Now()
	const start, stop = `{"replies":[{"from":"13800138001","text":"START"}]}`, `{"replies":[{"from":"13800138001","text":"TD"}]}`
	dated := func(text string, ago time.Duration) string {
		return `{"replies":[{"from":"13800138001","text":"` + text + `","sent_at":"` + now.Add(-ago).Format(time.RFC3339) + `"}]}`
	}
	for i, c := range []struct {
		id, body, want string
		at             time.Time
		out            bool
	}{
		{"m1", start, `"opted_in":1`, now.Add(-2 * time.Minute), false},
		{"m2", stop, `"opted_out":1`, now.Add(-time.Minute), true},
		{"m1", start, `"repeated":1`, now, true},
		{"m0", start, `"older":1`, now.Add(-3 * time.Minute), true},
		{"m3", dated("START", time.Hour), `"older":1`, now, true}, // came late, signed now
		{"m4", dated("START", 0), `"opted_in":1`, now, false},
		{"m5", `{"replies":[{"from":"13800138001","text":"TD","sent_at":"soon"}]}`, `"opted_out":1`, now, true},
		{"m6", `{"replies":[{"from":"13800138001","text":"START","sent_at":"soon"}]}`, `"field":"at"`, now, true},
		// Two of one number in one message are two.
		{"m7", `{"replies":[{"from":"13800138001","text":"START","sent_at":"` + now.Add(time.Minute).Format(time.RFC3339) + `"},{"from":"13800138001","text":"TD"}]}`, `"opted_in":1,"opted_out":1`, now, true},
	} {
		if _, body := postAs(t, s, c.id, c.at, c.body); !strings.Contains(body, c.want) {
			t.Errorf("%d: %s, want %s", i, body, c.want)
		}
		if out, err := r.db.OptedOut(storetest.Context(t), "acme", "13800138001"); err != nil || out != c.out {
			t.Fatalf("after %d: opted out %v, %v", i, out, err)
		}
	}
	for result, want := range map[string]float64{"repeated": 1, "older": 2} {
		if got := counter(t, r.reg, "tidegate_notify_incoming_total", map[string]string{"result": result}); got != want {
			t.Errorf("%s: %v counted, want %v", result, got, want)
		}
	}
}
