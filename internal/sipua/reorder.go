package sipua

// reorderDepth is how many packets wait for a missing one: 120 ms at 20 ms
// each. A packet that is 80 ms late, and a few of the machine's own, still has
// its place; one that is lost holds the others up for no longer.
const reorderDepth = 6

// heldPacket is one received packet; payload is owned by the buffer.
type heldPacket struct {
	seq     uint16
	stamp   uint32
	kind    uint8 // payload type
	marker  bool
	payload []byte
	lost    int // packets missing just before this one
}

// reorder puts packets back into sequence. It is pure: no clock, no I/O.
type reorder struct {
	started bool
	next    uint16
	held    []heldPacket // ascending by distance from next, at most reorderDepth+1

	late, duplicate, lost uint64
}

// push takes a packet and returns those now due, in order. The result is
// valid until the next push.
func (r *reorder) push(p heldPacket) []heldPacket {
	if !r.started {
		r.started, r.next = true, p.seq
	}
	ahead := int16(p.seq - r.next)
	switch {
	case ahead < -100 || ahead > 100: // the sender restarted its numbers
		out := r.drainAll()
		r.next = p.seq + 1
		return append(out, p)
	case ahead < 0:
		r.late++
		return nil
	}
	if !r.insert(p) {
		r.duplicate++
		return nil
	}
	return r.due()
}

func (r *reorder) insert(p heldPacket) bool {
	at := len(r.held)
	for i, h := range r.held {
		if h.seq == p.seq {
			return false
		}
		if int16(p.seq-h.seq) < 0 {
			at = i
			break
		}
	}
	r.held = append(r.held, heldPacket{})
	copy(r.held[at+1:], r.held[at:])
	r.held[at] = p
	return true
}

func (r *reorder) due() []heldPacket {
	var out []heldPacket
	for len(r.held) > 0 {
		first := r.held[0]
		if first.seq != r.next {
			if len(r.held) <= reorderDepth {
				break
			}
			first.lost = int(first.seq - r.next)
			r.lost += uint64(first.lost)
		}
		r.held = r.held[1:]
		r.next = first.seq + 1
		out = append(out, first)
	}
	return out
}

func (r *reorder) drainAll() []heldPacket {
	out := r.held
	r.held = nil
	return out
}
