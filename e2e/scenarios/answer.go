package scenarios

import "github.com/tidegate/tidegate/e2e/transcript"

// Answer is what the caller says when it hears the agent ask for something.
type Answer struct {
	// Asked are phrases of which one has to be in what the agent said. They
	// are compared by their sound, and of all answers that fit, the one that
	// sounds most like it is given.
	Asked []string
	// Say is the answer, in other words each time it is given again, the last
	// of them for good. Empty: the caller listens on.
	Say []string
	// Hangup: the caller has heard enough, and hangs up.
	Hangup bool
}

// Words are what is said when the answer is given for the n-th time, from 0.
func (a Answer) Words(n int) string { return a.Say[min(n, len(a.Say)-1)] }

// alike is how far what was heard may sound from a question to be taken for
// it: a third of its syllables altogether wrong, or most of them half.
const alike = 0.34

// Answer finds the answer to what was heard: the one whose question sounds
// most like a part of it, of equals the first; -1 when none does.
func (s Step) Answer(heard string) int {
	sounds := transcript.Syllables(heard)
	best, distance := -1, alike
	for i, a := range s.Answers {
		for _, phrase := range a.Asked {
			if d := transcript.Find(sounds, phrase).Distance; d <= alike && (best < 0 || d < distance) {
				best, distance = i, d
			}
		}
	}
	return best
}
