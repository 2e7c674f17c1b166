package sipua

import (
	"context"
	"fmt"
	"time"

	"github.com/pion/rtp"

	"github.com/tidegate/tidegate/internal/audio"
)

// writeFrame sends one packet of audio now.
func (m *media) writeFrame(pcm []int16) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isClosed() {
		return ErrMediaClosed
	}
	marker := m.advance(time.Now(), len(pcm))
	stamp := m.stamp
	m.stamp += uint32(len(pcm))
	if !m.active || !m.sending || m.inDigit || !m.remote.IsValid() {
		m.lastWrite = time.Time{} // what is heard next begins a talk spurt
		return nil
	}
	if m.codec.codec == PCMA {
		m.encoded = audio.EncodeALaw(m.encoded[:0], pcm)
	} else {
		m.encoded = audio.EncodeULaw(m.encoded[:0], pcm)
	}
	return m.send(m.codec.payload, stamp, marker, m.encoded)
}

// advance moves the clock over a pause and says whether a talk spurt begins
// (RFC 3551 section 4.1).
func (m *media) advance(now time.Time, samples int) bool {
	last := m.lastWrite
	m.lastWrite = now
	if last.IsZero() {
		return true
	}
	pause := now.Sub(last) - time.Duration(samples)*time.Second/eventClock
	if pause < talkspurtPause {
		return false
	}
	m.stamp += uint32(pause/frameTime) * samplesPerFrame
	return true
}

func (m *media) isClosed() bool {
	select {
	case <-m.closed:
		return true
	default:
		return false
	}
}

// send needs the mutex.
func (m *media) send(payload uint8, stamp uint32, marker bool, body []byte) error {
	header := rtp.Header{
		Version: 2, Marker: marker, PayloadType: payload,
		SequenceNumber: m.seq, Timestamp: stamp, SSRC: m.ssrc,
	}
	m.seq++
	size := header.MarshalSize()
	if cap(m.wire) < size+len(body) {
		m.wire = make([]byte, maxPacket)
	}
	if size+len(body) > maxPacket {
		return fmt.Errorf("sip: rtp packet of %d bytes", size+len(body))
	}
	wire := m.wire[:size+len(body)]
	if _, err := header.MarshalTo(wire); err != nil {
		return fmt.Errorf("sip: rtp header: %w", err)
	}
	copy(wire[size:], body)
	m.stats.Sent++
	m.stats.SentBytes += uint64(len(wire))
	if _, err := m.conn.WriteToUDPAddrPort(wire, m.remote); err != nil && m.isClosed() {
		return ErrMediaClosed
	}
	return nil // a lost packet is no error to the call
}

// sendDigit sends one event: a packet every 20 ms while it lasts, all with the
// time stamp of its beginning, then the end three times (RFC 4733 section 2.5.1).
// Audio written meanwhile is left out.
func (m *media) sendDigit(ctx context.Context, digit rune, length time.Duration) error {
	number, ok := eventNumber(digit)
	if !ok {
		return fmt.Errorf("%w: %q", ErrDigit, digit)
	}
	length = min(max(length, 40*time.Millisecond), 5*time.Second)
	select {
	case m.digitTurn <- struct{}{}:
		defer func() { <-m.digitTurn }()
	case <-ctx.Done():
		return ctx.Err()
	case <-m.closed:
		return ErrMediaClosed
	}
	stamp, payload, err := m.beginDigit()
	if err != nil {
		return err
	}
	total := uint16(length * eventClock / time.Second)
	defer m.endDigit(stamp + uint32(total))
	ticker := time.NewTicker(frameTime)
	defer ticker.Stop()
	event := telephoneEvent{event: number, volume: 10}
	for first := true; ; first = false {
		event.duration = min(event.duration+samplesPerFrame, total)
		event.end = event.duration == total
		copies := 1
		if event.end {
			copies = 3
		}
		for range copies {
			if err := m.sendEvent(payload, stamp, first, event); err != nil {
				return err
			}
		}
		if event.end {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-m.closed:
			return ErrMediaClosed
		}
	}
}

func (m *media) beginDigit() (stamp uint32, payload uint8, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.isClosed():
		return 0, 0, ErrMediaClosed
	case !m.active || m.event == 0:
		return 0, 0, ErrNoEvents
	}
	m.advance(time.Now(), samplesPerFrame)
	m.inDigit = true
	stamp = m.stamp
	m.stamp += samplesPerFrame // a digit straight after has another stamp
	return stamp, m.event, nil
}

// endDigit lets audio out again. The clock has gone on during the digit even
// when nobody wrote.
func (m *media) endDigit(stamp uint32) {
	m.mu.Lock()
	m.inDigit = false
	if int32(stamp-m.stamp) > 0 {
		m.stamp = stamp
	}
	m.mu.Unlock()
}

func (m *media) sendEvent(payload uint8, stamp uint32, marker bool, e telephoneEvent) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isClosed() {
		return ErrMediaClosed
	}
	m.encoded = e.append(m.encoded[:0])
	return m.send(payload, stamp, marker, m.encoded)
}
