package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/speech"
	"github.com/tidegate/tidegate/e2e/standalone"
)

// turnTimes are what callers waited for in whole calls.
type turnTimes struct {
	answers spread // end of the caller's speech to the first sound of the answer
	first   spread // INVITE to the first sound
	calls   int
	right   int // that ended with the right ticket
	left    int // that were not over in time
}

// callsAbreast is how many conversations there are at a time.
const callsAbreast = 20

// converse places calls in all phrasings with one voice, a few at a time, and
// measures at the callers' RTP.
func converse(ctx context.Context, up *standalone.Process, o caller.Options, voices []string) (turnTimes, error) {
	all, err := speech.Phrasings()
	if err != nil {
		return turnTimes{}, err
	}
	var t turnTimes
	var mu sync.Mutex
	var failed error
	places := make(chan struct{}, callsAbreast)
	var calls sync.WaitGroup
	for i, p := range all {
		places <- struct{}{}
		calls.Go(func() {
			defer func() { <-places }()
			o := o
			o.Scenario = p.Scenario(voices[i%len(voices)], fmt.Sprintf("4%03d", i))
			res, err := caller.Run(ctx, o)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case ctx.Err() != nil:
				t.left++
				return
			case err != nil:
				failed = errors.Join(failed, fmt.Errorf("%s: %w", p.Name, err))
				return
			}
			t.add(p, res)
		})
	}
	calls.Wait()
	return t, failed
}

func (t *turnTimes) add(p speech.Phrasing, res caller.Result) {
	t.calls++
	if p.Ticketed(res) == nil {
		t.right++
	}
	if res.FirstPromptMS != nil {
		t.first = append(t.first, time.Duration(*res.FirstPromptMS)*time.Millisecond)
	}
	for _, turn := range res.Turns {
		if turn.LatencyMS != nil {
			t.answers = append(t.answers, time.Duration(*turn.LatencyMS)*time.Millisecond)
		}
	}
}
