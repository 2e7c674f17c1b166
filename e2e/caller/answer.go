package caller

import (
	"time"

	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/e2e/transcript"
)

// alike is how far what was heard may sound from a question to be taken for
// it: a third of its syllables altogether wrong, or most of them half.
const alike = 0.34

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
	i := choose(s.Answers, p.heard)
	switch {
	case i >= 0 && s.Answers[i].Say == "":
		p.heard = ""
		return
	case i >= 0:
		p.answer = i
	case p.answer == ownLine: // nothing was said yet that could be said again
		return
	}
	p.saying = &scenarios.Step{Line: s.Line, Say: s.Answers[p.answer].Say}
	p.stage, p.frame = stageSpeaking, 0
}

// choose finds the answer to what was heard: the one whose question sounds
// most like a part of it, of equals the first; -1 when none does.
func choose(answers []scenarios.Answer, heard string) int {
	sounds := transcript.Syllables(heard)
	best, distance := -1, alike
	for i, a := range answers {
		for _, phrase := range a.Asked {
			if d := transcript.Find(sounds, phrase).Distance; d <= alike && (best < 0 || d < distance) {
				best, distance = i, d
			}
		}
	}
	return best
}
