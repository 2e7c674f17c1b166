package caller

import (
	"time"

	"github.com/tidegate/tidegate/e2e/scenarios"
)

// listen waits for the end of what the agent says.
func (p *performance) listen(s *scenarios.Step, now time.Time) doing {
	if p.ear.silent(now, s.Silence) {
		p.stage = stageUnderstanding
		return doing{listened: true}
	}
	if now.Sub(p.since) >= s.Timeout {
		return p.inVain(s, "something to answer")
	}
	return doing{}
}

// understood takes the words of what the agent said. Who goes on talking is
// listened to before anything is said.
func (p *performance) understood(now time.Time, words string) {
	s := p.step()
	if p.stage != stageUnderstanding || s == nil {
		return
	}
	p.heard += words
	p.stage, p.since = stageListening, now
	if p.ear.speaking {
		return
	}
	p.ear.forget()
	i := s.Answer(p.heard)
	switch {
	case i < 0 && p.line.answer == ownLine: // nothing was said yet that could be said again
		return
	case i < 0:
		i = p.line.answer
	case s.Answers[i].Hangup:
		p.stage = stageOver
		return
	case len(s.Answers[i].Say) == 0:
		p.heard = ""
		return
	}
	a := s.Answers[i]
	p.line = lineOf{p.index, i, min(p.given[i], len(a.Say)-1)}
	p.saying = &scenarios.Step{Line: s.Line, Say: a.Words(p.given[i])}
	p.given[i]++
	p.stage, p.frame = stageSpeaking, 0
}
