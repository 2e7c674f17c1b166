package lifecycle

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
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

const patience = 20 * time.Second

// plant is a worker with one of everything, whose handler and piece of work
// last until they are let go or cancelled.
type plant struct {
	*Worker
	letGo            chan struct{}
	inHand           chan struct{} // one for each message and piece of work
	finished, broken atomic.Int32
	heard            atomic.Int32 // ends of what it hears
	rounds           atomic.Int32
	told             atomic.Int32 // errors of rounds
}

func newPlant(t *testing.T) (*plant, *bus.Bus) {
	t.Helper()
	b := bustest.Start(t).Connect("plant")
	return &plant{Worker: NewWorker("plant", b, slog.New(slog.DiscardHandler)), letGo: make(chan struct{}), inHand: make(chan struct{}, 2)}, b
}

func (p *plant) hold(ctx context.Context) error {
	p.inHand <- struct{}{}
	select {
	case <-p.letGo:
		p.finished.Add(1)
		return nil
	case <-ctx.Done():
		p.broken.Add(1)
		return ctx.Err()
	}
}

func (p *plant) begin(ctx context.Context) error {
	p.Hear(func() error { p.heard.Add(1); return nil })
	err := p.Consume(ctx, bus.ConsumerConfig{Stream: schemas.StreamWork, Durable: "plant", FilterSubjects: []string{schemas.SubjectTicketOpen}},
		func(ctx context.Context, _ bus.Message) error { return p.hold(ctx) })
	if err != nil {
		return err
	}
	p.Every(time.Millisecond, func(ctx context.Context) error {
		p.rounds.Add(1)
		return errors.New("a round failed")
	}, func(error) { p.told.Add(1) })
	return p.Serve("127.0.0.1:0", http.NotFoundHandler())
}

// busy is a plant with a message and a piece of work in hand.
func busy(t *testing.T) *plant {
	t.Helper()
	p, b := newPlant(t)
	ctx := testContext(t)
	if err := p.Start(ctx, func() error { return p.begin(ctx) }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop(context.Background()) })
	if err := b.PublishDurable(ctx, schemas.SubjectTicketOpen, &schemas.TicketOpen{
		IdempotencyKey: "call-1:return:1", CallID: "call-1", Kind: schemas.KindReturn, OrderNumber: "20261112003378", OrderVerified: true,
		OrderLine: "1", Reason: "wrong_size", Contact: "13800138001", RequestedAt: time.Now(),
	}); err != nil {
		t.Fatal(err)
	}
	work, done, ok := p.Begin()
	if !ok {
		t.Fatal("no work is begun while it runs")
	}
	go func() { defer done(); _ = p.hold(work) }()
	for range 2 {
		select {
		case <-p.inHand:
		case <-ctx.Done():
			t.Fatal("nothing comes into hand")
		}
	}
	return p
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// ended wants that nothing of it goes on, and nothing more begins.
func (p *plant) ended(t *testing.T) {
	t.Helper()
	if p.Context().Err() == nil || p.heard.Load() != 1 {
		t.Errorf("context %v, %d ends of what is heard", p.Context().Err(), p.heard.Load())
	}
	if err := p.Ready(nil); err == nil || !strings.Contains(err.Error(), "plant: not running") {
		t.Errorf("ready: %v", err)
	}
	if _, _, ok := p.Begin(); ok {
		t.Error("work was begun after the end")
	}
	if err := p.Start(context.Background(), func() error { t.Error("it begins again"); return nil }); err == nil {
		t.Error("it starts again")
	}
	if err := errors.Join(p.Drain(context.Background()), p.Stop(context.Background())); err != nil {
		t.Errorf("a second end: %v", err)
	}
	if res, err := http.Get("http://" + p.Addr()); err == nil {
		_ = res.Body.Close()
		t.Error("it still listens")
	}
}

func TestDrainFinishesWhatIsInHand(t *testing.T) {
	p := busy(t)
	missing := errors.New("missing")
	if err := errors.Join(p.Ready(nil), p.Ready(func(context.Context) error { return nil })); err != nil {
		t.Errorf("ready: %v", err)
	}
	if err := p.Ready(func(context.Context) error { return missing }); !errors.Is(err, missing) {
		t.Errorf("ready without what it needs: %v", err)
	}
	drained := make(chan error, 1)
	go func() { drained <- p.Drain(testContext(t)) }()
	for deadline := time.Now().Add(patience); p.heard.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not stop hearing")
		}
	}
	select {
	case err := <-drained:
		t.Fatalf("drained with work in hand: %v", err)
	default:
	}
	close(p.letGo)
	if err := <-drained; err != nil {
		t.Fatal(err)
	}
	if p.finished.Load() != 2 || p.broken.Load() != 0 {
		t.Errorf("%d finished, %d cancelled", p.finished.Load(), p.broken.Load())
	}
	if p.rounds.Load() == 0 || p.told.Load() == 0 {
		t.Errorf("%d rounds, %d errors told", p.rounds.Load(), p.told.Load())
	}
	p.ended(t)
}

func TestADrainThatMayNotWaitCancels(t *testing.T) {
	p := busy(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("drain: %v", err)
	}
	if p.finished.Load() != 0 || p.broken.Load() != 2 {
		t.Errorf("%d finished, %d cancelled", p.finished.Load(), p.broken.Load())
	}
	p.ended(t)
}

func TestStopCancelsWhatIsInHand(t *testing.T) {
	p := busy(t)
	if err := p.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if p.finished.Load() != 0 || p.broken.Load() != 2 {
		t.Errorf("%d finished, %d cancelled", p.finished.Load(), p.broken.Load())
	}
	p.ended(t)
}

func TestWhatAFailedStartBeganEnds(t *testing.T) {
	p, _ := newPlant(t)
	boom := errors.New("boom")
	ctx := testContext(t)
	err := p.Start(ctx, func() error { return errors.Join(p.begin(ctx), boom) })
	if !errors.Is(err, boom) || !strings.HasPrefix(err.Error(), "plant: ") {
		t.Fatalf("start: %v", err)
	}
	p.ended(t)
}
