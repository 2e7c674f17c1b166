package mediabridge

// preRoll keeps the newest frames, so that a recogniser hears the beginning
// of a word that was not yet known to be one.
type preRoll struct {
	size int // bytes of a frame
	buf  []byte
	at   int // where the next frame goes
	n    int // frames held
}

// preRollFrames is how many are kept: those before the onset of speech, and
// from there until enough frames of it have come, with as many between them
// that are none. Speech that stutters more has less before its onset.
func preRollFrames(c Config) int { return int((c.PreRoll + 2*c.VAD.MinSpeech) / frameTime) }

func newPreRoll(frames, size int) preRoll {
	return preRoll{size: size, buf: make([]byte, frames*size)}
}

func (p *preRoll) add(frame []byte) {
	copy(p.buf[p.at:p.at+p.size], frame)
	p.at = (p.at + p.size) % len(p.buf)
	p.n = min(p.n+1, len(p.buf)/p.size)
}

// last returns the newest n frames, or as many as there are, in two parts.
func (p *preRoll) last(n int) (older, newer []byte) {
	bytes := min(n, p.n) * p.size
	if bytes <= p.at {
		return nil, p.buf[p.at-bytes : p.at]
	}
	return p.buf[len(p.buf)-(bytes-p.at):], p.buf[:p.at]
}

func (p *preRoll) clear() { p.n = 0 }
