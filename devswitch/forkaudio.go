package devswitch

import (
	"encoding/binary"
	"fmt"

	"github.com/tidegate/tidegate/internal/audio"
)

const (
	markSample = -1 // how the module marks a place in its queue; a real sample of -1 fires it early
	maxMarks   = 30
	// maxPlayout bounds the queue, which in the real module grows without end: ten minutes.
	maxPlayout = 10 * 60 * 8000
)

// playout is the module's queue of sound towards the caller. Sound waits until
// 160 ms are there, later until 80 ms, before it is queued. It is pure.
type playout struct {
	waiting   []int16
	queue     []int16
	threshold int
	factor    int // samples of ours per sample of the channel
	resample  *audio.Resampler
	odd       []byte
	clear     bool

	inventory, inUse, cleared []string
	dropped                   int
}

func newPlayout(rate int) *playout {
	p := &playout{factor: 1}
	if rate > 8000 {
		p.factor = rate / 8000
	}
	if rate > 0 && rate != 8000 {
		p.resample = audio.NewResampler(rate, 8000)
	}
	p.threshold = 1280 * p.factor
	return p
}

// push takes a binary message.
func (p *playout) push(b []byte) {
	if len(p.odd) > 0 {
		b = append(p.odd, b...)
	}
	p.odd = nil
	if len(b)%2 == 1 {
		p.odd = []byte{b[len(b)-1]}
		b = b[:len(b)-1]
	}
	for range p.inventory {
		p.waiting = append(p.waiting, markSample)
	}
	p.inUse = append(p.inUse, p.inventory...)
	p.inventory = nil
	for i := 0; i+1 < len(b); i += 2 {
		p.waiting = append(p.waiting, int16(binary.LittleEndian.Uint16(b[i:])))
	}
	if len(p.waiting) < p.threshold {
		return
	}
	p.threshold = 640 * p.factor
	out := p.waiting
	if p.resample != nil {
		out = p.resample.Process(nil, p.waiting)
	}
	if room := maxPlayout - len(p.queue); len(out) > room {
		p.dropped += len(out) - room
		out = out[:room]
	}
	p.queue = append(p.queue, out...)
	p.waiting = p.waiting[:0]
}

// mark remembers a name until the next sound arrives.
func (p *playout) mark(name string) {
	if len(p.inventory)+len(p.inUse) < maxMarks {
		p.inventory = append(p.inventory, name)
	}
}

func (p *playout) clearMarks() {
	p.cleared = append(append(p.cleared, p.inUse...), p.inventory...)
	p.inUse, p.inventory = nil, nil
}

// take gives up to n samples for one outgoing frame, and what to say about marks.
func (p *playout) take(n int) (pcm []int16, said []string) {
	if p.clear {
		p.clear = false
		p.queue = p.queue[:0]
		for _, name := range append(append([]string(nil), p.inUse...), p.inventory...) {
			said = append(said, markMessage(name, "cleared"))
		}
		p.cleared = append(p.cleared, p.inUse...)
		p.inUse, p.inventory = nil, nil
		return nil, said
	}
	n = min(n, len(p.queue))
	taken := p.queue[:n]
	if len(p.inUse)+len(p.cleared) == 0 {
		pcm = append(pcm, taken...)
		if n == 0 && len(p.inventory) > 0 {
			said = append(said, markMessage(p.inventory[0], "playout"))
			p.inventory = p.inventory[1:]
		}
	} else {
		pcm, said = p.passMarks(taken)
	}
	p.queue = p.queue[:copy(p.queue, p.queue[n:])]
	return pcm, said
}

func (p *playout) passMarks(taken []int16) (pcm []int16, said []string) {
	for _, v := range taken {
		switch {
		case v != markSample:
			pcm = append(pcm, v)
		case len(p.cleared) > 0:
			p.cleared = p.cleared[1:]
		case len(p.inUse) > 0:
			said = append(said, markMessage(p.inUse[0], "playout"))
			p.inUse = p.inUse[1:]
		}
	}
	return pcm, said
}

func markMessage(name, event string) string {
	return fmt.Sprintf(`{"type": "mark", "data": {"name":"%s", "event": "%s"}}`, name, event)
}
