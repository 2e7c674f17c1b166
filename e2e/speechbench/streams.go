package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/tidegate/tidegate/e2e/noise"
	"github.com/tidegate/tidegate/workers/asr"
)

// partialLimit is how late a partial text may come, at the 95th percentile,
// for a recogniser to count as keeping up.
const partialLimit = 300 * time.Millisecond

// Steps of the search for the most streams at a time.
const (
	firstStreams = 16
	mostStreams  = 1024
	stepSound    = 6 * time.Second // of each stream in a step
)

// text is a partial text and when it came, from its stream's first frame.
type partial struct {
	text string
	at   time.Duration
}

// ramp finds how many streams in real time an engine carries with its partial
// texts in time. Steps double until the limit breaks, then the half between
// the last two is tried.
func ramp(ctx context.Context, e asr.Engine, sound []int16, tell func(string, ...any)) (streams int, lags spread, err error) {
	alone, err := together(ctx, e, sound, 1)
	if err != nil {
		return 0, nil, err
	}
	if len(alone[0]) == 0 {
		return 0, nil, errors.New("the recogniser gives no partial texts for this sound")
	}
	good, bad := 0, 0
	for n := firstStreams; n <= mostStreams && n != good; {
		runs, err := together(ctx, e, sound, n)
		switch {
		case ctx.Err() != nil:
			return good, lags, ctx.Err()
		case errors.Is(err, asr.ErrOverloaded):
			runs = nil // it says itself that it has no room
		case err != nil:
			return good, lags, err
		}
		var all spread
		for _, run := range runs {
			all = append(all, late(alone[0], run)...)
		}
		tell("%d streams: partial texts %s late (p95 of %d)", n, all.cell(95), len(all))
		if len(all) > 0 && all.at(95) < partialLimit {
			good, lags = n, all
		} else {
			bad = n
		}
		switch {
		case bad == 0:
			n *= 2
		case bad-good > max(2, good/4):
			n = (good + bad) / 2
		default:
			return good, lags, nil
		}
	}
	return good, lags, nil
}

// late is how much later than alone each partial text came. A text that was
// passed over, because more was heard by then, came with the one after it;
// what never came is as late as the whole run.
func late(alone, run []partial) spread {
	var out spread
	next := 0
	for _, want := range alone {
		at := next
		for at < len(run) && run[at].text != want.text && len(run[at].text) < len(want.text) {
			at++
		}
		if at == len(run) {
			out = append(out, stepSound)
			continue
		}
		next = at
		out = append(out, max(0, run[at].at-want.at))
	}
	return out
}

// together runs n streams in real time; they begin apart, as calls do.
func together(ctx context.Context, e asr.Engine, sound []int16, n int) ([][]partial, error) {
	runs, errs := make([][]partial, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { runs[i], errs[i] = listen(ctx, e, sound, time.Duration(i)*time.Second/time.Duration(n)) })
	}
	all.Wait()
	return runs, firstError(errs...)
}

// listen runs one stream in real time, after a pause.
func listen(ctx context.Context, e asr.Engine, sound []int16, pause time.Duration) (texts []partial, err error) {
	stream, err := e.Start(ctx, asr.Options{CallID: "bench", Language: "zh-CN", SampleRate: noise.Rate})
	if err != nil {
		return nil, err
	}
	time.Sleep(pause)
	began := time.Now()
	var reading sync.WaitGroup
	var failed error
	final := make(chan struct{})
	reading.Go(func() {
		for ev := range stream.Events() {
			switch ev.Kind {
			case asr.EventPartial:
				texts = append(texts, partial{ev.Text, time.Since(began)})
			case asr.EventError:
				failed = ev.Err
				close(final)
			case asr.EventFinal:
				close(final)
			}
		}
	})
	err = feed(ctx, stream, sound, began)
	if err == nil {
		select {
		case <-final:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	err = errors.Join(err, stream.Close())
	reading.Wait()
	return texts, errors.Join(err, failed)
}

const frameTime = 20 * time.Millisecond

func feed(ctx context.Context, stream asr.Stream, sound []int16, began time.Time) error {
	if err := stream.SpeechStart(1); err != nil {
		return err
	}
	const chunk = noise.Rate / 50
	for at, n := 0, 1; at+chunk <= len(sound); at, n = at+chunk, n+1 {
		if err := stream.Audio(sound[at : at+chunk]); err != nil {
			return err
		}
		if wait := time.Until(began.Add(time.Duration(n) * frameTime)); wait > 0 {
			time.Sleep(wait)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return stream.SpeechEnd(1)
}

// streamsCell says how many streams a core carries.
func streamsCell(n int) string {
	cores := runtime.GOMAXPROCS(0)
	return fmt.Sprintf("%d (%d on %d cores)", n/cores, n, cores)
}
