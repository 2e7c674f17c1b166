package orchestrator

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/orchestrator/call"
	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func snapshotOf(t *testing.T, owner string) []byte {
	t.Helper()
	m := &call.Machine{Flow: dialog.Default(), Config: call.ConfigDefaults()}
	m.Config.Orchestrator = owner
	b, err := m.Begin(call.Start{ID: "call-1"}, time.Now()).MarshalSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func bucket(t *testing.T, b *bus.Bus) *bus.KV {
	t.Helper()
	kv, err := b.KV(t.Context(), schemas.BucketCalls)
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

func TestTheRevisionIsTheOwnership(t *testing.T) {
	b := bustest.Start(t).Connect("x")
	first := &snapshots{bus: b, callID: "call-1", owner: "first"}
	if err := first.Save(t.Context(), snapshotOf(t, "first")); err != nil {
		t.Fatal(err)
	}
	second := &snapshots{bus: b, callID: "call-1", owner: "second"}
	state, ok, err := second.load(t.Context())
	if err != nil || !ok || state.Orchestrator != "first" {
		t.Fatalf("%v %v %v", state.Orchestrator, ok, err)
	}
	if err := second.Save(t.Context(), snapshotOf(t, "second")); err != nil {
		t.Fatal(err)
	}
	if err := first.Save(t.Context(), snapshotOf(t, "first")); !errors.Is(err, call.ErrSuperseded) {
		t.Fatalf("the first owner still writes: %v", err)
	}
	if err := second.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestLostAcknowledgement: a write of ours moved the revision without our
// knowing; that is no new owner.
func TestLostAcknowledgement(t *testing.T) {
	b := bustest.Start(t).Connect("x")
	s := &snapshots{bus: b, callID: "call-1", owner: "first"}
	for range 2 {
		if err := s.Save(t.Context(), snapshotOf(t, "first")); err != nil {
			t.Fatal(err)
		}
		if _, err := bucket(t, b).Put(t.Context(), "call-1", snapshotOf(t, "first")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTakeoverWithoutTheSnapshot: NATS was away when the call was taken
// over; what is in the bucket afterwards is older than what we know.
func TestTakeoverWithoutTheSnapshot(t *testing.T) {
	srv := bustest.Start(t)
	b := srv.Connect("x")
	if _, err := bucket(t, b).Put(t.Context(), "call-1", snapshotOf(t, "first")); err != nil {
		t.Fatal(err)
	}
	srv.Down()
	for b.Connected() {
		time.Sleep(time.Millisecond)
	}
	second := &snapshots{bus: b, callID: "call-1", owner: "second"}
	if _, ok, err := second.load(t.Context()); ok || err == nil {
		t.Fatalf("loaded %v, %v", ok, err)
	}
	srv.Up()
	for !b.Connected() {
		time.Sleep(time.Millisecond)
	}
	var err error
	for range 100 { // JetStream is ready a little after the connection
		if err = second.Save(t.Context(), snapshotOf(t, "second")); err == nil {
			return
		}
		if errors.Is(err, call.ErrSuperseded) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the call was let go: %v", err)
}
