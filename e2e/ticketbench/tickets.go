package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// result is one row of the table.
type result struct {
	rate   float64 // tickets a second
	times  *times
	behind int64 // requests without their fact when the last one was asked for
	costs  string
}

const (
	// askers publish side by side, each waiting for its stream.
	askers = 64
	// ahead bounds the requests under way when there is no rate.
	ahead = 512
	// settling is how long the last requests of a row have.
	settling = time.Minute
)

// asking is a row being measured.
type asking struct {
	times  func(due time.Time) *times
	name   string // begins the calls' ids
	number atomic.Int64
	done   atomic.Int64
	again  atomic.Int64 // facts about a request that had its fact
	asked  sync.Map     // call id: when it was due
	room   chan struct{}
	first  error
	once   sync.Once
}

var rows atomic.Int64 // makes the calls of one row others than those of the last

// keepUp asks for tickets at a rate, or with 0 as fast as they come about,
// takes the time from when each was due to when the fact about its ticket is
// received, and looks in the database that each has exactly one.
func (s *system) keepUp(ctx context.Context, rate int, during time.Duration, into func(time.Time) *times) (result, error) {
	a := &asking{times: into, name: "bench-" + strconv.FormatInt(rows.Add(1), 10) + "-", room: make(chan struct{}, ahead)}
	r := result{times: &times{}}
	if into == nil {
		a.times = func(time.Time) *times { return r.times }
	}
	sub, err := s.bus.Subscribe(schemas.SubjectTicketFacts, "", func(m bus.Message) { a.told(m.Envelope.CallID, rate) })
	if err != nil {
		return r, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	before, began := s.costs(), time.Now()
	s.ask(ctx, a, rate, during)
	r.rate, r.behind = float64(a.done.Load())/time.Since(began).Seconds(), a.number.Load()-a.done.Load()
	for end := time.Now().Add(settling); a.done.Load() < a.number.Load() && time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(5 * time.Millisecond)
	}
	r.costs = s.costs().since(before, a.number.Load())
	return r, errors.Join(a.first, ctx.Err(), s.checkOnce(ctx, a))
}

func (a *asking) told(call string, rate int) {
	due, ok := a.asked.LoadAndDelete(call)
	if !ok {
		a.again.Add(1)
		return
	}
	a.times(due.(time.Time)).add(time.Since(due.(time.Time)))
	a.done.Add(1)
	if rate == 0 {
		<-a.room
	}
}

// ask asks until the time is over and every request is in its stream.
func (s *system) ask(ctx context.Context, a *asking, rate int, during time.Duration) {
	jobs := make(chan time.Time, ahead)
	var publishing sync.WaitGroup
	for range askers {
		publishing.Go(func() {
			for due := range jobs {
				call := a.name + strconv.FormatInt(a.number.Add(1), 10)
				a.asked.Store(call, due)
				if err := s.request(ctx, call); err != nil {
					a.once.Do(func() { a.first = err })
				}
			}
		})
	}
	began := time.Now()
	for i := 0; time.Since(began) < during && ctx.Err() == nil; i++ {
		if rate == 0 {
			a.room <- struct{}{}
			jobs <- time.Now()
			continue
		}
		// An open loop: who waits for the asker waits for the ticket.
		due := began.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		jobs <- due
	}
	close(jobs)
	publishing.Wait()
}

func (s *system) request(ctx context.Context, call string) error {
	now := time.Now()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return s.bus.PublishDurable(ctx, schemas.SubjectTicketOpen, &schemas.TicketOpen{
		IdempotencyKey: call + keyEnd, CallID: call, Kind: schemas.KindReturn, OrderNumber: "20261112003378", OrderVerified: true, OrderLine: "1",
		AmountFen: 12900, Reason: "wrong_size", ReasonText: "买大了，想换小一号", Contact: "13800138001", Summary: "来电人要退一件连衣裙，尺码不合适。",
		TranscriptURL: "https://tidegate.example/calls/" + call, RequestedAt: now,
		Pickup: &schemas.Pickup{From: now.Add(24 * time.Hour), Until: now.Add(26 * time.Hour), Address: "上海市黄浦区中山路128号"},
	}, schemas.WithID(call), schemas.ForCall(call))
}

const keyEnd = ":return:1"

// checkOnce compares the database with what was asked for.
func (s *system) checkOnce(ctx context.Context, a *asking) error {
	if n := a.number.Load() - a.done.Load(); n > 0 {
		return fmt.Errorf("%d of %d requests without a fact after %s", n, a.number.Load(), settling)
	}
	count, err := storetest.CountTickets(ctx, s.dsn, a.name, keyEnd, a.number.Load())
	if err != nil {
		return err
	}
	if count.Missing != 0 || count.Twice != 0 || count.Others != 0 || a.again.Load() != 0 {
		return fmt.Errorf("of %d requests: %d without a ticket, %d with several, %d tickets that nobody asked for, %d facts told again",
			a.number.Load(), count.Missing, count.Twice, count.Others, a.again.Load())
	}
	return nil
}

func (s *system) measureTickets(ctx context.Context, out io.Writer) error {
	settings, err := s.crowd(ctx)
	if err != nil {
		return err
	}
	if err := s.startService(ctx, "ticket", append(settings, "TIDEGATE_TICKET_MAX_IN_FLIGHT="+strconv.Itoa(s.inFlight))...); err != nil {
		return err
	}
	if _, err := s.keepUp(ctx, s.rate/2, min(s.during, 5*time.Second), nil); err != nil { // warm
		return err
	}
	fmt.Fprintf(out, "%d requests in flight; CPU in ms a ticket\n\n", s.inFlight)
	fmt.Fprintln(out, "| tickets | a second | median | p99 | longest | left behind | "+costColumns+" |\n|---|---|---|---|---|---|---|---|---|---|")
	for _, p := range []struct {
		name string
		rate int
	}{{"half rate", s.rate / 2}, {"full rate", s.rate}, {"as many as go", 0}} {
		if err := s.forgetStatements(ctx); err != nil {
			return err
		}
		r, err := s.keepUp(ctx, p.rate, s.during, nil)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| %s | %.0f | %s | %s | %s | %d | %s |\n", p.name, r.rate, ms(r.times.at(.5)), ms(r.times.at(.99)), ms(r.times.longest), r.behind, r.costs)
		if err := s.listStatements(ctx, out, r.times.n); err != nil {
			return err
		}
		if p.rate == 0 && s.bare {
			bare, err := storetest.BareInserts(ctx, s.dsn, s.connections, min(s.during, 10*time.Second))
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "| two INSERTs and an UPDATE for each, in a bare loop beside nothing else | %.0f | | | | | | | | |\n", bare)
		}
	}
	fmt.Fprintln(out, "\nEvery request has exactly one ticket.")
	return nil
}

// forgetStatements and listStatements do nothing unless asked to.
func (s *system) forgetStatements(ctx context.Context) error {
	if !s.statements {
		return nil
	}
	return storetest.ForgetStatements(ctx, s.dsn)
}

func (s *system) listStatements(ctx context.Context, out io.Writer, n int) error {
	if !s.statements {
		return nil
	}
	list, err := storetest.Statements(ctx, s.dsn, 15)
	for _, q := range list {
		fmt.Fprintf(out, "    %.3f each, %.3f ms and %.3f ms of planning, %.1f rows: %.110s\n", float64(q.Calls)/float64(max(n, 1)), q.Mean, q.Plan/float64(q.Calls), float64(q.Rows)/float64(q.Calls), q.Text)
	}
	return err
}
