package bus_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/schemas"
)

// Messages that wait behind one that is cancelled go back as they came: no
// handler begins on them with a context that has ended.
func TestNothingBeginsOnACancelledConsumer(t *testing.T) {
	const messages = 8
	for name, end := range map[string]func(*bus.Consumer) error{
		"stop": func(c *bus.Consumer) error { c.Stop(); return nil },
		"drain out of time": func(c *bus.Consumer) error {
			over, cancel := context.WithCancel(context.Background())
			cancel()
			if err := c.Drain(over); !errors.Is(err, context.Canceled) {
				return fmt.Errorf("drain: %w", err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, srv := testContext(t), bustest.Start(t)
			b := srv.Connect("a")
			for i := range messages {
				key := fmt.Sprintf("key-%d", i)
				if err := b.PublishDurable(ctx, schemas.SubjectTicketOpen, ticket(key), schemas.WithID(key)); err != nil {
					t.Fatal(err)
				}
			}
			var begun atomic.Int32
			inHand := make(chan struct{}, messages)
			cfg := bus.ConsumerConfig{Stream: schemas.StreamWork, Durable: "w", MaxInFlight: messages / 2}
			c, err := b.Consume(ctx, cfg, func(ctx context.Context, _ bus.Message) error {
				begun.Add(1)
				inHand <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			})
			if err != nil {
				t.Fatal(err)
			}
			for range cfg.MaxInFlight {
				<-inHand
			}
			if err := end(c); err != nil {
				t.Error(err)
			}
			if n := int(begun.Load()); n != cfg.MaxInFlight {
				t.Errorf("%d handlers began, %d could end their work", n, cfg.MaxInFlight)
			}
			if n, err := srv.Pending(ctx, schemas.StreamWork); err != nil || n != messages {
				t.Errorf("%d messages are left of %d (%v)", n, messages, err)
			}
		})
	}
}
