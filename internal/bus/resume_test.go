package bus_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/schemas"
)

// A consumer that was deleted under its worker is made and followed again;
// so is one whose server stops and starts in the middle of the work.
func TestAConsumerThatEndsBeginsAgain(t *testing.T) {
	ctx, srv := testContext(t), bustest.Start(t)
	b := srv.Connect("a")
	var mu sync.Mutex
	seen := map[string]bool{}
	c, err := b.Consume(ctx, bus.ConsumerConfig{Stream: schemas.StreamWork, Durable: "w", MaxInFlight: 4, AckWait: time.Second}, func(_ context.Context, m bus.Message) error {
		mu.Lock()
		defer mu.Unlock()
		seen[m.Envelope.ID] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	for round := range 4 {
		if round%2 == 0 {
			if err := srv.DeleteConsumer(ctx, schemas.StreamWork, "w"); err != nil {
				t.Fatal(err)
			}
		} else {
			srv.Down()
			srv.Up()
		}
		for i := range 20 {
			id := fmt.Sprintf("id-%d-%d", round, i)
			eventually(t, "published", func() bool {
				return b.PublishDurable(context.Background(), schemas.SubjectTicketOpen, ticket("key-"+id), schemas.WithID(id)) == nil
			})
		}
		eventually(t, "all of the round", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(seen) == 20*(round+1)
		})
	}
}
