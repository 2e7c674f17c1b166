package ticket_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/lifecycle/killtest"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
)

func TestMain(m *testing.M) {
	os.Exit(killtest.Main(m, startChild, string(ticket.PointReceived)))
}

func quick() ticket.Config {
	cfg := ticket.Defaults()
	cfg.AckWait, cfg.OpenTimeout = 2*time.Second, 1900*time.Millisecond
	cfg.RetryFirst, cfg.RetryMax = 50*time.Millisecond, 200*time.Millisecond
	cfg.SweepInterval, cfg.SweepAge = 50*time.Millisecond, 0
	return cfg
}

func openStore(t testing.TB, dsn string) *store.Store { return openAt(t, dsn, time.Now) }

// openAt is openStore by a clock of the test's own.
func openAt(t testing.TB, dsn string, now func() time.Time) *store.Store {
	t.Helper()
	cfg := store.Defaults()
	cfg.DSN = config.Secret(dsn)
	s, err := store.Open(storetest.Context(t), cfg, store.Deps{Vault: storetest.Vault(t), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func start(t testing.TB, cfg ticket.Config, deps ticket.Deps) *ticket.Service {
	t.Helper()
	s, err := ticket.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(storetest.Context(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 {
			if err := s.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

func request(call string) *schemas.TicketOpen {
	return &schemas.TicketOpen{
		IdempotencyKey: call + ":return:1", CallID: call, Kind: schemas.KindReturn, OrderNumber: "20261112003378", OrderVerified: true,
		OrderLine: "1", Reason: "wrong_size", Contact: "13800138001", RequestedAt: time.Now(),
		Pickup: &schemas.Pickup{From: time.Now().Add(24 * time.Hour), Until: time.Now().Add(26 * time.Hour), Address: "上海市黄浦区中山路128号"},
	}
}

func send(t testing.TB, b *bus.Bus, req *schemas.TicketOpen, opts ...schemas.Option) {
	t.Helper()
	if err := b.PublishDurable(storetest.Context(t), schemas.SubjectTicketOpen, req, append(opts, schemas.ForCall(req.CallID))...); err != nil {
		t.Fatal(err)
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(45 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func count(t testing.TB, reg *prometheus.Registry, result string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "tidegate_ticket_requests_total" && m.GetLabel()[0].GetValue() == result {
				return m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

func TestARequestBecomesATicket(t *testing.T) {
	server := bustest.Start(t)
	db := openStore(t, storetest.SQLite(t))
	reg := prometheus.NewRegistry()
	s := start(t, quick(), ticket.Deps{Bus: server.Connect("ticket"), Tickets: db, Registry: reg})
	if err := s.Ready(); err != nil {
		t.Error(err)
	}
	asker := server.Connect("asker")
	seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
	refund := request("call-2")
	refund.Kind, refund.IdempotencyKey = schemas.KindRefund, "call-2:refund:1"
	send(t, asker, request("call-1"))
	send(t, asker, refund)
	// The same request in another message: the same ticket.
	send(t, asker, request("call-1"))
	eventually(t, "three requests done", func() bool { return count(t, reg, "opened") == 2 && count(t, reg, "existing") == 1 })
	eventually(t, "two facts", func() bool { return len(seen.List()) == 2 })
	for _, m := range seen.List() {
		f, ok := m.Data.(*schemas.TicketOpened)
		want := schemas.GroupAfterSales
		if ok && f.CallID == "call-2" {
			want = schemas.GroupFinance
		}
		if !ok || f.Group != want || !store.ValidTicketNumber(f.Number) || f.Existing ||
			m.Subject != schemas.SubjectTicketFact(f.CallID, "opened") || m.Envelope.ID != store.FactID("opened", f.IdempotencyKey) {
			t.Errorf("fact %+v", m)
		}
	}
	if err := s.Drain(storetest.Context(t)); err != nil {
		t.Error(err)
	}
	if s.Ready() == nil {
		t.Error("a drained worker is ready")
	}
	list, _, err := db.Tickets(storetest.Context(t), store.TicketFilter{}, 0, "")
	n, err2 := db.CountPendingOutbox(storetest.Context(t))
	if len(list) != 2 || n != 0 || err != nil || err2 != nil {
		t.Errorf("%d tickets, %d pending, %v, %v", len(list), n, err, err2)
	}
}

func TestAWrongRequestIsRejectedAndKept(t *testing.T) {
	server := bustest.Start(t)
	db := openStore(t, storetest.SQLite(t))
	reg := prometheus.NewRegistry()
	start(t, quick(), ticket.Deps{Bus: server.Connect("ticket"), Tickets: db, Registry: reg})
	asker := server.Connect("asker")
	seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
	dead := bustest.Watch(t, asker, schemas.StreamDead, schemas.SubjectsDead)
	bad := request("call-1")
	bad.OrderNumber, bad.Contact = "$(reboot)", "a\x00b"
	bad.Pickup.Until = bad.Pickup.From
	bad.Pickup.Address = "中山路\n128号"
	send(t, asker, bad)
	unsafe := request("call-2")
	unsafe.CallID = "call.2 >"
	if err := asker.PublishDurable(storetest.Context(t), schemas.SubjectTicketOpen, unsafe); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two rejections", func() bool { return count(t, reg, "rejected") == 2 && len(dead.List()) == 2 })
	eventually(t, "one fact", func() bool { return len(seen.List()) == 1 })
	f, ok := seen.List()[0].Data.(*schemas.TicketRejected)
	if !ok || f.Code != "invalid_request" || !strings.Contains(f.Reason, "order_number") || !strings.Contains(f.Reason, "contact") ||
		!strings.Contains(f.Reason, "pickup: ") || !strings.Contains(f.Reason, "pickup.address") || strings.Contains(f.Reason, "中山路") || strings.Contains(f.Reason, "reboot") {
		t.Errorf("fact %+v", seen.List()[0].Data)
	}
	if list, _, err := db.Tickets(storetest.Context(t), store.TicketFilter{}, 0, ""); len(list) != 0 || err != nil {
		t.Errorf("tickets %v, %v", list, err)
	}
}

// broken is a database that fails in a way that does not pass.
type broken struct{ *store.Store }

func (broken) PlaceTicket(context.Context, schemas.TicketOpen, store.Placement) (store.Ticket, bool, error) {
	return store.Ticket{}, false, errors.New("the disk holds nonsense")
}

func TestARequestThatAlwaysFailsGoesToTheDeadLetters(t *testing.T) {
	server := bustest.Start(t)
	cfg := quick()
	cfg.MaxAttempts = 3
	reg := prometheus.NewRegistry()
	start(t, cfg, ticket.Deps{Bus: server.Connect("ticket"), Tickets: broken{openStore(t, storetest.SQLite(t))}, Registry: reg})
	asker := server.Connect("asker")
	seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
	dead := bustest.Watch(t, asker, schemas.StreamDead, schemas.SubjectsDead)
	send(t, asker, request("call-1"))
	eventually(t, "a dead letter and a fact", func() bool { return len(dead.List()) == 1 && len(seen.List()) == 1 })
	f, ok := seen.List()[0].Data.(*schemas.TicketRejected)
	if !ok || f.Code != "exhausted" || strings.Contains(f.Reason, "nonsense") || count(t, reg, "retry") != 2 || count(t, reg, "exhausted") != 1 {
		t.Errorf("fact %+v", seen.List()[0].Data)
	}
}

func TestTicketsWaitForTheDatabase(t *testing.T) {
	cluster, dsn := storetest.OwnPostgres(t)
	server := bustest.Start(t)
	db := openStore(t, dsn)
	cfg := quick()
	cfg.MaxAttempts = 1 // an absence is no attempt
	reg := prometheus.NewRegistry()
	s := start(t, cfg, ticket.Deps{Bus: server.Connect("ticket"), Tickets: db, Registry: reg})
	asker := server.Connect("asker")
	seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	const n = 10
	for i := range n {
		send(t, asker, request(fmt.Sprint("call-", i)))
	}
	eventually(t, "retries", func() bool { return count(t, reg, "retry") >= n })
	if s.Ready() == nil {
		t.Error("ready without a database")
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all facts", func() bool { return len(seen.List()) == n })
	list, _, err := db.Tickets(storetest.Context(t), store.TicketFilter{}, 0, "")
	if len(list) != n || err != nil {
		t.Errorf("%d tickets, %v", len(list), err)
	}
}

func TestTicketsWaitForNATS(t *testing.T) {
	server := bustest.Start(t)
	db := openStore(t, storetest.SQLite(t))
	asker := server.Connect("asker")
	seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
	// The server goes away between commit and publish.
	var once sync.Once
	gone := make(chan struct{})
	start(t, quick(), ticket.Deps{Bus: server.Connect("ticket"), Tickets: db, Reached: func(p ticket.Point) {
		if p == ticket.PointCommitted {
			once.Do(func() { server.Down(); close(gone) })
		}
	}})
	send(t, asker, request("call-1"))
	<-gone
	server.Up()
	eventually(t, "the fact", func() bool { return len(seen.List()) == 1 })
	eventually(t, "an empty outbox", func() bool {
		n, err := db.CountPendingOutbox(storetest.Context(t))
		return err == nil && n == 0
	})
	list, _, err := db.Tickets(storetest.Context(t), store.TicketFilter{}, 0, "")
	if len(list) != 1 || err != nil || len(seen.List()) != 1 {
		t.Errorf("%d tickets, %d facts, %v", len(list), len(seen.List()), err)
	}
}

func TestTheSweeperPublishesWhatACrashLeft(t *testing.T) {
	server := bustest.Start(t)
	db := openStore(t, storetest.SQLite(t))
	for i := range 3 {
		if _, _, err := db.OpenTicket(storetest.Context(t), *request(fmt.Sprint("call-", i)), schemas.GroupFinance); err != nil {
			t.Fatal(err)
		}
	}
	seen := bustest.Watch(t, server.Connect("asker"), schemas.StreamFacts, schemas.SubjectTicketFacts)
	start(t, quick(), ticket.Deps{Bus: server.Connect("ticket"), Tickets: db})
	eventually(t, "three facts", func() bool { return len(seen.List()) == 3 })
	eventually(t, "an empty outbox", func() bool {
		n, err := db.CountPendingOutbox(storetest.Context(t))
		return err == nil && n == 0
	})
}

func TestConfigNamesEveryWrongKey(t *testing.T) {
	err := ticket.Config{OpenTimeout: time.Minute, SweepAge: -1, RetryMax: -1}.Validate()
	for _, key := range []string{"max_in_flight", "max_attempts", "ack_wait", "open_timeout", "retry_first", "retry_max", "sweep_interval", "sweep_age"} {
		if err == nil || !strings.Contains(err.Error(), key+":") {
			t.Errorf("error does not name %s: %v", key, err)
		}
	}
	cfg := ticket.Defaults()
	cfg.RulesFile = "/no/such/file"
	if _, err := ticket.New(cfg, ticket.Deps{}); err == nil {
		t.Error("missing rules file was accepted")
	}
}
