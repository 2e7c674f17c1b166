package mediabridge

import "github.com/tidegate/tidegate/schemas"

// hearing is what the turn detector finds in a frame, as a set.
type hearing struct {
	opened  bool // the caller's utterance began
	bargeIn bool // it cuts the utterance that plays
	closed  bool // the caller's turn ended
	noInput bool // the caller said nothing for the policy's time
}

// turn finds the beginning and end of the caller's turns in the detector's
// activity. It is pure and counts time in frames.
type turn struct {
	minSpeechMS, bargeInMS, endpointMS, maxMS int

	policy    schemas.ListenPolicy
	open      bool
	lengthMS  int // of the open utterance
	closedMS  int // since the last one was closed
	overlapMS int // speech of this run while an interruptible utterance plays
	waiting   bool
	waitedMS  int // of silence after play-out
}

func newTurn(cfg Config) turn {
	return turn{
		minSpeechMS: int(cfg.VAD.MinSpeech.Milliseconds()), bargeInMS: int(cfg.BargeIn.Milliseconds()),
		endpointMS: int(cfg.Endpoint.Milliseconds()), maxMS: int(cfg.MaxUtterance.Milliseconds()),
		policy: schemas.ListenPolicy{Expect: schemas.ExpectNone},
	}
}

// listen sets the policy.
func (t *turn) listen(p schemas.ListenPolicy) { t.policy = p }

// await starts to count silence: play-out is over, or was never there.
func (t *turn) await() {
	t.waiting, t.waitedMS = t.policy.NoInputMS > 0 && !t.open, 0
}

// cancel stops counting: something plays, or the caller spoke.
func (t *turn) cancel() { t.waiting = false }

// frame takes the activity of 20 ms. Interruptible says that an utterance
// plays which the caller may cut.
func (t *turn) frame(a activity, interruptible bool) hearing {
	var h hearing
	t.overlap(a, interruptible)
	h.bargeIn = interruptible && t.overlapMS >= t.bargeInMS
	if h.bargeIn {
		t.overlapMS = 0
	}
	if !t.open {
		t.closedMS += frameMS
		// Speech that goes on after the longest utterance begins a new one.
		run := min(a.runMS, t.closedMS)
		h.opened = h.bargeIn || (!interruptible && run >= t.minSpeechMS)
		if h.opened {
			t.open, t.lengthMS, t.waiting = true, run, false
			return h
		}
		h.noInput = t.wait()
		return h
	}
	t.lengthMS += frameMS
	h.closed = a.quietMS >= t.endpoint() || t.lengthMS >= t.maxMS
	if h.closed {
		t.open, t.closedMS = false, 0
	}
	return h
}

func (t *turn) overlap(a activity, interruptible bool) {
	switch {
	case a.runMS == 0 || !interruptible:
		t.overlapMS = 0
	case a.loud:
		t.overlapMS += frameMS
	}
}

func (t *turn) wait() bool {
	if !t.waiting {
		return false
	}
	t.waitedMS += frameMS
	if t.waitedMS < t.policy.NoInputMS {
		return false
	}
	t.waiting = false
	return true
}

func (t *turn) endpoint() int {
	if t.policy.EndpointMS > 0 {
		return t.policy.EndpointMS
	}
	return t.endpointMS
}
