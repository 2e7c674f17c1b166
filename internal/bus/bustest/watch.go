package bustest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
)

// Seen is what a stream holds of some subjects, each message once.
type Seen struct {
	mu  sync.Mutex
	all []bus.Message
}

// Watch collects it until the test ends.
func Watch(t testing.TB, b *bus.Bus, stream, filter string) *Seen {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s := &Seen{}
	c, err := b.Consume(ctx, bus.ConsumerConfig{Stream: stream, Durable: "watch", FilterSubjects: []string{filter}},
		func(_ context.Context, m bus.Message) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.all = append(s.all, m)
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return s
}

// List gives what has come.
func (s *Seen) List() []bus.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}
