package mediabridge

import (
	"time"

	"github.com/tidegate/tidegate/schemas"
)

// killMessage empties the module's play-out buffer, or ends its file.
type killMessage struct {
	Type string `json:"type"`
}

// started and ended are play-out's reports.
func (s *session) started(u *utterance) {
	since := int64(-1)
	if !u.isFiller() {
		s.filler.cancel()
	}
	if s.hadSpeech {
		since = max(0, s.clockMS-s.lastSpeechMS)
		if !s.answered && !s.turn.open() {
			s.answered = true
			s.svc.metrics.response.Observe(float64(since) / 1000)
		}
	}
	s.journal.reliable(schemas.MediaPlayoutStarted{
		MediaEvent: s.journal.stamp(), Epoch: u.say.Epoch, UtteranceID: u.say.UtteranceID, SinceSpeechMS: since,
	})
	if !u.isFiller() {
		s.listen(u.policy)
	}
}

func (s *session) ended(u *utterance, reason string, heard time.Duration) {
	s.tts.cancel(u)
	if s.awaited == u {
		s.awaited = nil
	}
	s.svc.metrics.playouts.WithLabelValues(reason).Inc()
	total := s.playout.total(u)
	if reason == "finished" {
		heard = total
	}
	s.journal.reliable(schemas.MediaPlayoutEnded{
		MediaEvent: s.journal.stamp(), Epoch: u.say.Epoch, UtteranceID: u.say.UtteranceID, Reason: reason,
		HeardMS: heard.Milliseconds(), TotalMS: total.Milliseconds(), HeardText: heardText(u.say.Text, heard, total),
	})
	if u.isFiller() || reason != "finished" && reason != "failed" {
		return
	}
	if !u.told {
		s.listen(u.policy)
	}
	if s.playout.idle() {
		s.turn.await()
	}
}

// silence stops whatever plays and empties the queue.
func (s *session) silence(now time.Time, reason string) {
	if s.playout.sounding() {
		s.killAudio()
	}
	s.playout.cut(now, reason)
}

// killAudio throws away what is on its way to the caller's ear, in the switch.
func (s *session) killAudio() {
	s.sendJSON(killMessage{"killAudio"})
}

// fromASR takes a letter of the recogniser's link.
func (s *session) fromASR(l *letter, now time.Time) {
	switch v := l.value.(type) {
	case linkUp:
		s.asrState, s.asrEngine, s.synthetic = speechHeld, v.engine, v.synthetic
		s.turn.partials = v.partials
		s.asr.up(v.out, v.drop)
		if len(s.hints) > 0 {
			s.asr.text(schemas.SpeechMessage{Type: schemas.SpeechHints, Phrases: s.hints})
		}
		s.speechChanged("")
		return
	case linkLost:
		s.asr.down()
		s.turn.partials = false
		return
	case linkDown:
		s.asrState, s.turn.partials = speechDown, false
		s.speechChanged(v.reason)
		s.giveUpRecognition(now)
		return
	}
	var m schemas.SpeechMessage
	if l.kind != letterText {
		s.malformed("asr", schemas.ErrSyntax)
		return
	}
	if err := schemas.DecodeStrict(schemas.SchemaSpeech, l.data, &m); err != nil {
		s.malformed("asr", err)
		return
	}
	s.recognised(m, now)
}

func (s *session) recognised(m schemas.SpeechMessage, now time.Time) {
	switch m.Type {
	case schemas.SpeechPartial:
		if u := s.asr.find(m.Utterance); u != nil {
			s.partial(u, m)
		}
	case schemas.SpeechFinal:
		if u := s.asr.take(m.Utterance); u != nil {
			s.final(u, m, now)
		}
	case schemas.SpeechError:
		s.log.Warn("recognition failed", "code", m.Code, "utterance", m.Utterance)
		if m.Retryable {
			s.asr.leave() // another worker gets what has no text yet
			return
		}
		if u := s.asr.take(m.Utterance); u != nil {
			s.unrecognised(u, now)
		}
	default:
		s.malformed("asr", schemas.ErrUnknownType)
	}
}

// giveUpRecognition ends every utterance that waits for a recogniser, as
// there is none.
func (s *session) giveUpRecognition(now time.Time) {
	for u := s.asr.late(now.Add(time.Hour)); u != nil; u = s.asr.late(now.Add(time.Hour)) {
		s.unrecognised(u, now)
	}
}

// fromTTS takes a letter of the synthesiser's link.
func (s *session) fromTTS(l *letter, now time.Time) {
	switch v := l.value.(type) {
	case linkUp:
		s.ttsState, s.ttsEngine = speechHeld, v.engine
		s.tts.up(v.out, v.drop, s.playout.queue, now)
		s.speechChanged("")
		return
	case linkLost:
		s.tts.down()
		s.restock(true)
		return
	case linkDown:
		s.ttsState = speechDown
		s.restock(true)
		s.speechChanged(v.reason)
		for _, u := range s.playout.queue {
			if !u.complete {
				s.tts.without(u)
			}
		}
		return
	}
	if l.kind == letterBinary {
		s.tts.sound(l.data, now)
		s.playout.tick(now)
		return
	}
	var m schemas.SpeechMessage
	if err := schemas.DecodeStrict(schemas.SchemaSpeech, l.data, &m); err != nil {
		s.malformed("tts", err)
		return
	}
	if m.Type == schemas.SpeechError {
		s.log.Warn("synthesis failed", "code", m.Code)
	}
	if !s.tts.message(m, now) {
		s.malformed("tts", schemas.ErrUnknownType)
	}
	s.restock(false)
}

// speechChanged reports the first result of both links as Ready, and later
// losses and recoveries as Degraded.
func (s *session) speechChanged(reason string) {
	if !s.ready {
		if s.asrState == speechUnknown || s.ttsState == speechUnknown {
			return
		}
		s.ready = true
		s.journal.reliable(schemas.MediaReady{
			MediaEvent: s.journal.stamp(), SampleRate: s.meta.SampleRate, Playout: s.meta.Playout,
			ASREngine: s.asrEngine, TTSEngine: s.ttsEngine, Synthetic: s.synthetic && s.meta.Scenario == "",
		})
	}
	s.degraded("asr", s.asrState == speechDown, &s.asrDegraded, reason)
	s.degraded("tts", s.ttsState == speechDown, &s.ttsDegraded, reason)
}

func (s *session) degraded(component string, down bool, told *bool, reason string) {
	if down == *told {
		return
	}
	*told = down
	if reason == "" {
		reason = "no worker"
	}
	if !down {
		reason = "restored"
	}
	s.journal.reliable(schemas.MediaDegraded{
		MediaEvent: s.journal.stamp(), Component: component, Reason: reason, Restored: !down,
	})
}

// expireSpeech ends what workers that hang never would.
func (s *session) expireSpeech(now time.Time) {
	if s.asr.hung(now.Add(-s.svc.cfg.HangTimeout)) {
		s.log.Warn("recogniser says nothing; another one hears the utterance")
		s.asr.leave()
	}
	if u := s.asr.late(now.Add(-s.svc.cfg.FinalTimeout)); u != nil {
		s.log.Warn("recognition timed out")
		s.unrecognised(u, now)
		s.asr.leave()
	}
	for _, u := range s.playout.queue {
		if u.complete {
			continue
		}
		if u != s.awaited { // its turn at the synthesiser has only now come
			s.awaited, u.progress = u, now
		}
		if now.Sub(u.progress) > s.svc.cfg.SpeechTimeout {
			s.log.Warn("synthesis timed out")
			s.tts.fail(u)
			s.tts.leave()
		}
		return // later ones wait for this one
	}
}
