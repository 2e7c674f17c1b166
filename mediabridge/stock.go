package mediabridge

import (
	"sync"

	"github.com/tidegate/tidegate/schemas"
)

// maxStock bounds the sounds that a bridge keeps for all its calls.
const maxStock = 64

// stockKey names a sound.
type stockKey struct {
	text, language, voice string
	rate                  float64
	sampleRate            int
}

// stock is what a bridge can say at once in any call, without asking a
// synthesiser: the fillers. One call has them made, all calls have them.
type stock struct {
	mu     sync.Mutex
	sounds map[stockKey][]byte // nil while it is being made
}

func newStock() *stock { return &stock{sounds: map[stockKey][]byte{}} }

// sound gives a sound, or nil.
func (s *stock) sound(k stockKey) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sounds[k]
}

// want says whether the one who asks is to have the sound made.
func (s *stock) want(k stockKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.sounds[k]; ok || len(s.sounds) >= maxStock {
		return false
	}
	s.sounds[k] = nil
	return true
}

// put keeps a sound; none means that it could not be made, and the next call
// may try.
func (s *stock) put(k stockKey, sound []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(sound) == 0 {
		delete(s.sounds, k)
		return
	}
	s.sounds[k] = sound
}

func (s *session) stockKey(text string) stockKey {
	return stockKey{text, s.meta.Language, s.as.Voice, s.as.Rate, s.meta.SampleRate}
}

// stockFillers has the fillers of a policy made that nobody has made yet.
func (s *session) stockFillers(p schemas.ListenPolicy) {
	for _, text := range p.Filler {
		k := s.stockKey(text)
		if s.ttsState != speechHeld || !s.svc.stock.want(k) {
			continue
		}
		u := &utterance{
			say:  schemas.MediaSay{CallID: s.call, Text: text, Language: k.language, Voice: k.voice, Rate: k.rate},
			made: func(u *utterance) { s.svc.stock.put(k, u.audio) },
		}
		s.tts.request(u, s.svc.now())
		s.stocking = append(s.stocking, u)
	}
}

// restock lets go of what was made, and of what a lost synthesiser will not
// make any more.
func (s *session) restock(lost bool) {
	kept := s.stocking[:0]
	for _, u := range s.stocking {
		switch {
		case u.complete && !u.failed:
			u.made(u)
		case u.complete || lost:
			u.audio = nil
			u.made(u)
		default:
			kept = append(kept, u)
		}
	}
	clear(s.stocking[len(kept):])
	s.stocking = kept
}
