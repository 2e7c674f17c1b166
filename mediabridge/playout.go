package mediabridge

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/tidegate/tidegate/schemas"
)

// heldTime is what mod_audio_fork holds back until it is together: smaller
// messages would be heard no earlier.
const heldTime = 80 * time.Millisecond

// pieceTime is how much sound goes to the switch in one message when so much
// is there. A write costs the system more than its bytes do; and the module
// holds the first two of heldTime anyway.
const pieceTime = 2 * heldTime

// padding follows each streamed utterance, so that none of it is held back.
const padding = heldTime

// msPerCharacter guesses the length of speech whose synthesis has not ended.
const msPerCharacter = 220

// utterance is one MediaSay on its way to the caller.
type utterance struct {
	say    schemas.MediaSay
	policy schemas.ListenPolicy

	audio    []byte // L16 as it came
	complete bool   // no more comes
	failed   bool   // and what came is not all
	absent   bool   // because there was no worker
	progress time.Time
	attempts int // requests for its synthesis
	// made is called when its sound is complete, for one that is not played.
	made func(*utterance)

	sent           int // bytes
	allSent        bool
	told           bool      // its start was reported
	startAt, endAt time.Time // when its first and last byte sent are heard
}

// outlet is where play-out leads: the switch, and whoever wants to know.
type outlet interface {
	sound(frames []byte)
	file(audio []byte)
	started(u *utterance)
	ended(u *utterance, reason string, heard time.Duration)
}

// playout is the queue of utterances and the clock of what the caller hears.
// It is pure but for its outlet: time comes in with each call.
type playout struct {
	rate, frameBytes int
	lead             time.Duration
	asFile           bool
	out              outlet

	queue []*utterance // in order; the first is heard or next
	dryAt time.Time    // when the switch has played all that it has
}

// pieces lends what a message is made in: it is used only while it is sent.
var pieces = sync.Pool{New: func() any { return new([maxPiece]byte) }}

// maxPiece is a message at the highest rate of a fork.
const maxPiece = int(pieceTime/time.Millisecond) * 16 * 2

func newPlayout(rate int, lead time.Duration, asFile bool, out outlet) playout {
	n := rate / 1000 * frameMS * 2
	return playout{rate: rate, frameBytes: n, lead: lead, asFile: asFile, out: out}
}

func (p *playout) bytes(d time.Duration) int { return p.frameBytes * int(d/frameTime) }

func (p *playout) add(u *utterance) { p.queue = append(p.queue, u) }

// addFirst puts an utterance before what has not begun yet.
func (p *playout) addFirst(u *utterance) {
	i := 0
	for i < len(p.queue) && p.queue[i].sent > 0 {
		i++
	}
	p.queue = slices.Insert(p.queue, i, u)
}

// left is how much of everything that waits the caller has not heard yet, as
// far as it is known.
func (p *playout) left(now time.Time) time.Duration {
	var d time.Duration
	for _, u := range p.queue {
		d += max(0, p.total(u)-p.heard(u, now))
	}
	return d
}

func (p *playout) idle() bool { return len(p.queue) == 0 }

// playing is the utterance that the caller hears, or nil.
func (p *playout) playing() *utterance {
	if len(p.queue) > 0 && p.queue[0].told {
		return p.queue[0]
	}
	return nil
}

// tick sends what is due and reports what was heard. It is called at least
// every frame's time.
func (p *playout) tick(now time.Time) {
	p.send(now)
	p.report(now)
}

func (p *playout) send(now time.Time) {
	for _, u := range p.queue {
		if u.allSent {
			continue
		}
		if p.asFile {
			p.sendFile(u, now)
			return
		}
		if !p.sendFrames(u, now) {
			return
		}
	}
}

// sendFrames streams one utterance up to the lead; true when all of it went.
func (p *playout) sendFrames(u *utterance, now time.Time) bool {
	for p.dryAt.Sub(now) <= p.lead-pieceTime {
		rest := u.audio[u.sent:]
		if len(rest) < 2 && u.complete {
			p.pad(u, now)
			return true
		}
		size := p.due(len(rest), u.complete, p.dryAt.Sub(now))
		if size == 0 {
			return false // the synthesis is slower than the clock
		}
		n := p.sendPiece(size, rest)
		p.account(u, n, now)
		p.dryAt = p.dryAt.Add(p.duration(size - n))
	}
	return false
}

// sendPiece sends a message of the beginning of some sound and gives how many
// bytes of it that was.
func (p *playout) sendPiece(size int, sound []byte) int {
	piece := pieces.Get().(*[maxPiece]byte)
	n := copySound(piece[:size], sound)
	p.out.sound(piece[:size])
	pieces.Put(piece)
	return n
}

// due is the size of the next message, in whole frames: a piece, the end of
// an utterance, what the switch would not hold back, or, when the caller would
// else hear a gap, what there is.
func (p *playout) due(rest int, complete bool, ahead time.Duration) int {
	held := p.bytes(heldTime)
	switch {
	case rest >= p.bytes(pieceTime):
		return p.bytes(pieceTime)
	case complete:
		return (rest + p.frameBytes - 1) / p.frameBytes * p.frameBytes
	case rest >= held:
		return held
	case ahead < heldTime:
		return rest / p.frameBytes * p.frameBytes
	}
	return 0
}

// copySound fills dst, with silence at its end, and takes out samples of -1:
// in the fork's stream they would count as marks. It returns how many bytes
// of src it took. The length of dst is a multiple of 8.
func copySound(dst, src []byte) int {
	n := copy(dst, src) &^ 1
	clear(dst[n:])
	const low, high = 0x0001_0001_0001_0001, 0x8000_8000_8000_8000
	for i := 0; i < n; i += 8 {
		four := binary.LittleEndian.Uint64(dst[i:])
		if inverse := ^four; (inverse-low)&^inverse&high == 0 {
			continue // none of the four samples is -1
		}
		for j := i; j < i+8; j += 2 {
			if dst[j] == 0xFF && dst[j+1] == 0xFF {
				dst[j], dst[j+1] = 0, 0
			}
		}
	}
	return n
}

func (p *playout) account(u *utterance, n int, now time.Time) {
	if p.dryAt.Before(now) {
		p.dryAt = now
	}
	if u.sent == 0 {
		u.startAt = p.dryAt
	}
	u.sent += n
	p.dryAt = p.dryAt.Add(p.duration(n))
	u.endAt = p.dryAt
}

// pad ends an utterance; silence is not part of it.
func (p *playout) pad(u *utterance, now time.Time) {
	u.allSent = true
	if u.sent == 0 {
		u.startAt, u.endAt = now, now
		return
	}
	p.sendPiece(p.bytes(padding), nil)
	if p.dryAt.Before(now) {
		p.dryAt = now
	}
	p.dryAt = p.dryAt.Add(padding)
}

// sendFile hands over a whole utterance when the one before was heard.
func (p *playout) sendFile(u *utterance, now time.Time) {
	if !u.complete || now.Before(p.dryAt) {
		return
	}
	u.allSent = true
	if len(u.audio) < 2 {
		u.startAt, u.endAt = now, now
		return
	}
	p.out.file(u.audio)
	p.account(u, len(u.audio)&^1, now)
}

func (p *playout) report(now time.Time) {
	for len(p.queue) > 0 {
		u := p.queue[0]
		if u.sent > 0 && !u.told && !now.Before(u.startAt) {
			u.told = true
			p.out.started(u)
		}
		if !u.allSent || now.Before(u.endAt) {
			return
		}
		p.queue[0] = nil
		p.queue = p.queue[1:]
		reason := "finished"
		if u.failed {
			reason = "failed"
		}
		p.out.ended(u, reason, p.heard(u, now))
	}
}

// sounding says whether the switch may hold sound of the queue.
func (p *playout) sounding() bool { return len(p.queue) > 0 && p.queue[0].sent > 0 }

// cut empties the queue; the outlet hears of each utterance. What the switch
// holds must be thrown away there too.
func (p *playout) cut(now time.Time, reason string) {
	gone := p.queue
	p.queue = nil
	if p.dryAt.After(now) {
		p.dryAt = now
	}
	for _, u := range gone {
		p.out.ended(u, reason, p.heard(u, now))
	}
}

// heard is how much of an utterance the caller has heard by the byte clock:
// what was sent less what the switch still holds.
func (p *playout) heard(u *utterance, now time.Time) time.Duration {
	left := max(0, u.endAt.Sub(now))
	return max(0, p.duration(u.sent)-left)
}

func (p *playout) duration(bytes int) time.Duration {
	return time.Duration(bytes/2) * time.Second / time.Duration(p.rate)
}

// total is how long the utterance is or, before its synthesis ended, is
// likely to be.
func (p *playout) total(u *utterance) time.Duration {
	d := p.duration(len(u.audio))
	if u.complete && !u.failed {
		return d
	}
	rate := u.say.Rate
	if rate == 0 {
		rate = 1
	}
	guess := float64(utf8.RuneCountInString(u.say.Text)*msPerCharacter) / rate
	return max(d, time.Duration(guess)*time.Millisecond)
}

// heardText is the part of a text that was heard, by whole characters: an
// even pace is near enough in a language of syllables.
func heardText(text string, heard, total time.Duration) string {
	if heard <= 0 || total <= 0 {
		return ""
	}
	if heard >= total {
		return text
	}
	chars := []rune(text)
	return string(chars[:int(int64(len(chars))*int64(heard)/int64(total))])
}
