package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/schemas"
)

// result is one row of the table.
type result struct {
	rate   float64 // done a second
	times  *times
	behind int // requests without their fact at the end, of an open loop
	memory string
}

// times is a histogram of tenths of milliseconds, of a fixed size, so that
// measuring takes no more memory the longer it goes.
type times struct {
	mu      sync.Mutex
	counts  [200_000]uint32
	n       int
	longest time.Duration
}

func (t *times) add(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[max(0, min(int(d/(100*time.Microsecond)), len(t.counts)-1))]++
	t.n++
	t.longest = max(t.longest, d)
}

func (t *times) at(q float64) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	rank := int(q * float64(t.n))
	for i, c := range t.counts {
		if rank -= int(c); rank < 0 {
			return time.Duration(i+1) * 100 * time.Microsecond
		}
	}
	return t.longest
}

const (
	// askers publish side by side, each waiting for its stream.
	askers = 32
	// ahead bounds the requests under way when there is no rate.
	ahead = 512
)

var phase atomic.Int64 // makes the calls of one phase others than those of the last

// keepUp asks for tickets at a rate, or with 0 as fast as they come about,
// and takes the time from before a request is published to when the fact
// about its ticket is received.
func (s *system) keepUp(ctx context.Context, rate int, during time.Duration) (result, error) {
	r := result{times: &times{}}
	var asked sync.Map // call id: when
	var done atomic.Int64
	room := make(chan struct{}, ahead)
	sub, err := s.bus.Subscribe(schemas.SubjectTicketFacts, "", func(m bus.Message) {
		if at, ok := asked.LoadAndDelete(m.Envelope.CallID); ok {
			r.times.add(time.Since(at.(time.Time)))
			done.Add(1)
			if rate == 0 {
				<-room
			}
		}
	})
	if err != nil {
		return r, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	var first error
	var once sync.Once
	jobs := make(chan time.Time, ahead)
	var asking sync.WaitGroup
	name := "bench-" + strconv.FormatInt(phase.Add(1), 10) + "-"
	var number atomic.Int64
	for range askers {
		asking.Go(func() {
			for at := range jobs {
				call := name + strconv.FormatInt(number.Add(1), 10)
				asked.Store(call, at)
				if err := s.ask(ctx, call); err != nil {
					once.Do(func() { first = err })
				}
			}
		})
	}
	watch := startMemory(during)
	began := time.Now()
	for i := 0; time.Since(began) < during && ctx.Err() == nil; i++ {
		if rate == 0 {
			room <- struct{}{}
			jobs <- time.Now()
			continue
		}
		// An open loop: who waits for the asker waits for the ticket.
		due := began.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		jobs <- due
	}
	r.rate = float64(done.Load()) / time.Since(began).Seconds()
	close(jobs)
	asking.Wait()
	r.behind = int(number.Load() - done.Load())
	r.memory = watch()
	for end := time.Now().Add(time.Minute); done.Load() < number.Load() && time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(10 * time.Millisecond)
	}
	if n := number.Load() - done.Load(); n > 0 {
		first = errors.Join(first, fmt.Errorf("%d requests without a ticket after a minute", n))
	}
	return r, errors.Join(first, ctx.Err())
}

func (s *system) ask(ctx context.Context, call string) error {
	now := time.Now()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return s.bus.PublishDurable(ctx, schemas.SubjectTicketOpen, &schemas.TicketOpen{
		IdempotencyKey: call + ":return:1", CallID: call, Kind: schemas.KindReturn, OrderNumber: "20261112003378", OrderVerified: true, OrderLine: "1",
		Reason: "wrong_size", ReasonText: "买大了，想换小一号", Contact: "13800138001", Summary: "来电人要退一件连衣裙，尺码不合适。", RequestedAt: now,
		Pickup: &schemas.Pickup{From: now.Add(24 * time.Hour), Until: now.Add(26 * time.Hour), Address: "上海市黄浦区中山路128号"},
	}, schemas.WithID(call), schemas.ForCall(call))
}

// startMemory looks at the process's memory a third into the time, when
// pools and caches are full, and at the end.
func startMemory(during time.Duration) func() string {
	at := time.Now()
	var early atomic.Value
	timer := time.AfterFunc(during/3, func() { early.Store(memory()) })
	return func() string {
		timer.Stop()
		was, _ := early.Load().(string)
		return fmt.Sprintf("%s, after %s %s", was, time.Since(at).Round(time.Second), memory())
	}
}

// memory gives the live heap and what the system counts as resident.
func memory() string {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	resident := 0
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := strings.Fields(string(b)); len(f) > 1 {
			pages, _ := strconv.Atoi(f[1])
			resident = pages * os.Getpagesize()
		}
	}
	return fmt.Sprintf("%d MB heap %d MB resident", m.HeapAlloc>>20, resident>>20)
}

// lookup is one way to find orders.
type lookup struct {
	name     string
	question func(i int) schemas.OrdersFind
}

var lookups = []lookup{
	{"number", func(i int) schemas.OrdersFind { return schemas.OrdersFind{Number: strconv.Itoa(2026000000000000 + i)} }},
	{"telephone", func(i int) schemas.OrdersFind { return schemas.OrdersFind{Phone: strconv.Itoa(13900000000 + i/4)} }},
	{"telephone and last digits", func(i int) schemas.OrdersFind {
		return schemas.OrdersFind{Phone: strconv.Itoa(13900000000 + i/4), LastDigits: strconv.Itoa(2026000000000000 + i)[12:]}
	}},
	{"last digits alone", func(i int) schemas.OrdersFind {
		return schemas.OrdersFind{LastDigits: strconv.Itoa(2026000000000000 + i)[8:]}
	}},
}

// lookUp asks the store, two at a time, for orders all over the shop.
func (s *system) lookUp(ctx context.Context, l lookup, during time.Duration) (result, error) {
	r := result{times: &times{}}
	var found atomic.Int64
	errs := make([]error, 2)
	began := time.Now()
	var asking sync.WaitGroup
	for i := range errs {
		rng := rand.New(rand.NewPCG(7, uint64(i)))
		asking.Go(func() {
			for time.Since(began) < during && errs[i] == nil {
				at := time.Now()
				got, err := s.store.FindOrders(ctx, l.question(1+rng.IntN(s.orders-1)))
				r.times.add(time.Since(at))
				if errs[i] = err; err == nil && len(got.Orders) == 0 {
					errs[i] = fmt.Errorf("look-up by %s found nothing", l.name)
				}
				found.Add(1)
			}
		})
	}
	asking.Wait()
	r.rate, r.memory = float64(found.Load())/time.Since(began).Seconds(), "-"
	return r, errors.Join(errs...)
}
