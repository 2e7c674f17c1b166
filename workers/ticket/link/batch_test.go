package link_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/obs/obstest"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/workers/ticket"
	"github.com/tidegate/tidegate/workers/ticket/link"
	"github.com/tidegate/tidegate/workers/ticket/rest"
)

// One item that cannot be used keeps no other from being taken, nor makes the
// sender repeat all of them for days.
func TestABadItemDoesNotRefuseTheOthers(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), nil)
	r.open("call-1")
	tk := r.ticketOf("call-1")
	r.copied(tk)
	spec, err := rest.Parse("desk.yaml", []byte(strings.Replace(r.desk.Spec(envKey), "incoming:\n", "incoming:\n  items: changes\n", 1)))
	if err != nil {
		t.Fatal(err)
	}
	system, err := rest.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	defer system.Close()
	reg, log := prometheus.NewRegistry(), &obstest.Log{}
	if r.link, err = link.New(quick(), link.Deps{
		Bus: r.nats.Connect("link 2"), Links: r.db, Systems: map[string]ticket.System{"acme": system}, Registry: reg, Log: slog.New(slog.NewTextHandler(log, nil)),
	}); err != nil {
		t.Fatal(err)
	}
	if err := r.link.Start(storetest.Context(t)); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.link.Stop(storetest.Context(t)) }()
	at := time.Now().UTC().Format(time.RFC3339Nano)
	good := fmt.Sprintf(`{"id":"D-1","state":"stalled","changed":%q}`, at)
	for _, c := range []struct {
		body   string
		status int
		want   string
	}{
		{`{"changes":[{"id":"D-1","changed":"` + at + `","phone":"13800138001"},` + good + `,{"id":"D-2","state":"open","changed":"soon"}]}`, 200, `"applied":1,"refused":2`},
		{`{"changes":[{"id":"D-1"},{"id":"D-2"}]}`, 422, `"field":"status"`}, // nothing to be taken
		{`{"changes":[]}`, 200, `"changes":{}`},
	} {
		status, answer := r.send("m"+fmt.Sprint(len(c.body)), time.Now(), c.body)
		if status != c.status || !strings.Contains(answer, c.want) || strings.Contains(answer, "13800138001") {
			t.Errorf("%s: %d %s", c.body, status, answer)
		}
		if strings.Contains(c.want, "refused") {
			var got struct {
				Refused []struct{ Field, Detail string }
			}
			if err := json.Unmarshal([]byte(answer), &got); err != nil || len(got.Refused) != 2 || got.Refused[1].Field != "at" || !strings.HasPrefix(got.Refused[1].Detail, "item 2: ") {
				t.Errorf("%s", answer)
			}
		}
	}
	if l := r.linkOf(tk); l.Status != "stalled" {
		t.Errorf("link %+v", l)
	}
	if text := log.String(); !strings.Contains(text, "refused=2 taken=1 field=status") || strings.Contains(text, "13800138001") {
		t.Errorf("log %s", text)
	}
	if got := events(t, reg, "webhook", "refused"); got != 3 { // two of the batch, and the message that was refused
		t.Errorf("%v refused are counted", got)
	}
}
