package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// growth is how much more memory a worker may hold at the end than when it
// was warm, a quarter into the time, before the bench fails.
const growth = 1.1

// memory is what a worker holds, in megabytes.
type memory struct {
	resident, live float64
	goroutines     int
}

// keepSteady keeps the full rate up and looks at the worker's memory all the
// time, and each minute at what callers waited.
func (s *system) keepSteady(ctx context.Context, out io.Writer) error {
	if err := s.startService(ctx, "ticket", "TIDEGATE_TICKET_MAX_IN_FLIGHT="+strconv.Itoa(s.inFlight)); err != nil {
		return err
	}
	began := time.Now()
	parts := int(min(10, max(4, s.steady/time.Minute)))
	long := s.steady / time.Duration(parts)
	perPart := make([]times, parts+1)
	held := make([][]memory, parts+1)
	part := func(at time.Time) int { return min(int(at.Sub(began)/long), parts) }
	watching, enough := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		for watching.Err() == nil {
			if m, err := s.memory(watching); err == nil {
				i := part(time.Now())
				held[i] = append(held[i], m)
			}
			select {
			case <-watching.Done():
			case <-time.After(long / 12):
			}
		}
	})
	r, err := s.keepUp(ctx, s.rate, s.steady, func(due time.Time) *times { return &perPart[part(due)] })
	enough()
	watch.Wait()
	fmt.Fprintf(out, "%d tickets a second for %s, %.0f came about; CPU in ms a ticket: %s (%s)\n\n", s.rate, s.steady, r.rate, r.costs, costColumns)
	fmt.Fprintln(out, "| until | median | p99 | longest | worker, resident | live heap | goroutines |\n|---|---|---|---|---|---|---|")
	var at []memory
	for i := range parts {
		m := mean(held[i])
		at = append(at, m)
		fmt.Fprintf(out, "| %s | %s | %s | %s | %.1f MB | %.1f MB | %d |\n", long*time.Duration(i+1), ms(perPart[i].at(.5)), ms(perPart[i].at(.99)), ms(perPart[i].longest),
			m.resident, m.live, m.goroutines)
	}
	if err != nil {
		return err
	}
	warm, last := at[parts/4], at[parts-1]
	if last.live > warm.live*growth+1 || last.resident > warm.resident*growth+1 {
		return fmt.Errorf("memory grows: %.1f MB resident, %.1f MB live when warm; %.1f and %.1f at the end", warm.resident, warm.live, last.resident, last.live)
	}
	fmt.Fprintln(out, "\nMemory is flat. Every request has exactly one ticket.")
	return nil
}

func mean(list []memory) (m memory) {
	for _, x := range list {
		m.resident += x.resident / float64(len(list))
		m.live += x.live / float64(len(list))
		m.goroutines += x.goroutines
	}
	m.goroutines /= max(len(list), 1)
	return m
}

// memory asks the worker's own metrics. What is live is not among them, but
// when the collector runs next is: at twice that (GOGC is 100), give or take
// the stacks.
func (s *system) memory(ctx context.Context) (memory, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.ops+"/metrics", nil)
	if err != nil {
		return memory{}, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return memory{}, err
	}
	defer func() { _ = res.Body.Close() }()
	values := map[string]float64{}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if name, text, ok := strings.Cut(lines.Text(), " "); ok {
			if v, err := strconv.ParseFloat(text, 64); err == nil {
				values[name] = v
			}
		}
	}
	next, ok := values["go_memstats_next_gc_bytes"]
	if !ok {
		return memory{}, errors.Join(lines.Err(), errors.New("the worker tells nothing of its memory"))
	}
	return memory{resident(s.service.pid()), next / 2 / (1 << 20), int(values["go_goroutines"])}, lines.Err()
}
