// Ticketbench measures tickets and look-ups: one ticket worker between an
// embedded NATS server and a PostgreSQL of its own, everything on this
// machine and in this process but for the database, and prints a table as
// Markdown. The database syncs its log at each commit unless told otherwise.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/workers/ticket"
)

type options struct {
	rate, orders, connections, inFlight int
	during                              time.Duration
	fsync                               bool
}

func main() {
	var o options
	flag.IntVar(&o.rate, "rate", 1000, "requests a second of the full rate; half of it is measured too")
	flag.DurationVar(&o.during, "during", 15*time.Second, "how long each rate is kept up")
	flag.IntVar(&o.orders, "orders", 1_000_000, "orders in the shop that is looked up in; 0 for no look-ups")
	flag.IntVar(&o.connections, "connections", store.Defaults().MaxOpen, "connections to the database")
	flag.IntVar(&o.inFlight, "in-flight", ticket.Defaults().MaxInFlight, "requests that the worker works on at the same time")
	flag.BoolVar(&o.fsync, "fsync", true, "let the database sync each commit to the disk")
	profile := flag.String("cpuprofile", "", "write a CPU profile of this process to this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := profiled(*profile, func() error { return run(ctx, o, os.Stdout) }); err != nil {
		fmt.Fprintln(os.Stderr, "ticketbench:", err)
		os.Exit(1)
	}
}

func profiled(path string, do func() error) error {
	if path == "" {
		return do()
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(err, f.Close())
	}
	err = do()
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}

// system is what is measured.
type system struct {
	options
	dsn    string
	store  *store.Store
	bus    *bus.Bus // the askers' and the worker's
	worker *ticket.Service
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	cluster, err := storetest.NewCluster("fsync="+onOff(o.fsync), "full_page_writes="+onOff(o.fsync), "shared_buffers=256MB", "max_wal_size=2GB")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Remove()) }()
	s := &system{options: o}
	if s.dsn, err = cluster.Database(); err != nil {
		return err
	}
	cfg := store.Defaults()
	cfg.DSN, cfg.MaxOpen = config.Secret(s.dsn), o.connections
	if s.store, err = store.Open(ctx, cfg, store.Deps{}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.store.Close()) }()
	dir, err := os.MkdirTemp("", "tidegate-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := bus.StartEmbedded(bus.EmbeddedConfig{Listen: "127.0.0.1:0", StoreDir: dir})
	if err != nil {
		return err
	}
	defer server.Stop()
	busCfg := bus.Defaults()
	busCfg.URL = server.URL()
	if s.bus, err = bus.Connect(ctx, busCfg, bus.Deps{Source: "/tidegate/bench"}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.bus.Close()) }()
	work := ticket.Defaults()
	work.MaxInFlight = o.inFlight
	if s.worker, err = ticket.New(work, ticket.Deps{Bus: s.bus, Tickets: s.store}); err != nil {
		return err
	}
	if err = s.worker.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.worker.Stop(context.Background())) }()
	return s.measure(ctx, out)
}

func (s *system) measure(ctx context.Context, out io.Writer) error {
	fmt.Fprintf(out, "%d cores, load %s at the start, PostgreSQL with fsync %s, %d connections, %d requests in flight\n\n",
		runtime.NumCPU(), load(), onOff(s.fsync), s.connections, s.inFlight)
	fmt.Fprintln(out, "| what | a second | median | p99 | longest | left behind | memory, start to end |\n|---|---|---|---|---|---|---|")
	print := func(name string, r result) {
		fmt.Fprintf(out, "| %s | %.0f | %s | %s | %s | %d | %s |\n", name, r.rate, ms(r.times.at(.5)), ms(r.times.at(.99)), ms(r.times.longest), r.behind, r.memory)
	}
	if _, err := s.keepUp(ctx, s.rate/2, min(s.during, 3*time.Second)); err != nil { // warm
		return err
	}
	for _, p := range []struct {
		name string
		rate int
	}{{"tickets, half rate", s.rate / 2}, {"tickets, full rate", s.rate}, {"tickets, as many as go", 0}} {
		r, err := s.keepUp(ctx, p.rate, s.during)
		if err != nil {
			return err
		}
		print(p.name, r)
		if p.rate == 0 {
			bare, err := storetest.BareInserts(ctx, s.dsn, s.connections, min(s.during, 15*time.Second))
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "| the same INSERTs and UPDATE in a bare loop | %.0f | | | | | |\n| tickets, of the bare loop | %.2f | | | | | |\n", bare, r.rate/bare)
		}
	}
	if s.orders == 0 {
		return nil
	}
	if err := storetest.FillOrders(ctx, s.dsn, s.orders); err != nil {
		return err
	}
	for _, l := range lookups {
		r, err := s.lookUp(ctx, l, min(s.during, 10*time.Second))
		if err != nil {
			return err
		}
		print(fmt.Sprintf("look-ups by %s, %d orders", l.name, s.orders), r)
	}
	fmt.Fprintf(out, "\nload %s at the end\n", load())
	return nil
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }

func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(b), " ")
	return first
}
