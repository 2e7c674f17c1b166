package mediabridge

import "time"

// frameTime is how much sound is handled at once.
const (
	frameTime = 20 * time.Millisecond
	frameMS   = 20
)

// framer cuts a stream of bytes, in pieces of any size, into frames of one
// size. What is left waits for the next piece.
type framer struct {
	size int
	buf  []byte
	at   int
}

// feed adds a piece; frames given out before are no longer valid.
func (f *framer) feed(b []byte) {
	if f.at > 0 {
		f.buf = f.buf[:copy(f.buf, f.buf[f.at:])]
		f.at = 0
	}
	f.buf = append(f.buf, b...)
}

// next returns a frame, or nil when less than one is left.
func (f *framer) next() []byte {
	if len(f.buf)-f.at < f.size {
		return nil
	}
	frame := f.buf[f.at : f.at+f.size]
	f.at += f.size
	return frame
}
