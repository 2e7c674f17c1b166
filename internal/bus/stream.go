package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate/tidegate/schemas"
)

// dedupWindow is how long a stream remembers message ids. It covers the
// longest pause after which a spooled message is published again in normal
// operation; the database's unique key covers the rest.
const dedupWindow = 10 * time.Minute

// apiLimit bounds one request to JetStream's API: the answer to one may be
// lost when the server restarts, and is then not waited for longer.
const apiLimit = 5 * time.Second

// EnsureStreams creates or updates the streams and buckets; every service
// calls it at its start, and concurrent calls agree.
func (b *Bus) EnsureStreams(ctx context.Context) error {
	streams := []jetstream.StreamConfig{
		{Name: schemas.StreamFacts, Subjects: []string{schemas.SubjectsFacts}, Retention: jetstream.LimitsPolicy,
			MaxAge: b.cfg.FactsMaxAge, Description: "what happened to calls and tickets"},
		// A full work queue refuses new work, so that its publisher keeps it;
		// dropping the oldest would lose somebody's ticket.
		{Name: schemas.StreamWork, Subjects: []string{schemas.SubjectsWork}, Retention: jetstream.WorkQueuePolicy,
			Discard: jetstream.DiscardNew, MaxMsgs: 10_000_000, Description: "work to be done once"},
		{Name: schemas.StreamDead, Subjects: []string{schemas.SubjectsDead}, Retention: jetstream.LimitsPolicy,
			MaxAge: 30 * 24 * time.Hour, Description: "work that nobody could do"},
	}
	for _, s := range streams {
		s.Storage, s.Replicas, s.Duplicates, s.AllowDirect = jetstream.FileStorage, b.cfg.Replicas, dedupWindow, true
		s.MaxMsgSize = schemas.MaxMessageBytes + 4096
		if s.Name == schemas.StreamDead {
			// A letter is the message with more headers: the largest that a
			// stream took has to fit, or it would be tried again for ever.
			s.MaxMsgSize += 16 << 10
		}
		try, cancel := context.WithTimeout(ctx, apiLimit)
		_, err := b.js.CreateOrUpdateStream(try, s)
		cancel()
		if err != nil {
			return fmt.Errorf("stream %s: %w", s.Name, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, apiLimit)
	defer cancel()
	_, err := b.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: schemas.BucketCalls, History: 1, TTL: 24 * time.Hour, Storage: jetstream.FileStorage,
		Replicas: b.cfg.Replicas, MaxValueSize: schemas.MaxMessageBytes, Description: "newest snapshot of each call",
	})
	if err != nil {
		return fmt.Errorf("bucket %s: %w", schemas.BucketCalls, err)
	}
	return nil
}

// PublishDurable stores data in the stream that holds subject and returns
// when the stream has it. A repeat of the envelope id is stored once.
func (b *Bus) PublishDurable(ctx context.Context, subject string, data any, opts ...schemas.Option) error {
	e, raw, err := b.encode(data, opts)
	if err != nil {
		return err
	}
	return b.publishRaw(ctx, &nats.Msg{Subject: subject, Data: raw, Header: nats.Header{nats.MsgIdHdr: {e.ID}}})
}

func (b *Bus) publishRaw(ctx context.Context, m *nats.Msg) error {
	ctx, cancel := b.limited(ctx)
	defer cancel()
	b.metrics.published.WithLabelValues("durable").Inc()
	if _, err := b.js.PublishMsg(ctx, m); err != nil {
		return fmt.Errorf("publish %s: %w", m.Subject, err)
	}
	return nil
}

// LastMessage reads the newest message of a subject from a stream; false
// when there is none.
func (b *Bus) LastMessage(ctx context.Context, stream, subject string) (Message, bool, error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return Message{}, false, fmt.Errorf("stream %s: %w", stream, err)
	}
	raw, err := s.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Message{}, false, nil
	}
	if err != nil {
		return Message{}, false, fmt.Errorf("last message of %s: %w", subject, err)
	}
	m, err := b.decode(raw.Subject, raw.Data)
	return m, err == nil, err
}
