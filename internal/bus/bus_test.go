package bus_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/schemas"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The NATS server keeps one process-wide sender of log messages.
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server.(*Server).startGoRoutine.func1"))
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func ticket(key string) schemas.TicketOpen {
	return schemas.TicketOpen{IdempotencyKey: key, CallID: "call-1", Kind: schemas.KindReturn, OrderNumber: "1", Contact: "1", RequestedAt: time.Now()}
}

func TestRequest(t *testing.T) {
	ctx, b := testContext(t), bustest.Start(t).Connect("a")
	if _, err := b.Request(ctx, schemas.SubjectOrdersFind, schemas.OrdersFind{Number: "1"}); !errors.Is(err, bus.ErrNoResponders) {
		t.Fatalf("nobody serves: %v", err)
	}
	svc, err := b.Service(bus.ServiceConfig{Name: "oms", Version: "1.0.0", Queue: "oms", Endpoints: []bus.Endpoint{{
		Name: "find", Subject: schemas.SubjectOrdersFind, Handle: func(m bus.Message) {
			if q := m.Data.(*schemas.OrdersFind); q.Number == "bad" {
				_ = m.RespondError(503, "database away")
				return
			}
			_ = m.Respond(schemas.OrdersFound{Orders: []schemas.Order{}})
		}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = svc.Stop() }()
	m, err := b.Request(ctx, schemas.SubjectOrdersFind, schemas.OrdersFind{Number: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := m.Data.(*schemas.OrdersFound); !ok {
		t.Fatalf("data %T", m.Data)
	}
	var re *bus.RemoteError
	if _, err = b.Request(ctx, schemas.SubjectOrdersFind, schemas.OrdersFind{Number: "bad"}); !errors.As(err, &re) || re.Code != 503 {
		t.Fatalf("error %v", err)
	}
	if _, err = b.Request(ctx, schemas.SubjectOrdersFind, schemas.OrdersFind{LastDigits: "!"}); !errors.As(err, &re) || re.Code != 400 {
		t.Fatalf("schema violation: %v", err)
	}
}

func TestConsumeRetriesThenDeadLetter(t *testing.T) {
	ctx, b := testContext(t), bustest.Start(t).Connect("a")
	var good, bad, fatal atomic.Int32
	c, err := b.Consume(ctx, bus.ConsumerConfig{
		Stream: schemas.StreamWork, Durable: "tickets", MaxAttempts: 3, Backoff: []time.Duration{time.Millisecond},
	}, func(_ context.Context, m bus.Message) error {
		switch m.Data.(*schemas.TicketOpen).IdempotencyKey {
		case "bad-key":
			bad.Add(1)
			return errors.New("database away")
		case "fatal-key":
			fatal.Add(1)
			return bus.Permanent(errors.New("never"))
		}
		if good.Add(1) == 1 {
			return errors.New("once")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	for _, key := range []string{"good-key", "bad-key", "fatal-key"} {
		for range 2 { // the second is a repeat, stored once
			if err := b.PublishDurable(ctx, schemas.SubjectTicketOpen, ticket(key), schemas.WithID(key)); err != nil {
				t.Fatal(err)
			}
		}
	}
	var dead atomic.Int32
	d, err := b.Consume(ctx, bus.ConsumerConfig{Stream: schemas.StreamDead, Durable: "dead"}, func(context.Context, bus.Message) error {
		dead.Add(1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Stop()
	eventually(t, "two dead letters", func() bool { return dead.Load() == 2 })
	if good.Load() != 2 || bad.Load() != 3 || fatal.Load() != 1 {
		t.Fatalf("handled good %d bad %d fatal %d", good.Load(), bad.Load(), fatal.Load())
	}
}

func TestWorkSurvivesServerRestart(t *testing.T) {
	ctx, srv := testContext(t), bustest.Start(t)
	b := srv.Connect("a")
	seen := make(chan string, 100)
	c, err := b.Consume(ctx, bus.ConsumerConfig{Stream: schemas.StreamWork, Durable: "w"}, func(_ context.Context, m bus.Message) error {
		seen <- m.Envelope.ID
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	srv.Down()
	eventually(t, "loss noticed", func() bool { return !b.Connected() })
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	if err := b.PublishDurable(short, schemas.SubjectTicketOpen, ticket("kkk")); err == nil {
		t.Fatal("published while the server was away")
	}
	cancel()
	srv.Up()
	eventually(t, "reconnected", b.Connected)
	for i := range 5 {
		id := fmt.Sprintf("id-%d", i)
		eventually(t, "published "+id, func() bool {
			return b.PublishDurable(ctx, schemas.SubjectTicketOpen, ticket("key-"+id), schemas.WithID(id)) == nil
		})
	}
	got := map[string]bool{}
	for deadline := time.After(30 * time.Second); len(got) < 5; {
		select {
		case id := <-seen:
			got[id] = true
		case <-deadline:
			t.Fatalf("only %d of 5 arrived", len(got))
		}
	}
}

func TestKVFencing(t *testing.T) {
	ctx, b := testContext(t), bustest.Start(t).Connect("a")
	kv, err := b.KV(ctx, schemas.BucketCalls)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := kv.Get(ctx, "c"); !errors.Is(err, bus.ErrNotFound) {
		t.Fatal(err)
	}
	rev, err := kv.Create(ctx, "c", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Create(ctx, "c", []byte("x")); !errors.Is(err, bus.ErrConflict) {
		t.Fatal(err)
	}
	if _, err := kv.Update(ctx, "c", []byte("2"), rev); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Update(ctx, "c", []byte("3"), rev); !errors.Is(err, bus.ErrConflict) {
		t.Fatalf("an old revision wrote: %v", err)
	}
	if err := kv.Delete(ctx, "c"); err != nil {
		t.Fatal(err)
	}
	if keys, err := kv.Keys(ctx); err != nil || len(keys) != 0 {
		t.Fatal(keys, err)
	}
}

func TestMalformedIsRefused(t *testing.T) {
	ctx, b := testContext(t), bustest.Start(t).Connect("a")
	got := make(chan bus.Message, 10)
	sub, err := b.Subscribe("tidegate.v1.media.x.command", "", func(m bus.Message) { got <- m })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	var re *bus.RemoteError
	_, err = b.Request(ctx, "tidegate.v1.media.x.command", schemas.MediaSay{CallID: "x", UtteranceID: "", Language: "zh-CN", Listen: schemas.ListenPolicy{Expect: "open"}})
	if !errors.As(err, &re) || re.Code != 400 {
		t.Fatalf("error %v", err)
	}
	if err := b.Publish("tidegate.v1.media.x.command", schemas.MediaClose{CallID: "x"}); err != nil {
		t.Fatal(err)
	}
	if m := <-got; m.Envelope.Type != schemas.TypeMediaClose {
		t.Fatalf("type %s", m.Envelope.Type)
	}
}

func TestLastMessage(t *testing.T) {
	ctx, b := testContext(t), bustest.Start(t).Connect("a")
	subject := schemas.SubjectTicketFact("call-1", "opened")
	if _, ok, err := b.LastMessage(ctx, schemas.StreamFacts, subject); ok || err != nil {
		t.Fatal(ok, err)
	}
	want := schemas.TicketOpened{CallID: "call-1", IdempotencyKey: "kkk", TicketID: "1", Number: "12345678", Kind: schemas.KindReturn, Group: schemas.GroupAfterSales}
	if err := b.PublishDurable(ctx, subject, want, schemas.ForCall("call-1")); err != nil {
		t.Fatal(err)
	}
	m, ok, err := b.LastMessage(ctx, schemas.StreamFacts, subject)
	if err != nil || !ok || m.Data.(*schemas.TicketOpened).Number != want.Number {
		t.Fatalf("%+v %v %v", m, ok, err)
	}
}
