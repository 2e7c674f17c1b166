package e2e_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/sipua"
)

const (
	phoneFrame = 20 * time.Millisecond
	phoneLoud  = -45 // dBFS; prompts are far over it
)

// phone is a caller's telephone, which notes when it sent and heard what. It
// sends by its own clock, silence when there is nothing to say.
type phone struct {
	t    testing.TB
	call *sipua.Call
	wg   sync.WaitGroup

	mu        sync.Mutex
	say       []int16
	spoken    chan struct{} // closed when say is empty
	first     time.Time     // the first packet of what was said last,
	last      time.Time     // and its last
	loud      []time.Time   // when loud frames arrived
	recording bool
	heard     []sipua.Frame
}

// dial places a call, of a scenario's name, and stays in it.
func dial(t testing.TB, ua *sipua.UA, target, from, scenario string) *phone {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	call, err := ua.Invite(ctx, sipua.InviteOptions{
		URI: "sip:4008@" + target, From: from, Headers: map[string]string{caller.HeaderScenario: scenario},
	})
	if err != nil {
		t.Fatalf("%s: %v", scenario, err)
	}
	p := &phone{t: t, call: call}
	p.wg.Go(p.send)
	p.wg.Go(p.listen)
	return p
}

func (p *phone) hangup() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = p.call.Hangup(ctx, sipua.CauseNormalClearing) // the agent may have been first
	p.wg.Wait()
}

func (p *phone) send() {
	next := time.Now()
	quiet := make([]int16, 160)
	for {
		select {
		case <-p.call.Done():
			return
		case <-time.After(time.Until(next)):
		}
		if lag := time.Since(next); lag > 100*time.Millisecond {
			next = next.Add(lag.Truncate(phoneFrame))
		}
		next = next.Add(phoneFrame)
		frame := quiet
		p.mu.Lock()
		now := time.Now()
		if len(p.say) > 0 {
			frame = p.say[:160]
			p.say = p.say[160:]
			if p.first.IsZero() {
				p.first = now
			}
			p.last = now
			if len(p.say) == 0 {
				close(p.spoken)
			}
		}
		p.mu.Unlock()
		_ = p.call.WriteFrame(frame) // an ended call shows in Done
	}
}

func (p *phone) listen() {
	for f := range p.call.Frames() {
		now := time.Now()
		p.mu.Lock()
		if audio.DBFS(f.PCM) >= phoneLoud {
			p.loud = append(p.loud, now)
		}
		if p.recording {
			p.heard = append(p.heard, f)
		}
		p.mu.Unlock()
	}
}

// speak sends sound and returns the times of its first and last packet.
func (p *phone) speak(pcm []int16) (first, last time.Time) {
	p.mu.Lock()
	spoken := make(chan struct{})
	p.say, p.spoken, p.first = pcm[:len(pcm)/160*160], spoken, time.Time{}
	p.mu.Unlock()
	select {
	case <-spoken:
	case <-p.call.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.first, p.last
}

// hears gives the first loud frame after a time, false when none came within
// a limit or the call is over.
func (p *phone) hears(after time.Time, limit time.Duration) (time.Time, bool) {
	for end := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
		p.mu.Lock()
		for _, at := range p.loud {
			if at.After(after) {
				p.mu.Unlock()
				return at, true
			}
		}
		p.mu.Unlock()
		select {
		case <-p.call.Done():
			return time.Time{}, false
		default:
		}
		if time.Now().After(end) {
			return time.Time{}, false
		}
	}
}

// silence waits until nothing was loud for a while, after something was, and
// gives the last loud frame.
func (p *phone) silence(d, limit time.Duration) (time.Time, bool) {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		p.mu.Lock()
		n := len(p.loud)
		var last time.Time
		if n > 0 {
			last = p.loud[n-1]
		}
		p.mu.Unlock()
		if n > 0 && time.Since(last) >= d {
			return last, true
		}
		select {
		case <-p.call.Done():
			return last, false
		default:
		}
	}
	return time.Time{}, false
}

// forget starts to listen anew.
func (p *phone) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loud = p.loud[:0]
}

// record begins to keep what is heard.
func (p *phone) record() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recording, p.heard = true, nil
}

// recorded is what was heard since, in the order in which it came.
func (p *phone) recorded() []int16 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var pcm []int16
	for _, f := range p.heard {
		pcm = append(pcm, f.PCM...)
	}
	return pcm
}
