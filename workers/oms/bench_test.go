package oms_test

import (
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

var (
	benchOrders = flag.Int("lookups.orders", 10_000, "orders in the shop that BenchmarkLookups looks up in")
	benchRate   = flag.Int("lookups.rate", 50, "look-ups a second of BenchmarkLookups")
)

// fill makes n orders by statements of the database itself: four to a
// customer, each with a line, a parcel and a payment.
func fill(b *testing.B, dsn string, n int) {
	b.Helper()
	psql := "psql"
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/psql"); len(found) > 0 {
		psql = found[len(found)-1]
	}
	began := time.Now()
	for _, stmt := range []string{
		`INSERT INTO customers (id, name, phone, created_at) SELECT 'B' || c, '顾客', (13900000000 + c)::text, now() FROM generate_series(0, %d / 4) c`,
		`INSERT INTO orders (number, number_reversed, customer_id, status, placed_at, payment_method, total_fen)
			SELECT n, reverse(n), 'B' || i / 4, 'delivered', now() - i * interval '1 second', 'wechat', 9900
			FROM generate_series(1, %d) i, LATERAL (SELECT (2026000000000000 + i)::text AS n) x`,
		`INSERT INTO order_lines (order_number, id, position, sku, title, quantity, price_fen)
			SELECT (2026000000000000 + i)::text, '1', 0, 'SKU', '连衣裙', 1, 9900 FROM generate_series(1, %d) i`,
		`INSERT INTO parcels (tracking_no, order_number, carrier, status, shipped_at, delivered_at)
			SELECT 'SF' || i, (2026000000000000 + i)::text, '顺丰速运', 'delivered', now(), now() FROM generate_series(1, %d) i`,
		`INSERT INTO payments (id, order_number, method, status, amount_fen, paid_at)
			SELECT 'P' || i, (2026000000000000 + i)::text, 'wechat', 'paid', 9900, now() FROM generate_series(1, %d) i`,
	} {
		if out, err := exec.Command(psql, dsn, "-q", "-v", "ON_ERROR_STOP=1", "-c", fmt.Sprintf(stmt, n)).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	if out, err := exec.Command(psql, dsn, "-q", "-c", "VACUUM ANALYZE").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	b.Logf("%d orders in %v", n, time.Since(began).Round(time.Second))
}

// BenchmarkLookups asks a worker over NATS at a steady rate, nothing kept:
// every question reaches the database. It tells the latency that the asker
// sees.
func BenchmarkLookups(b *testing.B) {
	dsn := storetest.Postgres(b)
	sc := store.Defaults()
	sc.DSN = config.Secret(dsn)
	shop, err := store.Open(storetest.Context(b), sc, store.Deps{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = shop.Close() })
	fill(b, dsn, *benchOrders)
	server := bustest.Start(b)
	cfg := oms.Defaults()
	cfg.Cache.TTL, cfg.Cache.Missing, cfg.Writes.Enabled = 0, 0, false
	start(b, cfg, oms.Deps{Bus: server.Connect("oms"), Orders: shop, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))})
	asker := server.Connect("asker")
	number := func() int { return 1 + rand.IntN(*benchOrders) }
	for _, kind := range []struct {
		name    string
		subject string
		q       func() any
	}{
		{"phone", schemas.SubjectOrdersFind, func() any { return &schemas.OrdersFind{Phone: fmt.Sprint(13900000000 + number()/4)} }},
		{"number", schemas.SubjectOrdersFind, func() any { return &schemas.OrdersFind{Number: fmt.Sprint(2026000000000000 + number())} }},
		{"last_four", schemas.SubjectOrdersFind, func() any { return &schemas.OrdersFind{LastDigits: fmt.Sprintf("%04d", number()%10000)} }},
		{"order", schemas.SubjectOrderGet, func() any { return &schemas.OrderGet{Number: fmt.Sprint(2026000000000000 + number())} }},
	} {
		b.Run(kind.name, func(b *testing.B) { measure(b, asker, kind.subject, kind.q) })
	}
}

func measure(b *testing.B, asker *bus.Bus, subject string, question func() any) {
	var (
		mu    sync.Mutex
		took  []time.Duration
		all   sync.WaitGroup
		every = time.Second / time.Duration(*benchRate)
	)
	one := func() {
		began := time.Now()
		_, err := asker.Request(storetest.Context(b), subject, question())
		d := time.Since(began)
		mu.Lock()
		defer mu.Unlock()
		if took = append(took, d); err != nil {
			b.Error(err)
		}
	}
	for range 50 { // plans, connections
		one()
	}
	took = nil
	b.ResetTimer()
	next := time.Now()
	for range b.N {
		time.Sleep(time.Until(next))
		next = next.Add(every)
		all.Go(one)
	}
	all.Wait()
	slices.Sort(took)
	at := func(q float64) float64 { return float64(took[int(q*float64(len(took)-1))].Microseconds()) / 1000 }
	b.ReportMetric(at(.5), "p50-ms")
	b.ReportMetric(at(.99), "p99-ms")
	b.ReportMetric(at(1), "longest-ms")
}
