package caller

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/sipua"
	"github.com/tidegate/tidegate/workers/asr"
)

// maxLag is how far sending may fall behind before what was missed is left
// out, as a telephone would, rather than sent in a burst, which the far end's
// jitter buffer makes up for. A busy machine is late by that now and then.
const maxLag = 200 * time.Millisecond

const hangupTimeout = 3 * time.Second

// line is one call: a single goroutine sends, listens and measures.
type line struct {
	o      Options
	sounds map[lineOf]utterance
	res    *Result
	began  time.Time // INVITE

	sip  *sipua.Call
	ear  ear
	ears *ears // nil: what the agent says is of no account
	part *performance
	tape recording

	spoke    time.Time // first packet of the caller's present speech
	answered time.Time // last packet of it: the agent's answer is due
	due      int       // turn that it is due to; -1 none
	cut      int       // turn that interrupts the agent, who speaks still; -1 none

	keys     sync.WaitGroup
	released chan error // a key is up
	tone     []int16    // what the key sounds like, for the recording
}

func (l *line) tell(kind EventKind, text string) {
	l.o.OnEvent(Event{Scenario: l.res.Scenario, Kind: kind, At: time.Since(l.began), Text: text})
}

func (l *line) fail(format string, args ...any) {
	l.res.Failures = append(l.res.Failures, fmt.Sprintf(format, args...))
}

func (l *line) since(t time.Time) *int64 {
	n := t.Sub(l.began).Milliseconds()
	return &n
}

// place places the call and stays in it to its end.
func (l *line) place(ctx context.Context, ua *sipua.UA, uri string) error {
	limited, cancel := context.WithDeadline(ctx, l.began.Add(l.o.Scenario.Timeout))
	defer cancel()
	l.tell(EventDialing, "")
	call, err := ua.Invite(limited, sipua.InviteOptions{
		URI: uri, From: l.o.Scenario.From, Headers: map[string]string{HeaderScenario: l.o.Scenario.Name},
		OnProgress: func(int, bool) { l.tell(EventRinging, "") },
	})
	var refused *sipua.StatusError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &refused):
		l.res.SIPStatus = refused.Status
		l.fail("the call was refused with %d %s", refused.Status, refused.Reason)
		l.tell(EventRefused, fmt.Sprint(refused.Status))
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		l.fail("the call was not answered within %s", l.o.Scenario.Timeout)
		return nil
	case err != nil:
		return fmt.Errorf("caller: %w", err)
	}
	now := time.Now()
	l.sip, l.res.SIPStatus, l.res.AnsweredMS = call, 200, l.since(now)
	l.tell(EventAnswered, "")
	return l.talk(ctx, limited)
}

// talk is the answered part of the call. Ctx is the user's, limited has the
// scenario's time limit.
func (l *line) talk(ctx, limited context.Context) error {
	now := time.Now()
	l.due, l.cut, l.released = -1, -1, make(chan error, 1)
	l.part = newPerformance(now, l.o.Scenario.Caller, l.sounds, &l.ear)
	next := now
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer l.keys.Wait()
	if err := l.listen(ctx); err != nil {
		l.hangup(limited)
		return err
	}
	defer l.deafen()
	frames := l.sip.Frames()
	for {
		select {
		case f, ok := <-frames:
			if !ok {
				frames = nil
				continue
			}
			l.hear(time.Now(), f)
		case <-timer.C:
			now = time.Now()
			if lag := now.Sub(next); lag >= maxLag {
				missed := lag / frameTime
				l.tape.skipped(int(missed) * frameSamples)
				next = next.Add(missed * frameTime)
			}
			if l.tick(limited, now) {
				l.hangup(limited)
				return nil
			}
			next = next.Add(frameTime)
			timer.Reset(time.Until(next))
		case err := <-l.released:
			l.keyUp(time.Now(), err)
		case ev, ok := <-l.ears.events():
			l.understand(time.Now(), ev, ok)
		case <-l.sip.Done():
			l.agentLeft(frames)
			return nil
		case <-limited.Done():
			if ctx.Err() == nil {
				l.overtime()
			}
			l.hangup(limited)
			return ctx.Err()
		}
	}
}

// hear takes a received frame.
func (l *line) hear(now time.Time, f sipua.Frame) {
	l.tape.heard(f.Timestamp, f.PCM)
	l.silence(now)
	spoke := l.ear.frame(now, f.PCM)
	l.unheard(l.ears.frame(f.PCM, l.ear.speaking))
	if !spoke {
		return
	}
	began := l.ear.began
	if l.res.FirstPromptMS == nil {
		l.res.FirstPromptMS = l.since(began)
	}
	if l.due >= 0 && !began.Before(l.answered) {
		n := began.Sub(l.answered).Milliseconds()
		l.res.Turns[l.due].LatencyMS = &n
		l.due = -1
	}
	l.tell(EventAgentSpeaks, "")
}

// silence notices that the agent's speech is over.
func (l *line) silence(now time.Time) {
	if !l.ear.tick(now) {
		return
	}
	if l.cut >= 0 {
		n := max(0, l.ear.lastLoud.Sub(l.spoke).Milliseconds())
		l.res.Turns[l.cut].StoppedMS = &n
		l.cut = -1
	}
	l.tell(EventAgentSilent, "")
}

var silence = make([]int16, frameSamples)

// tick sends one frame; true: the caller hangs up.
func (l *line) tick(ctx context.Context, now time.Time) bool {
	l.silence(now)
	d := l.part.tick(now)
	if d.failure != "" {
		l.fail("%s", d.failure)
	}
	if d.listened {
		any, err := l.ears.words()
		l.unheard(err)
		if !any || err != nil {
			l.part.understood(now, "")
		}
	}
	if d.began != nil {
		l.turn(now, d.began)
	}
	if d.hangup {
		return true
	}
	if d.press != 0 {
		l.press(ctx, d.press)
	}
	l.send(d.pcm)
	if d.soundEnded != nil {
		l.answerDue(time.Now())
	}
	if d.ended != nil && d.ended.Speaks() {
		l.tell(EventCallerSilent, "")
	}
	return false
}

// turn begins what the caller says or keys.
func (l *line) turn(now time.Time, s *scenarios.Step) {
	t := Turn{Said: s.Say, Input: "speech", AtMS: *l.since(now), Heard: l.part.heard}
	l.part.heard = ""
	kind := EventCallerSpeaks
	switch {
	case s.Digits != "":
		t.Said, t.Input, kind = s.Digits, "dtmf", EventCallerKeys
	case s.Say == "":
		t.Said = s.Play
	}
	l.res.Turns = append(l.res.Turns, t)
	l.due, l.spoke = -1, now
	if l.cut = -1; s.Interrupt && l.ear.speaking {
		l.cut = len(l.res.Turns) - 1
	}
	l.tell(kind, t.Said)
}

// listen begins to take words from what is heard, where the scenario wants
// them.
func (l *line) listen(ctx context.Context) (err error) {
	if l.ears, err = newEars(ctx, l.o); err != nil {
		return fmt.Errorf("caller: %w", err)
	}
	return nil
}

func (l *line) deafen() {
	if err := l.ears.close(); err != nil {
		l.o.Log.Warn("the caller's recogniser did not close", "error", err)
	}
	l.ears = nil
}

// understand takes an event of the caller's recogniser.
func (l *line) understand(now time.Time, ev asr.Event, ok bool) {
	switch {
	case !ok:
		l.unheard(asr.ErrClosed)
		l.ears = nil
	case ev.Kind == asr.EventFinal:
		l.tell(EventCallerHears, ev.Text)
		l.part.understood(now, ev.Text)
	case ev.Kind == asr.EventError:
		l.unheard(ev.Err)
		l.part.understood(now, "")
	}
}

// unheard notes what keeps the caller from understanding the agent.
func (l *line) unheard(err error) {
	if err != nil {
		l.fail("the caller could not hear the agent: %v", err)
	}
}

// answerDue starts the clock of the agent's answer.
func (l *line) answerDue(now time.Time) {
	l.due, l.answered = len(l.res.Turns)-1, now
}

// send sends a frame, of silence when there is none, and records it. A key's
// tone is recorded as heard in the telephone; it is sent as an event.
func (l *line) send(pcm []int16) {
	if pcm == nil {
		pcm = silence
	}
	_ = l.sip.WriteFrame(pcm) // fails only when the call is over, which Done tells
	if len(l.tone) >= frameSamples {
		pcm, l.tone = l.tone[:frameSamples], l.tone[frameSamples:]
	}
	l.tape.sent(pcm)
}

func (l *line) press(ctx context.Context, key rune) {
	l.tone = audio.DTMFTone(key, pressTime, rate)
	call, released := l.sip, l.released
	l.keys.Go(func() { released <- call.SendDTMF(ctx, key, pressTime) }) // ends with the call at the latest; room for one
}

func (l *line) keyUp(now time.Time, err error) {
	if err != nil && !errors.Is(err, sipua.ErrMediaClosed) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		l.fail("a key could not be sent: %v", err)
	}
	if l.part.released(now) {
		l.answerDue(now)
	}
}

func (l *line) hangup(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hangupTimeout)
	defer cancel()
	l.res.EndedBy = scenarios.EndedByCaller
	if err := l.sip.Hangup(ctx, sipua.CauseNormalClearing); err != nil {
		l.o.Log.Warn("hang-up not confirmed", "scenario", l.res.Scenario, "error", err)
	}
	l.tell(EventHungUp, scenarios.EndedByCaller)
}

// agentLeft ends a call that the other side has hung up.
func (l *line) agentLeft(frames <-chan sipua.Frame) {
	if frames != nil {
		for f := range frames { // what had arrived; the channel closes with the call
			l.hear(time.Now(), f)
		}
	}
	l.res.EndedBy = scenarios.EndedByAgent
	l.tell(EventHungUp, scenarios.EndedByAgent)
	if i, left := l.part.needsAgent(); left {
		s := l.o.Scenario.Caller[i]
		l.fail("the agent hung up (Q.850 cause %d) before item %d (line %d): %s", l.sip.EndCause().Q850, i+1, s.Line, s)
	}
}

func (l *line) overtime() {
	if s := l.part.step(); s != nil {
		l.fail("the call was not over within %s: item %d (line %d) was going on: %s", l.o.Scenario.Timeout, l.part.index+1, s.Line, s)
		return
	}
	l.fail("the call was not over within %s", l.o.Scenario.Timeout)
}
