package mediabridge

import "github.com/tidegate/tidegate/schemas"

// hearing is what the turn detector finds in a frame, as a set.
type hearing struct {
	began   bool // sound from here on goes to the recogniser
	opened  bool // it is the caller's turn
	bargeIn bool // it cuts the utterance that plays
	closed  bool // the turn ended, or what might have been one
	noInput bool // the caller said nothing for the policy's time
}

// turnState is where the caller's turn stands.
type turnState uint8

// The states. Unsure is sound while a prompt plays that may be a cough, a
// noise or a "嗯": the recogniser hears it, and nobody else is told until there
// is a word in it.
const (
	turnUnknown turnState = iota
	turnQuiet
	turnUnsure
	turnOpen
)

// prompting is what the caller hears meanwhile.
type prompting uint8

// Nothing, a prompt that has to be heard to its end, or one that may be cut.
const (
	promptNone prompting = iota
	promptWhole
	promptInterruptible
)

func promptOf(u *utterance) prompting {
	switch {
	case u == nil:
		return promptNone
	case u.say.Interruptible:
		return promptInterruptible
	}
	return promptWhole
}

// turn finds the beginning and end of the caller's turns in the detector's
// activity and the recogniser's partial texts. It is pure and counts time in
// frames.
type turn struct {
	minSpeechMS, bargeInMS, endpointMS, answerMS, numberMS, maxMS int

	policy schemas.ListenPolicy
	state  turnState
	// partials: the recogniser says words while the caller speaks, so that an
	// interruption waits for one.
	partials bool
	words    evidence

	lengthMS  int // of the utterance under way
	closedMS  int // since the last one was closed
	overlapMS int // speech of this run while a prompt plays
	waiting   bool
	waitedMS  int // of silence after play-out
}

func newTurn(cfg Config) turn {
	return turn{
		state:       turnQuiet,
		minSpeechMS: int(cfg.VAD.MinSpeech.Milliseconds()), bargeInMS: int(cfg.BargeIn.Milliseconds()),
		endpointMS: int(cfg.Endpoint.Milliseconds()), answerMS: int(cfg.AnswerEndpoint.Milliseconds()),
		numberMS: int(cfg.NumberEndpoint.Milliseconds()), maxMS: int(cfg.MaxUtterance.Milliseconds()),
		policy: schemas.ListenPolicy{Expect: schemas.ExpectNone},
	}
}

// open says whether it is the caller's turn.
func (t *turn) open() bool { return t.state == turnOpen }

// listen sets the policy.
func (t *turn) listen(p schemas.ListenPolicy) { t.policy = p }

// await starts to count silence: play-out is over, or was never there.
func (t *turn) await() {
	t.waiting, t.waitedMS = t.policy.NoInputMS > 0 && t.state == turnQuiet, 0
}

// cancel stops counting: something plays, or the caller spoke.
func (t *turn) cancel() { t.waiting = false }

// heard takes what the recogniser has understood of the utterance so far.
func (t *turn) heard(e evidence) { t.words = e }

// frame takes the activity of 20 ms.
func (t *turn) frame(a activity, p prompting) hearing {
	t.overlap(a, p)
	switch t.state {
	case turnOpen:
		return t.speaking(a)
	case turnUnsure:
		return t.unsure(a, p)
	default:
		return t.quiet(a, p)
	}
}

func (t *turn) quiet(a activity, p prompting) hearing {
	t.closedMS += frameMS
	if p != promptNone {
		if t.overlapMS < t.minSpeechMS {
			return hearing{noInput: t.wait()}
		}
		t.begin(turnUnsure, t.overlapMS)
		h := t.unsure(a, p)
		h.began = true
		return h
	}
	// Speech that goes on after the longest utterance begins a new one.
	run := min(a.runMS, t.closedMS)
	if run < t.minSpeechMS {
		return hearing{noInput: t.wait()}
	}
	t.begin(turnOpen, run)
	return hearing{began: true, opened: true}
}

func (t *turn) begin(s turnState, lengthMS int) {
	t.state, t.lengthMS, t.waiting, t.words = s, lengthMS, false, evidence{}
}

// unsure waits for what makes a turn of a noise: a word, where the recogniser
// gives words early, else that it goes on; or for the prompt to end.
func (t *turn) unsure(a activity, p prompting) hearing {
	t.lengthMS += frameMS
	said := t.words.word || !t.partials && t.overlapMS >= t.bargeInMS
	if p == promptNone {
		said = t.words.word || a.runMS > 0
	}
	if !said {
		return t.over(a)
	}
	t.state, t.overlapMS = turnOpen, 0
	return hearing{opened: true, bargeIn: p == promptInterruptible}
}

func (t *turn) speaking(a activity) hearing {
	t.lengthMS += frameMS
	return t.over(a)
}

// over ends the utterance after the silence that ends it.
func (t *turn) over(a activity) hearing {
	if a.quietMS < t.endpoint() && t.lengthMS < t.maxMS {
		return hearing{}
	}
	t.state, t.closedMS, t.overlapMS = turnQuiet, 0, 0
	return hearing{closed: true}
}

func (t *turn) overlap(a activity, p prompting) {
	switch {
	case a.runMS == 0 || p == promptNone:
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

// endpoint is the silence that ends the turn: by what was asked, sooner when
// that is answered already, later in the middle of a number.
func (t *turn) endpoint() int {
	base := t.endpointMS
	if t.policy.EndpointMS > 0 {
		base = t.policy.EndpointMS
	}
	switch {
	case t.words.answered:
		return min(base, orDefault(t.policy.AnswerMS, t.answerMS))
	case t.words.inNumber:
		return max(base, orDefault(t.policy.NumberMS, t.numberMS))
	}
	return base
}

func orDefault(ms, byDefault int) int {
	if ms > 0 {
		return ms
	}
	return byDefault
}
