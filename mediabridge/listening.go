package mediabridge

import (
	"slices"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
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
	a := s.vad.frame(s.pcm, tone)
	switch {
	case a.loud && a.runMS == frameMS:
		s.onsetMS, s.lastSpeechMS = before, s.clockMS
	case a.loud:
		s.lastSpeechMS = s.clockMS
	}
	s.preRoll.add(b)
	s.asr.frame(b)
	playing := s.playout.playing()
	h := s.turn.frame(a, playing != nil && playing.say.Interruptible)
	if h.opened || h.bargeIn {
		s.speechStarted(h, playing, now)
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
}

// speechStarted opens the caller's utterance, interrupts the agent's, or
// both.
func (s *session) speechStarted(h hearing, playing *utterance, now time.Time) {
	e := schemas.MediaSpeechStarted{}
	if h.bargeIn {
		s.epoch++
		s.svc.metrics.bargeIns.Inc()
		e.Interrupted = playing.say.UtteranceID
		s.killAudio()
		if u := s.asr.current; u != nil {
			u.epoch = s.epoch // these words are what interrupted
		}
	}
	if h.opened {
		s.hadSpeech, s.answered = true, false
		s.svc.metrics.utterances.Inc()
		older, newer := s.preRoll.last(int((s.clockMS-s.onsetMS)/frameMS) + int(s.svc.cfg.PreRoll/frameTime))
		s.asr.open(s.epoch, s.onsetMS, older, newer)
		if u := s.asr.overdue(); u != nil {
			s.unrecognised(u, now)
		}
	}
	e.MediaEvent, e.Epoch = s.journal.stamp(), s.epoch
	s.journal.reliable(e)
	if h.bargeIn {
		s.playout.cut(now, "interrupted")
	}
}

// speechEnded is the end of the caller's turn; its final text follows.
func (s *session) speechEnded(now time.Time) {
	u := s.asr.close(s.lastSpeechMS, now)
	s.preRoll.clear()
	s.onsetMS = s.clockMS // for a caller who speaks on after the longest utterance
	s.svc.metrics.endpointing.Observe(float64(s.clockMS-s.lastSpeechMS) / 1000)
	if u != nil && s.asrState == speechDown {
		s.unrecognised(s.asr.take(u.n), now)
	}
}

// unrecognised ends an utterance without a text, so that the turn goes on.
func (s *session) unrecognised(u *spoken, now time.Time) {
	s.svc.metrics.unrecognised.Inc()
	s.final(u, schemas.SpeechMessage{}, now)
}

func (s *session) final(u *spoken, m schemas.SpeechMessage, now time.Time) {
	s.svc.metrics.recognition.Observe(now.Sub(u.endedAt).Seconds())
	s.journal.reliable(schemas.MediaTranscript{
		MediaEvent: s.journal.stamp(), Epoch: u.epoch, Utterance: u.n, Text: m.Text, Final: true,
		Confidence: m.Confidence, Language: m.Language, StartMS: u.startMS, EndMS: u.endMS, EndedAgoMS: s.clockMS - u.endMS,
	})
}

func (s *session) partial(u *spoken, m schemas.SpeechMessage) {
	end := u.endMS
	if !u.ended {
		end = s.lastSpeechMS
	}
	s.journal.partial(schemas.MediaTranscript{
		MediaEvent: schemas.MediaEvent{CallID: s.call, AtMS: s.clockMS}, Epoch: u.epoch, Utterance: u.n, Text: m.Text,
		Confidence: m.Confidence, Language: m.Language, StartMS: u.startMS, EndMS: end, EndedAgoMS: s.clockMS - end,
	})
}

// listen takes a policy into force.
func (s *session) listen(p schemas.ListenPolicy) {
	s.turn.listen(p)
	if len(p.Hints) > 0 && !slices.Equal(p.Hints, s.hints) {
		s.hints = p.Hints
		s.asr.text(schemas.SpeechMessage{Type: schemas.SpeechHints, Phrases: p.Hints})
	}
}
