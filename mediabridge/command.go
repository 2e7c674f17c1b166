package mediabridge

import (
	"encoding/base64"
	"encoding/json"
	"hash/maphash"
	"slices"
	"time"

	"github.com/tidegate/tidegate/schemas"
)

// knownIDs is how many command ids a session remembers.
const knownIDs = 256

// maxQueue bounds the utterances that wait to be played.
const maxQueue = 32

// command is a message for a session, from the bus or through the switch.
type command struct {
	envelope schemas.Envelope
	data     any
	respond  func(schemas.MediaState) // nil when no answer is wanted
	viaSide  bool
}

// idMemory knows the newest ids, so that a command said twice counts once. Of
// each it keeps a hash: that two of a call's ids have the same one is less
// likely than a fault of the machine.
type idMemory struct {
	ring []uint64 // grows up to knownIDs
	at   int
}

var idSeed = maphash.MakeSeed()

// seen says whether an id came before, and remembers it.
func (m *idMemory) seen(id string) bool {
	h := maphash.String(idSeed, id)
	if slices.Contains(m.ring, h) {
		return true
	}
	if len(m.ring) < knownIDs {
		m.ring = append(m.ring, h)
		return false
	}
	m.ring[m.at] = h
	m.at = (m.at + 1) % knownIDs
	return false
}

// command does what one message says and counts what became of it.
func (s *session) command(c command, now time.Time) {
	result := "done"
	switch {
	case callOf(c.data) != s.call:
		result = "wrong_call"
		if callOf(c.data) == "" {
			result = "unexpected"
		}
		if s.worthLogging() {
			s.log.Warn("command refused", "type", c.envelope.Type, "result", result)
		}
	case s.ids.seen(c.envelope.Source + "\x00" + c.envelope.ID):
		result = "duplicate"
	case !s.obey(c, now):
		result = "stale"
	}
	s.svc.metrics.commands.WithLabelValues(result).Inc()
}

func callOf(data any) string {
	switch d := data.(type) {
	case *schemas.MediaSay:
		return d.CallID
	case *schemas.MediaStop:
		return d.CallID
	case *schemas.MediaListen:
		return d.CallID
	case *schemas.MediaSync:
		return d.CallID
	case *schemas.MediaClose:
		return d.CallID
	}
	return ""
}

// obey is false for a command of an epoch that is over.
func (s *session) obey(c command, now time.Time) bool {
	switch d := c.data.(type) {
	case *schemas.MediaSay:
		return s.say(*d, now)
	case *schemas.MediaStop:
		if d.Epoch < s.epoch {
			return false
		}
		s.epoch = d.Epoch
		s.silence(now, "stopped")
		s.turn.cancel()
	case *schemas.MediaListen:
		if !s.raise(d.Epoch, now) {
			return false
		}
		s.listen(d.Listen)
		if s.playout.idle() {
			s.turn.await()
		}
	case *schemas.MediaSync:
		s.sync(c, d.AfterSeq)
	case *schemas.MediaClose:
		s.end(closedByCommand)
	}
	return true
}

// raise moves the session to an epoch and cuts what belongs to older ones;
// false says that the epoch itself is an older one.
func (s *session) raise(epoch int, now time.Time) bool {
	if epoch < s.epoch {
		return false
	}
	if epoch > s.epoch {
		s.epoch = epoch
		s.silence(now, "stopped")
	}
	return true
}

func (s *session) say(say schemas.MediaSay, now time.Time) bool {
	if !s.raise(say.Epoch, now) {
		return false
	}
	u := &utterance{say: say, policy: say.Listen, progress: now}
	s.as.Voice, s.as.Rate = say.Voice, say.Rate
	if len(s.playout.queue) >= maxQueue {
		s.svc.metrics.drops.WithLabelValues("playout").Inc()
		s.ended(u, "failed", 0)
		return true
	}
	s.turn.cancel()
	s.playout.add(u)
	if s.ttsState == speechDown {
		s.tts.without(u)
	} else {
		s.tts.request(u, now)
	}
	return true
}

func (s *session) sync(c command, after uint64) {
	state := schemas.MediaState{
		CallID: s.call, LastSeq: s.journal.seq, Epoch: s.epoch, CallerSpeaking: s.turn.open(),
	}
	if u := s.playout.playing(); u != nil {
		state.Playing = u.say.UtteranceID
	}
	if c.respond != nil {
		c.respond(state)
	}
	connected := s.svc.bus.Connected() && !c.viaSide
	if !connected {
		s.journal.side(state)
	}
	for _, r := range s.journal.after(after) {
		s.journal.send(r, connected)
	}
}

// textFrame takes a text frame from the switch after the metadata: a command
// through the side channel, or an answer of the module that tells nothing.
func (s *session) textFrame(b []byte, now time.Time) {
	var head struct {
		Type  string `json:"type"`
		Event string `json:"event"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		s.malformed("switch", err)
		return
	}
	if head.Type != "tidegate" {
		if head.Event == "" && head.Type == "" {
			s.malformed("switch", schemas.ErrUnknownType)
		}
		return // marks and the like: our own byte clock is the truth
	}
	c, err := decodeSide(b)
	if err != nil {
		s.malformed("side", err)
		return
	}
	s.svc.metrics.side.WithLabelValues("in").Inc()
	s.command(c, now)
}

// decodeSide reads a bus message that came through the switch.
func decodeSide(b []byte) (command, error) {
	var m schemas.SideMessage
	if err := schemas.DecodeStrict(schemas.SchemaSide, b, &m); err != nil {
		return command{}, err
	}
	raw, err := base64.StdEncoding.DecodeString(m.Envelope)
	if err != nil {
		return command{}, schemas.ErrSyntax
	}
	e, data, err := schemas.Decode(raw)
	return command{envelope: e, data: data, viaSide: true}, err
}

// loggedRefusals bounds what a call's refused messages put into the log.
const loggedRefusals = 10

// malformed counts a message that makes no sense; its content is not logged.
func (s *session) malformed(source string, err error) {
	s.svc.metrics.malformed.WithLabelValues(source).Inc()
	if s.worthLogging() {
		s.log.Warn("message refused", "source", source, "error", err)
	}
}

func (s *session) worthLogging() bool {
	s.refusals++
	return s.refusals <= loggedRefusals
}
