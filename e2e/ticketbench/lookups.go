package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

// lookup is one way to ask for orders.
type lookup struct {
	name, subject string
	question      func(i int) any
}

func number(i int) string { return strconv.Itoa(storetest.FirstOrder + i) }
func phone(i int) string  { return strconv.Itoa(storetest.FirstPhone + i/4) }

var lookups = []lookup{
	{"telephone number, one customer's orders", schemas.SubjectOrdersFind, func(i int) any { return &schemas.OrdersFind{Phone: phone(i)} }},
	{"number", schemas.SubjectOrdersFind, func(i int) any { return &schemas.OrdersFind{Number: number(i)} }},
	{"telephone number and last four digits", schemas.SubjectOrdersFind, func(i int) any {
		return &schemas.OrdersFind{Phone: phone(i), LastDigits: number(i)[12:]}
	}},
	{"last four digits alone, which a hundred orders have", schemas.SubjectOrdersFind, func(i int) any { return &schemas.OrdersFind{LastDigits: number(i)[12:]} }},
	{"one order by its number, `orders.get`", schemas.SubjectOrderGet, func(i int) any { return &schemas.OrderGet{Number: number(i)} }},
}

// measureLookups asks the order worker over NATS, with its cache off: every
// question reaches the database.
func (s *system) measureLookups(ctx context.Context, out io.Writer) error {
	began := time.Now()
	if err := storetest.FillOrders(ctx, s.dsn, s.orders, s.vault); err != nil {
		return err
	}
	filled := time.Since(began).Round(time.Second)
	err := s.startService(ctx, "oms", "TIDEGATE_OMS_CACHE_TTL=0s", "TIDEGATE_OMS_CACHE_MISSING=0s", "TIDEGATE_OMS_SYSTEM_MAX_CONCURRENT="+strconv.Itoa(s.places))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d orders (put there in %s), load %s, %d look-ups a second, %d at a time before the database; CPU in ms a look-up\n\n",
		s.orders, filled, load(), s.lookupRate, s.places)
	fmt.Fprintln(out, "| by | a second | median | p99 | longest | refused | "+costColumns+" |\n|---|---|---|---|---|---|---|---|---|---|")
	for _, l := range lookups {
		if _, _, err := s.lookUp(ctx, l, time.Second); err != nil { // warm
			return fmt.Errorf("%s: %w", l.name, err)
		}
		if err := s.forgetStatements(ctx); err != nil {
			return err
		}
		r, refused, err := s.lookUp(ctx, l, s.during)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		fmt.Fprintf(out, "| %s | %.0f | %s | %s | %s | %d | %s |\n", l.name, r.rate, ms(r.times.at(.5)), ms(r.times.at(.99)), ms(r.times.longest), refused, r.costs)
		if err := s.listStatements(ctx, out, r.times.n); err != nil {
			return err
		}
	}
	return nil
}

// lookUp asks at a rate, whatever became of the last question. Time counts
// from when a question was due; that of a refusal (the worker is
// full, or has no answer within the asker's 800 ms) counts as well.
func (s *system) lookUp(ctx context.Context, l lookup, during time.Duration) (r result, refused int64, err error) {
	r.times = &times{}
	var asked sync.WaitGroup
	var full atomic.Int64
	var once sync.Once
	var first error
	before, began, n := s.costs(), time.Now(), 0
	if s.stall > 0 && during > time.Second { // not while warming up
		held := time.AfterFunc(during/2, func() { hold(s.cluster.PID(), s.stall) })
		defer held.Stop()
	}
	for ; time.Since(began) < during && ctx.Err() == nil; n++ {
		due := began.Add(time.Duration(n) * time.Second / time.Duration(s.lookupRate))
		time.Sleep(time.Until(due))
		q := l.question(1 + rand.IntN(s.orders))
		asked.Go(func() {
			err := s.askOne(ctx, l.subject, q)
			r.times.add(time.Since(due))
			var no *bus.RemoteError
			if errors.As(err, &no) && (no.Code == oms.CodeUnavailable || no.Code == oms.CodeOverBudget) {
				full.Add(1)
			} else if err != nil {
				once.Do(func() { first = err })
			}
		})
	}
	asked.Wait()
	r.rate, r.costs = float64(n)/time.Since(began).Seconds(), s.costs().since(before, int64(n))
	return r, full.Load(), errors.Join(first, ctx.Err())
}

func (s *system) askOne(ctx context.Context, subject string, q any) error {
	m, err := s.bus.Request(ctx, subject, q)
	if found, ok := m.Data.(*schemas.OrdersFound); ok && len(found.Orders) == 0 {
		return errors.New("nothing was found")
	}
	return err
}
