// Ticketbench measures tickets and look-ups as a caller's call meets them:
// the ticket worker (or the order worker) as the real service in a process of
// its own, NATS in another, a private PostgreSQL that syncs every commit, and
// this process, which asks and counts. Personal data is encrypted. It prints
// a table as Markdown.
//
// Requests are due by the clock, whatever became of the last ones, and their
// time counts from when they were due: a worker that stops for a second is
// seen by all who came in that second. At the end every request must have
// exactly one ticket in the database.
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
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/workers/oms"
	"github.com/tidegate/tidegate/workers/ticket"
)

type options struct {
	rate, orders, lookupRate      int
	connections, inFlight, places int
	during, steady, stall         time.Duration
	fsync, plain, lookups         bool
	bare, statements              bool
	profile, assign               string
	agents, open                  int
}

func main() {
	if role := os.Getenv(roleEnv); role != "" {
		os.Exit(play(role, os.Args[1:]))
	}
	var o options
	flag.BoolVar(&o.lookups, "lookups", false, "measure look-ups, not tickets")
	flag.IntVar(&o.rate, "rate", 1000, "tickets: requests a second of the full rate; half of it is measured too")
	flag.DurationVar(&o.during, "during", 20*time.Second, "how long each row is measured")
	flag.DurationVar(&o.steady, "steady", 0, "tickets: keep the full rate up for so long and look at the worker's memory; nothing else is measured")
	flag.IntVar(&o.orders, "orders", 1_000_000, "look-ups: orders in the shop")
	flag.IntVar(&o.lookupRate, "lookup-rate", 200, "look-ups a second")
	flag.IntVar(&o.connections, "connections", store.Defaults().MaxOpen, "the worker's connections to the database")
	flag.IntVar(&o.inFlight, "in-flight", ticket.Defaults().MaxInFlight, "tickets: requests that the worker works on at the same time")
	flag.IntVar(&o.places, "places", oms.Defaults().System.MaxConcurrent, "look-ups: those that the worker has before the database at the same time")
	flag.DurationVar(&o.stall, "stall", 0, "look-ups: stop the database for so long in the middle of each row")
	flag.BoolVar(&o.fsync, "fsync", true, "let the database sync each commit to the disk")
	flag.BoolVar(&o.plain, "plain", false, "without encryption of personal data")
	flag.BoolVar(&o.bare, "bare", true, "tickets: compare with a bare loop of the same statements")
	flag.BoolVar(&o.statements, "statements", false, "list the database's statements of each row, counted and timed")
	flag.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the worker to this file")
	flag.StringVar(&o.assign, "assign", "", "tickets: give them to people: none, round_robin or least_loaded; empty is by the built-in rules")
	flag.IntVar(&o.agents, "agents", 300, "tickets: people, with -assign")
	flag.IntVar(&o.open, "open", 100_000, "tickets: those that the people have already, with -assign")
	flag.Parse()
	if o.assign != "" && (!slices.Contains(policies, store.AssignPolicy(o.assign)) || o.agents < 1 || o.open < 0) {
		fmt.Fprintf(os.Stderr, "ticketbench: -assign is one of %v, with -agents above 0\n", policies)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "ticketbench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	s, err := startSystem(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	fmt.Fprintf(out, "%d cores, load %s at the start, PostgreSQL with fsync %s, %d connections, encryption %s\n",
		runtime.NumCPU(), load(), onOff(o.fsync), o.connections, onOff(!o.plain))
	if o.assign != "" {
		fmt.Fprintf(out, "people: %d, with %d open tickets; assign: %s\n", o.agents, o.open, o.assign)
	}
	switch {
	case o.lookups:
		err = s.measureLookups(ctx, out)
	case o.steady > 0:
		err = s.keepSteady(ctx, out)
	default:
		err = s.measureTickets(ctx, out)
	}
	fmt.Fprintf(out, "\nload %s at the end\n", load())
	return err
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
