package sipua

import (
	"encoding/binary"
	"strings"
	"time"
)

// Digit is one key that the far end pressed.
type Digit struct {
	Digit    rune // 0-9 * # A-D
	Duration time.Duration
	Source   string // "RTP" (RFC 4733) or "INFO" (SIP INFO)
}

const eventDigits = "0123456789*#ABCD"

// telephoneEvent is the payload of RFC 4733 section 2.3.
type telephoneEvent struct {
	event    uint8
	end      bool
	volume   uint8 // -dBm0, 0 to 63
	duration uint16
}

// parseEvent reads the first event block; what follows it is ignored.
func parseEvent(payload []byte) (telephoneEvent, bool) {
	if len(payload) < 4 {
		return telephoneEvent{}, false
	}
	return telephoneEvent{
		event:    payload[0],
		end:      payload[1]&0x80 != 0,
		volume:   payload[1] & 0x3f,
		duration: binary.BigEndian.Uint16(payload[2:4]),
	}, true
}

func (e telephoneEvent) append(dst []byte) []byte {
	flags := e.volume & 0x3f
	if e.end {
		flags |= 0x80
	}
	dst = append(dst, e.event, flags)
	return binary.BigEndian.AppendUint16(dst, e.duration)
}

func (e telephoneEvent) digit() (rune, bool) {
	if int(e.event) >= len(eventDigits) {
		return 0, false
	}
	return rune(eventDigits[e.event]), true
}

// eventNumber gives the event of a digit.
func eventNumber(digit rune) (uint8, bool) {
	i := strings.IndexRune(eventDigits, digit)
	if i < 0 && digit >= 'a' && digit <= 'd' {
		i = strings.IndexRune(eventDigits, digit-'a'+'A')
	}
	return uint8(i), i >= 0
}

// eventReceiver turns event packets into digits: one per RTP timestamp,
// however many packets repeat it. A digit comes with its end; when all end
// packets are lost it comes with the next event or audio.
type eventReceiver struct {
	open    bool
	done    bool
	stamp   uint32
	current telephoneEvent
}

func (r *eventReceiver) event(stamp uint32, e telephoneEvent) (digits []Digit) {
	if r.open && stamp != r.stamp {
		digits = append(digits, r.flush()...)
	}
	if !r.open {
		if r.done && stamp == r.stamp {
			return digits
		}
		r.open, r.done, r.stamp, r.current = true, false, stamp, e
	}
	if e.event == r.current.event {
		r.current.duration = max(r.current.duration, e.duration)
	}
	if e.end {
		digits = append(digits, r.flush()...)
	}
	return digits
}

// flush closes an open event.
func (r *eventReceiver) flush() []Digit {
	if !r.open {
		return nil
	}
	r.open, r.done = false, true
	digit, ok := r.current.digit()
	if !ok {
		return nil
	}
	return []Digit{{
		Digit:    digit,
		Duration: time.Duration(r.current.duration) * time.Second / eventClock,
		Source:   "RTP",
	}}
}

// parseInfoDigit reads the body of a SIP INFO with a digit, either
// application/dtmf-relay ("Signal=5\r\nDuration=160") or application/dtmf ("5").
func parseInfoDigit(contentType string, body []byte) (Digit, bool) {
	if len(body) == 0 || len(body) > 256 {
		return Digit{}, false
	}
	found := Digit{Duration: 100 * time.Millisecond, Source: "INFO"}
	signal := ""
	switch strings.ToLower(strings.TrimSpace(contentType)) {
	case "application/dtmf":
		signal = strings.TrimSpace(string(body))
	case "application/dtmf-relay":
		for line := range strings.Lines(string(body)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			switch strings.ToLower(strings.TrimSpace(key)) {
			case "signal":
				signal = strings.TrimSpace(value)
			case "duration":
				if d, err := time.ParseDuration(strings.TrimSpace(value) + "ms"); err == nil && d > 0 && d < 10*time.Second {
					found.Duration = d
				}
			}
		}
	}
	if len(signal) != 1 {
		return Digit{}, false
	}
	number, ok := eventNumber(rune(signal[0]))
	if !ok {
		return Digit{}, false
	}
	found.Digit = rune(eventDigits[number])
	return found, true
}
