package bustest

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate/tidegate/internal/bus"
)

// Bare gives a connection to a server whose streams it does not make.
func (s *Server) Bare(name string) *bus.Bus {
	s.t.Helper()
	cfg := bus.Defaults()
	cfg.URL = s.URL()
	b, err := bus.Connect(context.Background(), cfg, bus.Deps{Source: "/tidegate/test/" + name})
	if err != nil {
		s.t.Fatalf("connect: %v", err)
	}
	s.t.Cleanup(func() { _ = b.Close() })
	return b
}

// raw gives JetStream without package bus in between, as an operator's tool
// or a stranger has it.
func (s *Server) raw(do func(jetstream.JetStream) error) error {
	nc, err := nats.Connect(s.URL())
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	return do(js)
}

// PublishRaw stores bytes that package bus would not.
func (s *Server) PublishRaw(ctx context.Context, subject string, data []byte) error {
	return s.raw(func(js jetstream.JetStream) error {
		_, err := js.Publish(ctx, subject, data)
		return err
	})
}

// PublishRawAs stores bytes under a message id.
func (s *Server) PublishRawAs(ctx context.Context, subject, id string, data []byte) error {
	return s.raw(func(js jetstream.JetStream) error {
		_, err := js.Publish(ctx, subject, data, jetstream.WithMsgID(id))
		return err
	})
}

// Limit lets a stream hold so many messages at most.
func (s *Server) Limit(ctx context.Context, stream string, messages int64) error {
	return s.reconfigure(ctx, stream, func(c *jetstream.StreamConfig) { c.MaxMsgs = messages })
}

// Forgetful makes a stream forget message ids after a moment, as the
// de-duplication window passes in production.
func (s *Server) Forgetful(ctx context.Context, stream string) error {
	return s.reconfigure(ctx, stream, func(c *jetstream.StreamConfig) { c.Duplicates = minWindow })
}

// minWindow is the shortest window that the server takes (100 ms).
const minWindow = 100_000_000

func (s *Server) reconfigure(ctx context.Context, stream string, change func(*jetstream.StreamConfig)) error {
	return s.raw(func(js jetstream.JetStream) error {
		st, err := js.Stream(ctx, stream)
		if err != nil {
			return err
		}
		cfg := st.CachedInfo().Config
		change(&cfg)
		_, err = js.UpdateStream(ctx, cfg)
		return err
	})
}

// Pending counts the messages that a stream holds.
func (s *Server) Pending(ctx context.Context, stream string) (n uint64, err error) {
	err = s.raw(func(js jetstream.JetStream) error {
		st, err := js.Stream(ctx, stream)
		if err == nil {
			n = st.CachedInfo().State.Msgs
		}
		return err
	})
	return n, err
}

// Consumer describes where a durable consumer stands, for a test that waits
// in vain.
func (s *Server) Consumer(ctx context.Context, stream, durable string) (about string) {
	err := s.raw(func(js jetstream.JetStream) error {
		c, err := js.Consumer(ctx, stream, durable)
		if err != nil {
			return err
		}
		i := c.CachedInfo()
		st, err := js.Stream(ctx, stream)
		if err != nil {
			return err
		}
		state := st.CachedInfo().State
		about = fmt.Sprintf("delivered %d, acknowledged to %d, %d unacknowledged, %d pending; stream holds %d from %d to %d",
			i.Delivered.Stream, i.AckFloor.Stream, i.NumAckPending, i.NumPending, state.Msgs, state.FirstSeq, state.LastSeq)
		return nil
	})
	if err != nil {
		return err.Error()
	}
	return about
}

// DeleteConsumer takes a durable consumer away under those who use it.
func (s *Server) DeleteConsumer(ctx context.Context, stream, durable string) error {
	return s.raw(func(js jetstream.JetStream) error { return js.DeleteConsumer(ctx, stream, durable) })
}

// HasConsumer says whether a durable consumer is there.
func (s *Server) HasConsumer(ctx context.Context, stream, durable string) bool {
	return s.raw(func(js jetstream.JetStream) error {
		_, err := js.Consumer(ctx, stream, durable)
		return err
	}) == nil
}
