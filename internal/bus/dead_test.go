package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/schemas"
)

// bury lets a consumer give messages up until mended is true, and counts
// those that it did then.
func bury(t *testing.T, b *bus.Bus, durable string, mended *atomic.Bool, done *atomic.Int32) {
	t.Helper()
	c, err := b.Consume(testContext(t), bus.ConsumerConfig{Stream: schemas.StreamWork, Durable: durable, FilterSubjects: []string{schemas.SubjectTicketOpen}}, func(context.Context, bus.Message) error {
		if !mended.Load() {
			return bus.Permanent(errors.New("the disk\nis 13800138000"))
		}
		done.Add(1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
}

func deadLetters(t *testing.T, b *bus.Bus, f bus.DeadFilter) []bus.DeadLetter {
	t.Helper()
	var out []bus.DeadLetter
	if err := b.EachDeadLetter(testContext(t), f, func(l bus.DeadLetter) error { out = append(out, l); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func waiting(t *testing.T, b *bus.Bus, n uint64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d dead letters", n), func() bool {
		got, err := b.CountDeadLetters(testContext(t))
		return err == nil && got == n
	})
}

func TestDeadLettersAreListedReplayedAndDropped(t *testing.T) {
	ctx, srv := testContext(t), bustest.Start(t)
	b := srv.Connect("a")
	if got := deadLetters(t, b, bus.DeadFilter{}); len(got) != 0 {
		t.Fatalf("letters before any: %+v", got)
	}
	var mended atomic.Bool
	var done atomic.Int32
	bury(t, b, "ticket", &mended, &done)
	for i := range 3 {
		id := fmt.Sprint("request-", i)
		if err := b.PublishDurable(ctx, schemas.SubjectTicketOpen, ticket(id), schemas.WithID(id), schemas.ForCall("call-1")); err != nil {
			t.Fatal(err)
		}
		waiting(t, b, uint64(i+1))
	}
	all := deadLetters(t, b, bus.DeadFilter{})
	if len(all) != 3 {
		t.Fatalf("%d letters", len(all))
	}
	l := all[1]
	if l.Subject != schemas.SubjectTicketOpen || l.Consumer != "ticket" || l.Attempts != 1 || l.Error != "the disk is 13800138000" ||
		l.MessageID != "request-1" || l.Envelope.CallID != "call-1" || time.Since(l.DiedAt) > time.Hour {
		t.Errorf("letter %+v", l)
	}
	for _, c := range []struct {
		filter bus.DeadFilter
		want   int
	}{
		{bus.DeadFilter{Limit: 2}, 2}, {bus.DeadFilter{Consumer: "ticket"}, 3}, {bus.DeadFilter{Consumer: "other"}, 0},
		{bus.DeadFilter{Subject: schemas.SubjectTicketOpen}, 3}, {bus.DeadFilter{Subject: schemas.SubjectsWork}, 3},
		{bus.DeadFilter{Subject: schemas.SubjectTicketFacts}, 0}, {bus.DeadFilter{Since: l.DiedAt}, 2}, {bus.DeadFilter{Since: time.Now().Add(time.Hour)}, 0},
	} {
		if got := deadLetters(t, b, c.filter); len(got) != c.want {
			t.Errorf("%+v: %d letters, want %d", c.filter, len(got), c.want)
		}
	}
	if err := b.DropDeadLetter(ctx, all[0].Sequence); err != nil {
		t.Fatal(err)
	}
	if err := b.DropDeadLetter(ctx, all[0].Sequence); !errors.Is(err, bus.ErrNoDeadLetter) {
		t.Errorf("dropped twice: %v", err)
	}
	if _, err := b.DeadLetter(ctx, all[0].Sequence); !errors.Is(err, bus.ErrNoDeadLetter) {
		t.Errorf("dropped and there: %v", err)
	}

	// Replayed while the cause lasts, it dies again, as a new letter under the first id.
	if _, err := b.ReplayDeadLetter(ctx, l.Sequence); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a new letter", func() bool {
		now := deadLetters(t, b, bus.DeadFilter{})
		return len(now) == 2 && now[1].Sequence > all[2].Sequence
	})
	mended.Store(true)
	for _, l := range deadLetters(t, b, bus.DeadFilter{}) {
		if _, err := b.ReplayDeadLetter(ctx, l.Sequence); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "both done", func() bool { return done.Load() == 2 })
	waiting(t, b, 0)
}

// A letter whose message cannot be published stays, and one that was
// published and not yet taken away is published once.
func TestReplayKeepsTheLetterUntilTheStreamHasIt(t *testing.T) {
	ctx, srv := testContext(t), bustest.Start(t)
	b := srv.Connect("a")
	var mended atomic.Bool
	var done atomic.Int32
	bury(t, b, "ticket", &mended, &done)
	if err := b.PublishDurable(ctx, schemas.SubjectTicketOpen, ticket("request-1"), schemas.WithID("request-1")); err != nil {
		t.Fatal(err)
	}
	waiting(t, b, 1)
	letter := deadLetters(t, b, bus.DeadFilter{})[0]
	mended.Store(true)

	// The queue is full of work that nobody here does.
	if err := errors.Join(srv.PublishRaw(ctx, schemas.Prefix+".work.other", nil), srv.Limit(ctx, schemas.StreamWork, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ReplayDeadLetter(ctx, letter.Sequence); err == nil {
		t.Fatal("replayed into a full stream")
	}
	waiting(t, b, 1)
	if err := srv.Limit(ctx, schemas.StreamWork, -1); err != nil {
		t.Fatal(err)
	}

	// Two operators at once.
	errs := make(chan error, 2)
	for range 2 {
		go func() { _, err := b.ReplayDeadLetter(ctx, letter.Sequence); errs <- err }()
	}
	got := []error{<-errs, <-errs}
	if !slices.ContainsFunc(got, func(err error) bool { return err == nil }) {
		t.Fatal(got)
	}
	for _, err := range got {
		if err != nil && !errors.Is(err, bus.ErrNoDeadLetter) {
			t.Error(err)
		}
	}
	waiting(t, b, 0)
	eventually(t, "done", func() bool { return done.Load() == 1 })
	eventually(t, "only the other work left", func() bool {
		n, err := srv.Pending(ctx, schemas.StreamWork)
		return err == nil && n == 1
	})
	if done.Load() != 1 {
		t.Errorf("done %d times", done.Load())
	}
}

func TestNoDeadLetterStreamIsSaid(t *testing.T) {
	srv := bustest.Start(t)
	b := srv.Bare("a")
	if err := b.EachDeadLetter(testContext(t), bus.DeadFilter{}, nil); !errors.Is(err, bus.ErrNoDeadLetters) {
		t.Errorf("error %v", err)
	}
	if _, err := b.DeadLetter(testContext(t), 1); !errors.Is(err, bus.ErrNoDeadLetters) {
		t.Errorf("error %v", err)
	}
}

func TestAMessageThatIsNoneDiesWithoutItsEnvelope(t *testing.T) {
	ctx, srv := testContext(t), bustest.Start(t)
	b := srv.Connect("a")
	var mended atomic.Bool
	var done atomic.Int32
	bury(t, b, "ticket", &mended, &done)
	if err := srv.PublishRaw(ctx, schemas.SubjectTicketOpen, []byte("{")); err != nil {
		t.Fatal(err)
	}
	waiting(t, b, 1)
	l := deadLetters(t, b, bus.DeadFilter{})[0]
	if string(l.Raw) != "{" || l.Envelope.ID != "" || !strings.Contains(l.Error, "not valid JSON") || l.Subject != schemas.SubjectTicketOpen {
		t.Errorf("letter %+v", l)
	}
	if _, err := b.ReplayDeadLetter(ctx, l.Sequence); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it to die again", func() bool {
		now := deadLetters(t, b, bus.DeadFilter{})
		return len(now) == 1 && now[0].Sequence > l.Sequence
	})
}
