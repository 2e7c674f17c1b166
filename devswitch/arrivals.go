package devswitch

// maxLate is how many frames of a caller may be late before silence is heard
// in their place: those that a missing packet holds up, see the reordering of
// package sipua, and one more.
const maxLate = 8

// steadyTicks is after how many frames in time the ones that are late are not
// expected any more: the sender has paused, or its clock is slower.
const steadyTicks = 50

// arrivals decides how many of a caller's frames a tick takes. It is pure.
type arrivals struct {
	missed int // ticks in a row without a frame
	owed   int // frames that may still come late
	steady int // ticks in a row with one
}

// taking is what a tick hears: frames that came, or silence.
type taking struct{ frames, silence int }

// tick takes the number of frames that wait.
func (a *arrivals) tick(waiting int) taking {
	if waiting == 0 {
		return a.miss()
	}
	a.missed = 0
	if a.steady++; a.steady >= steadyTicks {
		a.owed = 0
	}
	n := max(1+min(waiting/3, 3), min(1+a.owed, waiting))
	a.owed -= min(a.owed, n-1)
	return taking{frames: n}
}

func (a *arrivals) miss() taking {
	a.missed++
	a.steady = 0
	switch {
	case a.missed < maxLate:
		a.owed = min(a.owed+1, maxLate)
		return taking{}
	case a.missed == maxLate:
		a.owed = 0
		return taking{silence: maxLate}
	}
	return taking{silence: 1}
}
