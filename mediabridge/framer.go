package mediabridge

import "time"

// frameTime is how much sound is handled at once.
const (
	frameTime = 20 * time.Millisecond
	frameMS   = 20
)

// framer cuts a stream of bytes, in pieces of any size, into frames of one
// size. What is left of a piece, less than a frame, waits for the next one;
// so much and no more does it ever hold.
type framer struct {
	size  int
	piece []byte // the rest of what feed was given
	part  []byte // the beginning of a frame
}

// feed adds a piece, which must not change until next has returned nil.
// Frames given out before are no longer valid.
func (f *framer) feed(b []byte) { f.piece = b }

// next returns a frame, or nil when less than one is left.
func (f *framer) next() []byte {
	if len(f.part) == f.size {
		f.part = f.part[:0] // given out by the last call
	}
	if len(f.part) == 0 && len(f.piece) >= f.size {
		frame := f.piece[:f.size]
		f.piece = f.piece[f.size:]
		return frame
	}
	n := min(f.size-len(f.part), len(f.piece))
	f.part = append(f.part, f.piece[:n]...)
	f.piece = f.piece[n:]
	if len(f.part) < f.size {
		f.piece = nil
		return nil
	}
	return f.part
}
