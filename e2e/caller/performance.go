package caller

import (
	"fmt"
	"time"

	"github.com/tidegate/tidegate/e2e/scenarios"
)

// Keypad presses as people make them.
const (
	pressTime = 120 * time.Millisecond
	pressGap  = 80 * time.Millisecond
)

type stage uint8

const (
	stageUnknown stage = iota
	stageWaiting       // for what the step waits for
	stagePausing
	stageSpeaking
	stageKeying        // digits; one is down, or the gap after it runs
	stageListening     // to what an answer is due to
	stageUnderstanding // the words of it are on their way
	stageOver
)

// performance carries out the time line. It is pure: once in 20 ms it is
// asked what to do.
type performance struct {
	steps  []scenarios.Step
	sounds map[lineOf]utterance
	ear    *ear

	index int
	stage stage
	since time.Time // the stage began

	heard  string      // words of the agent that no answer was given to
	line   lineOf      // that is said, or was said last
	given  map[int]int // times that an answer was
	saying *scenarios.Step

	frame int // next of the utterance
	digit int // next of the digits
	down  bool
	up    time.Time // of the last key
}

// doing is what the caller does in one frame's time.
type doing struct {
	pcm    []int16 // nil is silence
	press  rune    // a key goes down now
	hangup bool
	// listened: the agent has finished; its words are wanted.
	listened bool
	// What happened, for measures and display.
	began, soundEnded, ended *scenarios.Step
	failure                  string
}

func newPerformance(now time.Time, steps []scenarios.Step, sounds map[lineOf]utterance, e *ear) *performance {
	p := &performance{steps: steps, sounds: sounds, ear: e}
	p.enter(now)
	return p
}

// step is the present one; nil after the last.
func (p *performance) step() *scenarios.Step {
	if p.index >= len(p.steps) {
		return nil
	}
	return &p.steps[p.index]
}

// enter begins the present step.
func (p *performance) enter(now time.Time) {
	p.since, p.frame, p.digit, p.down, p.up = now, 0, 0, false, time.Time{}
	p.line, p.heard, p.given = lineOf{p.index, ownLine, 0}, "", map[int]int{}
	switch s := p.step(); {
	case s == nil:
		p.stage = stageOver
	case len(s.Answers) > 0:
		p.stage = stageListening
	default:
		p.stage = stageWaiting
	}
}

func (p *performance) next(now time.Time) {
	p.index++
	p.enter(now)
}

// needsAgent tells whether something is left that cannot be done alone.
func (p *performance) needsAgent() (int, bool) {
	for i := p.index; i < len(p.steps); i++ {
		if p.steps[i].NeedsAgent() {
			return i, true
		}
	}
	return 0, false
}

// tick is called every 20 ms. Steps that take no time follow each other in
// one tick; a step that makes sound or presses keys ends it.
func (p *performance) tick(now time.Time) doing {
	for {
		s := p.step()
		if s == nil {
			return doing{hangup: true}
		}
		switch p.stage {
		case stageWaiting:
			done, late := p.waited(s, now)
			if late {
				return p.inVain(s, string(s.Wait))
			}
			if !done {
				return doing{}
			}
			if s.Wait != scenarios.WaitNothing {
				p.ear.forget()
			}
			p.stage, p.since = stagePausing, now
		case stagePausing:
			if now.Sub(p.since) < s.Pause {
				return doing{}
			}
			switch {
			case s.Speaks():
				p.saying = s
				p.stage, p.since = stageSpeaking, now
				return p.speak(now)
			case s.Digits != "":
				p.stage, p.since = stageKeying, now
				return p.key(s, now)
			case s.Hangup:
				p.stage = stageOver
				return doing{hangup: true}
			}
			p.next(now)
		case stageSpeaking:
			return p.speak(now)
		case stageListening:
			return p.listen(s, now)
		case stageUnderstanding:
			return doing{}
		case stageKeying:
			return p.key(s, now)
		default:
			return doing{hangup: true}
		}
	}
}

func (p *performance) waited(s *scenarios.Step, now time.Time) (done, late bool) {
	switch s.Wait {
	case scenarios.WaitPromptStart:
		done = p.ear.heard
	case scenarios.WaitPromptEnd:
		done = p.ear.silent(now, s.Silence)
	case scenarios.WaitHangup:
	default:
		return true, false
	}
	return done, !done && s.Timeout > 0 && now.Sub(p.since) >= s.Timeout
}

func (p *performance) inVain(s *scenarios.Step, what string) doing {
	return doing{hangup: true, failure: fmt.Sprintf("item %d (line %d) waited %s for %s in vain", p.index+1, s.Line, s.Timeout, what)}
}

func (p *performance) speak(now time.Time) doing {
	var d doing
	s := p.saying
	u := p.sounds[p.line]
	if p.frame == 0 {
		d.began = s
		if s.Interrupt {
			if !p.ear.talking(now) {
				d.failure = fmt.Sprintf("item %d (line %d) was to interrupt the agent, who did not speak", p.index+1, s.Line)
			}
			p.ear.forgetCut(now)
		}
	}
	if p.frame < u.frames() {
		d.pcm = u.frame(p.frame)
		p.frame++
	}
	if p.frame-1 == u.last {
		d.soundEnded = s
		p.ear.forget()
	}
	if p.frame >= u.frames() {
		d.ended = s
		if p.line.answer == ownLine {
			p.next(now)
		} else {
			p.stage, p.since = stageListening, now
		}
	}
	return d
}

// key presses one digit after the other; released says that one is up.
func (p *performance) key(s *scenarios.Step, now time.Time) doing {
	if p.down || now.Sub(p.up) < pressGap {
		return doing{}
	}
	if p.digit >= len(s.Digits) {
		p.next(now)
		return doing{ended: s}
	}
	d := doing{press: rune(s.Digits[p.digit])}
	if p.digit == 0 {
		d.began = s
	}
	p.digit++
	p.down = true
	return d
}

// released notes that the key is up again; last tells that it was the step's
// last one, whose end is the end of what the caller had to say.
func (p *performance) released(now time.Time) (last bool) {
	p.down, p.up = false, now
	s := p.step()
	last = s != nil && p.digit >= len(s.Digits)
	if last {
		p.ear.forget()
	}
	return last
}
