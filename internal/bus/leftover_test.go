package bus_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/schemas"
)

// A message that a stopped server kept in its work queue, although its
// consumer had acknowledged it, is given out again and leaves the queue.
func TestWhatARestartedServerLeftInTheQueueIsDoneAgain(t *testing.T) {
	ctx, srv := testContext(t), bustest.Start(t)
	b := srv.Connect("a")
	var handled, other atomic.Int32
	consume := func(durable, subject string, n *atomic.Int32) {
		c, err := b.Consume(ctx, bus.ConsumerConfig{Stream: schemas.StreamWork, Durable: durable, Recheck: 200 * time.Millisecond, FilterSubjects: []string{subject}},
			func(context.Context, bus.Message) error { n.Add(1); return nil })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Stop)
	}
	for i, key := range []string{"key-a", "key-b", "key-c"} {
		if err := b.PublishDurable(ctx, schemas.SubjectTicketOpen, ticket(key), schemas.WithID(key)); err != nil {
			t.Fatal(i, err)
		}
	}
	queued := func() uint64 {
		n, err := srv.Pending(ctx, schemas.StreamWork)
		if err != nil {
			return 99
		}
		return n
	}
	srv.Forget(schemas.StreamWork, func() {
		consume("w", schemas.SubjectTicketOpen, &handled)
		consume("x", schemas.SubjectOMSWork, &other)
		eventually(t, "three done, and the queue empty", func() bool { return handled.Load() == 3 && queued() == 0 })
	})
	if n := queued(); n != 3 {
		t.Logf("the server found %d of 3 left over by itself", 3-n)
	}
	eventually(t, "an empty queue", func() bool { return queued() == 0 })
	if n := handled.Load(); n != 6 || other.Load() != 0 {
		t.Errorf("handled %d times, want 6; the other consumer %d", n, other.Load())
	}
}
