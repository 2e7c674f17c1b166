package link_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/lifecycle/killtest"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
	"github.com/tidegate/tidegate/workers/ticket/link"
	"github.com/tidegate/tidegate/workers/ticket/rest"
)

// pointCommitting comes twice in a delivery: the first claims, the second ends
// it.
const pointCommitting link.Point = killtest.Committing

// startChild starts the links of a process that will be killed.
func startChild(ctx context.Context, w *killtest.Worker) error {
	spec, err := rest.Parse("desk.yaml", []byte(w.Extra))
	if err != nil {
		return err
	}
	system, err := rest.New(spec)
	if err != nil {
		return err
	}
	s, err := link.New(quick(), link.Deps{
		Bus: w.Bus, Links: w.Store, Systems: map[string]ticket.System{"acme": unasked{system}},
		Reached: func(p link.Point) { w.Reached(string(p)) },
	})
	if err != nil {
		return err
	}
	return s.Start(ctx)
}

// unasked is a system that is not asked for changes: what it says is committed
// too, between the commits that are counted.
type unasked struct{ ticket.System }

func (unasked) Changes(context.Context, time.Time) ([]ticket.ExternalChange, []*ticket.FieldError, error) {
	return nil, nil, ticket.ErrUnsupported
}

// die runs a worker that is killed at a point.
func (r *rig) die(dsn string, point link.Point, passes int) {
	r.t.Helper()
	killtest.Death{Point: string(point), Passes: passes, DSN: dsn, NATS: r.nats.URL(), Extra: r.desk.Spec(envKey)}.Start(r.t)()
}

// A worker killed at any step of a delivery leaves one copy, told everything
// once and in order, and one fact of each, once another worker goes on.
func TestAKilledWorkerLeavesOneCopy(t *testing.T) {
	for name, make := range storetest.Databases() {
		for _, at := range []struct {
			point  link.Point
			passes int
			copies int // at the desk when the worker is dead
		}{
			{link.PointReceived, 0, 0},
			{pointCommitting, 0, 0}, // claiming
			{link.PointWritten, 0, 1},
			{pointCommitting, 1, 1}, // noting that it was told
			{link.PointCommitted, 0, 1},
			{link.PointPublished, 0, 1},
		} {
			t.Run(fmt.Sprint(name, "/", at.point, at.passes), func(t *testing.T) {
				t.Parallel()
				dsn := make(t)
				r := newRig(t, dsn, nil)
				if err := r.link.Stop(context.Background()); err != nil {
					t.Fatal(err)
				}
				r.open("call-1")
				tk := r.ticketOf("call-1")
				r.die(dsn, at.point, at.passes)
				if got := r.desk.Copies(tk.ID); len(got) != at.copies {
					t.Errorf("%d copies when it is dead, want %d", len(got), at.copies)
				}
				if _, ok, err := r.db.QueueDelivery(storetest.Context(t), tk.ID, store.DeliverUpdate, "k", ticket.Change{Status: "open"}); !ok || err != nil {
					t.Fatal(err)
				}
				r.start(quick(), prometheus.NewRegistry())
				r.copied(tk)
				eventually(t, "two facts", func() bool { return len(r.facts.synced(tk.ID)) >= 2 })
				r.quiet()
				if got := strings.Join(r.desk.Log(), "; "); got != "create D-1; state D-1 in-progress" {
					t.Errorf("done: %s", got)
				}
				if got := r.facts.synced(tk.ID); len(got) != 2 || len(r.dead.List()) != 0 {
					t.Errorf("%d facts, %d dead letters", len(got), len(r.dead.List()))
				}
			})
		}
	}
}

// Comments are in their order and none is left out when the worker that tells
// them is killed. One that is told again has the id that it had, so that the
// other system can tell.
func TestAKilledWorkerLeavesOutNoComment(t *testing.T) {
	for _, at := range []struct {
		point  link.Point
		passes int
		again  int // how often the first comment is told
	}{{link.PointReceived, 0, 1}, {link.PointWritten, 0, 2}, {pointCommitting, 1, 2}, {link.PointCommitted, 0, 1}, {link.PointPublished, 0, 1}} {
		t.Run(fmt.Sprint(at.point, at.passes), func(t *testing.T) {
			t.Parallel()
			dsn := storetest.Postgres(t)
			r := newRig(t, dsn, nil)
			r.open("call-1")
			tk := r.ticketOf("call-1")
			r.copied(tk)
			r.quiet()
			if err := r.link.Stop(context.Background()); err != nil {
				t.Fatal(err)
			}
			before := len(r.desk.Headers())
			for i, text := range []string{"one", "two"} {
				if _, ok, err := r.db.QueueDelivery(storetest.Context(t), tk.ID, store.DeliverComment, fmt.Sprint("k", i), ticket.Comment{Text: text}); !ok || err != nil {
					t.Fatalf("%v, %v", ok, err)
				}
			}
			r.die(dsn, at.point, at.passes)
			r.start(quick(), prometheus.NewRegistry())
			eventually(t, "three facts", func() bool { return len(r.facts.synced(tk.ID)) >= 3 })
			r.quiet()
			want := strings.Repeat("one ", at.again) + "two"
			ids := map[string]bool{}
			for _, h := range r.desk.Headers()[before:] {
				if id := h.Get("Webhook-Id"); id != "" { // reading has none
					ids[id] = true
				}
			}
			if said := strings.Join(r.desk.Copies(tk.ID)[0].Comments, " "); said != want || len(ids) != 2 {
				t.Errorf("said %q under the ids %v, want %q", said, ids, want)
			}
			if facts, dead := len(r.facts.synced(tk.ID)), len(r.dead.List()); facts != 3 || dead != 0 {
				t.Errorf("%d facts, %d dead letters", facts, dead)
			}
		})
	}
}

// quiet waits until nothing is left to be done.
func (r *rig) quiet() {
	r.t.Helper()
	ctx := storetest.Context(r.t)
	eventually(r.t, "nothing left to be done", func() bool {
		work, err := r.nats.Pending(ctx, schemas.StreamWork)
		left, err2 := r.db.CountPendingOutbox(ctx)
		return err == nil && err2 == nil && work == 0 && left == 0
	})
}
