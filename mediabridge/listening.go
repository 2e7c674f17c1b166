package mediabridge

import (
	"slices"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/dialect"
	"github.com/tidegate/tidegate/schemas"
)

// frame takes 20 ms of the caller's sound through detectors to the
// recogniser. It allocates nothing while no event comes of it.
func (s *session) frame(b []byte, now time.Time) {
	s.pcm = audio.DecodeL16(s.pcm[:0], b)
	key, pressed, tone := s.dtmf.frame(s.pcm)
	before := s.clockMS
	s.clockMS += frameMS
	if pressed {
		s.svc.metrics.digits.Inc()
		s.journal.reliable(schemas.MediaDigit{
			MediaEvent: s.journal.stamp(), Digit: string(rune(key.key)), DurationMS: int64(key.durationMS),
		})
	}
	a := s.voice.frame(s.pcm, tone)
	switch {
	case a.loud && a.runMS == frameMS:
		s.onsetMS, s.lastSpeechMS = before, s.clockMS
	case a.loud:
		s.lastSpeechMS = s.clockMS
	}
	s.preRoll.add(b)
	s.asr.frame(b)
	playing := s.playout.playing()
	h := s.turn.frame(a, promptOf(playing))
	if h.began {
		s.soundBegan(now)
	}
	if h.opened {
		s.speechStarted(h.bargeIn, playing, now)
	}
	if h.closed {
		s.speechEnded(now)
	}
	if h.noInput {
		s.svc.metrics.noInputs.Inc()
		s.journal.reliable(schemas.MediaNoInput{
			MediaEvent: s.journal.stamp(), Epoch: s.epoch, AfterMS: int64(s.turn.policy.NoInputMS),
		})
	}
	s.fill(now)
}

// soundBegan gives the recogniser what may become the caller's utterance,
// with what was heard just before.
func (s *session) soundBegan(now time.Time) {
	older, newer := s.preRoll.last(int((s.clockMS-s.onsetMS)/frameMS) + int(s.svc.cfg.PreRoll/frameTime))
	u := s.asr.open(s.epoch, s.onsetMS, older, newer)
	u.left = s.playout.left(now)
	if u := s.asr.overdue(); u != nil {
		s.unrecognised(u, now)
	}
}

// speechStarted makes the utterance under way the caller's turn, and with a
// barge-in ends the agent's.
func (s *session) speechStarted(bargeIn bool, playing *utterance, now time.Time) {
	s.hadSpeech, s.answered = true, false
	s.filler.cancel()
	s.take(s.asr.current, bargeIn, playing, now)
}

// take gives an utterance its place among the caller's turns.
func (s *session) take(u *spoken, bargeIn bool, playing *utterance, now time.Time) {
	e := schemas.MediaSpeechStarted{}
	if bargeIn {
		s.epoch++
		s.svc.metrics.bargeIns.Inc()
		e.Interrupted = playing.say.UtteranceID
		s.killAudio()
	}
	s.svc.metrics.utterances.Inc()
	s.turns++
	if u != nil {
		u.turn, u.epoch = s.turns, s.epoch
	}
	e.MediaEvent, e.Epoch = s.journal.stamp(), s.epoch
	s.journal.reliable(e)
	if bargeIn {
		s.playout.cut(now, "interrupted")
	}
}

// turnEnded is what the log says at the end of a turn; benchmarks of whole
// calls measure from there.
const turnEnded = "the caller's turn has ended"

// speechEnded is the end of the caller's turn; its final text follows.
func (s *session) speechEnded(now time.Time) {
	u := s.asr.close(s.lastSpeechMS, now)
	s.preRoll.clear()
	s.onsetMS = s.clockMS // for a caller who speaks on after the longest utterance
	s.svc.metrics.endpointing.Observe(float64(s.clockMS-s.lastSpeechMS) / 1000)
	s.log.Debug(turnEnded, "silence_ms", s.clockMS-s.lastSpeechMS)
	if u == nil {
		return
	}
	if u.turn > 0 {
		s.filler.await(s.turn.policy, s.clockMS)
	}
	if s.asrState == speechDown {
		s.unrecognised(s.asr.take(u.n), now)
	}
}

// unrecognised ends an utterance without a text, so that the turn goes on.
func (s *session) unrecognised(u *spoken, now time.Time) {
	s.svc.metrics.unrecognised.Inc()
	s.final(u, schemas.SpeechMessage{}, now)
}

// final ends an utterance with its text. Of sound that was nobody's turn yet
// the text decides what it was.
func (s *session) final(u *spoken, m schemas.SpeechMessage, now time.Time) {
	s.svc.metrics.recognition.Observe(now.Sub(u.endedAt).Seconds())
	if u.turn == 0 && !s.late(u, m, now) {
		return
	}
	if m.Text == "" {
		s.filler.cancel() // nothing was said that needs an answer
	}
	s.journal.reliable(schemas.MediaTranscript{
		MediaEvent: s.journal.stamp(), Epoch: u.epoch, Utterance: u.turn, Text: m.Text, Final: true,
		Confidence: m.Confidence, Language: m.Language, Dialect: m.Dialect,
		StartMS: u.startMS, EndMS: u.endMS, EndedAgoMS: s.clockMS - u.endMS,
	})
}

// answerWindow is how much of a question may be left when a word that is a
// backchannel elsewhere is taken for its answer.
const answerWindow = 1500 * time.Millisecond

// late decides on sound that came while a prompt played and has ended before
// anything was known of it: a word is the caller's turn after all, a
// backchannel is one only as the answer to the question that it came with,
// and nothing was a noise.
func (s *session) late(u *spoken, m schemas.SpeechMessage, now time.Time) bool {
	e := s.weigh(m)
	switch {
	case bareText(m.Text) == "" || s.doubtful(m):
		s.svc.metrics.falseStarts.WithLabelValues(falseNoise).Inc()
		return false
	case !e.word && !(e.answered && s.turn.policy.Expect == schemas.ExpectYesNo && u.left <= answerWindow):
		s.svc.metrics.falseStarts.WithLabelValues(falseBackchannel).Inc()
		return false
	}
	playing := s.playout.playing()
	if u.epoch != s.epoch || s.turn.open() {
		// Another turn has begun: these words have had their time.
		s.svc.metrics.falseStarts.WithLabelValues(falseLate).Inc()
		return false
	}
	s.hadSpeech, s.answered = true, false
	s.take(u, promptOf(playing) == promptInterruptible, playing, now)
	s.filler.await(s.turn.policy, s.clockMS)
	return true
}

// weigh is what a text says about the caller's turn; nothing, when the
// recogniser itself doubts it.
func (s *session) weigh(m schemas.SpeechMessage) evidence {
	if s.doubtful(m) {
		return evidence{}
	}
	return weigh(m.Text, s.turn.policy, s.svc.backchannels)
}

// doubtful tells whether a text is more likely a noise.
func (s *session) doubtful(m schemas.SpeechMessage) bool {
	return m.Confidence > 0 && m.Confidence < s.svc.cfg.MinConfidence
}

// partial is evidence for the turn, and news for whoever listens to it.
func (s *session) partial(u *spoken, m schemas.SpeechMessage) {
	if u == s.asr.current {
		s.turn.heard(s.weigh(m))
	}
	if u.turn == 0 {
		return
	}
	end := u.endMS
	if !u.ended {
		end = s.lastSpeechMS
	}
	s.journal.partial(schemas.MediaTranscript{
		MediaEvent: schemas.MediaEvent{CallID: s.call, AtMS: s.clockMS}, Epoch: u.epoch, Utterance: u.turn, Text: m.Text,
		Confidence: m.Confidence, Language: m.Language, Dialect: m.Dialect, StartMS: u.startMS, EndMS: end, EndedAgoMS: s.clockMS - end,
	})
}

// listen takes a policy into force.
func (s *session) listen(p schemas.ListenPolicy) {
	s.turn.listen(p)
	s.stockFillers(p)
	s.hearIn(p.Dialect)
	if len(p.Hints) > 0 && !slices.Equal(p.Hints, s.hints) {
		s.hints = p.Hints
		s.asr.text(schemas.SpeechMessage{Type: schemas.SpeechHints, Phrases: p.Hints})
	}
}

// hearIn asks for a recogniser of a dialect. It is asked for with every
// policy, as one that had no place may have one now.
func (s *session) hearIn(spoken string) {
	if s.asrLink == nil || spoken == "" || spoken == dialect.Mandarin && s.dialect == spoken {
		return
	}
	s.dialect = spoken
	s.asrLink.want(spoken)
}
