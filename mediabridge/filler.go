package mediabridge

import (
	"strconv"
	"strings"
	"time"

	"github.com/tidegate/tidegate/schemas"
)

// filler says a few words when the answer to the caller takes long, at most
// once for each of the caller's turns.
type filler struct {
	dueMS  int64 // on the audio clock; 0 is never
	texts  []string
	spoken int
}

// await starts to count at the end of the caller's turn.
func (f *filler) await(p schemas.ListenPolicy, clockMS int64) {
	f.dueMS = 0
	if p.FillerMS > 0 && len(p.Filler) > 0 {
		f.dueMS, f.texts = clockMS+int64(p.FillerMS), p.Filler
	}
}

// cancel ends the wait: the answer is heard, or none will come.
func (f *filler) cancel() { f.dueMS = 0 }

// due gives the words once, when the time has come.
func (f *filler) due(clockMS int64) (text string, ok bool) {
	if f.dueMS == 0 || clockMS < f.dueMS {
		return "", false
	}
	f.dueMS = 0
	text = f.texts[f.spoken%len(f.texts)]
	f.spoken++
	return text, true
}

// fill puts a filler before the answer when that takes too long. Only what
// is in stock can be said at once; without it the caller waits.
func (s *session) fill(now time.Time) {
	text, ok := s.filler.due(s.clockMS)
	if !ok || s.turn.state != turnQuiet || s.playout.sounding() {
		return
	}
	sound := s.svc.stock.sound(s.stockKey(text))
	if sound == nil {
		s.svc.metrics.fillers.WithLabelValues(fillerMissing).Inc()
		return
	}
	s.svc.metrics.fillers.WithLabelValues(fillerSpoken).Inc()
	s.turn.cancel()
	s.playout.addFirst(&utterance{
		say: schemas.MediaSay{
			CallID: s.call, Epoch: s.epoch, UtteranceID: schemas.FillerID + strconv.Itoa(s.filler.spoken), Text: text,
			Language: s.meta.Language, Interruptible: true, Listen: s.turn.policy,
		},
		policy: s.turn.policy, audio: sound, complete: true, progress: now,
	})
	s.playout.tick(now)
}

// isFiller says whether an utterance is the bridge's own.
func (u *utterance) isFiller() bool { return strings.HasPrefix(u.say.UtteranceID, schemas.FillerID) }
