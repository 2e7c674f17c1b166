package sipua

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"github.com/tidegate/tidegate/internal/audio"
)

const (
	maxPacket      = 1500 // bytes of one RTP packet; longer ones are garbage
	frameQueue     = 50   // one second
	digitQueue     = 32
	maxConceal     = 25 * samplesPerFrame
	talkspurtPause = 60 * time.Millisecond
	relatchAfter   = 500 * time.Millisecond
	frameTime      = 20 * time.Millisecond
)

// Errors of the media side.
var (
	ErrMediaClosed = errors.New("sip: media closed")
	ErrDigit       = errors.New("sip: not a keypad digit")
	ErrNoEvents    = errors.New("sip: far end takes no telephone-event")
)

// Frame is 20 ms of received audio.
type Frame struct {
	PCM       []int16 // 160 samples, owned by the receiver
	Timestamp uint32  // RTP clock of the first sample
	Concealed bool    // silence in the place of lost packets
}

// MediaStats counts packets of one call.
type MediaStats struct {
	Received, Sent           uint64 // RTP packets
	Lost, Late, Duplicate    uint64
	Garbage, Alien           uint64 // unreadable packets; packets from elsewhere
	FrameDrops, DigitDrops   uint64 // queue full: the reader is too slow
	Concealed                uint64 // frames of silence put in for lost packets
	ReceivedBytes, SentBytes uint64
}

// media is one RTP session. One goroutine receives; senders share a mutex.
type media struct {
	conn   *net.UDPConn
	local  netip.AddrPort
	frames chan Frame
	digits chan Digit
	closed chan struct{}
	once   sync.Once

	mu        sync.Mutex // guards all below
	remote    netip.AddrPort
	latched   bool
	lastHeard time.Time
	codec     offeredCodec
	event     uint8
	active    bool // negotiated
	sending   bool // direction lets us send
	ssrc      uint32
	seq       uint16
	stamp     uint32
	lastWrite time.Time
	inDigit   bool
	wire      []byte
	encoded   []byte
	stats     MediaStats

	digitTurn chan struct{} // one digit at a time

	digitMu     sync.Mutex
	digitsEnded bool

	frameDrops, digitDrops atomic.Uint64
}

// openMedia binds an even port (RFC 3550 section 11) in [low, high], or any when both are 0.
func openMedia(ip netip.Addr, low, high int) (*media, error) {
	conn, err := bindRTP(ip, low, high)
	if err != nil {
		return nil, err
	}
	bound := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return &media{
		conn:      conn,
		local:     netip.AddrPortFrom(bound.Addr().Unmap(), bound.Port()),
		frames:    make(chan Frame, frameQueue),
		digits:    make(chan Digit, digitQueue),
		closed:    make(chan struct{}),
		ssrc:      rand.Uint32(),
		seq:       uint16(rand.Uint32() & 0x7fff), // far from the wrap (RFC 3711 advises the same)
		stamp:     rand.Uint32(),
		digitTurn: make(chan struct{}, 1),
	}, nil
}

func bindRTP(ip netip.Addr, low, high int) (*net.UDPConn, error) {
	var last error
	if low == 0 && high == 0 {
		for range 16 {
			conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
			if err != nil {
				return nil, fmt.Errorf("sip: bind rtp: %w", err)
			}
			if conn.LocalAddr().(*net.UDPAddr).Port%2 == 0 {
				return conn, nil
			}
			_ = conn.Close()
		}
		return net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	}
	low += low % 2
	ports := (high-low)/2 + 1
	if ports <= 0 {
		return nil, fmt.Errorf("sip: rtp port range %d-%d is empty", low, high)
	}
	start := rand.IntN(ports)
	for i := range ports {
		port := low + 2*((start+i)%ports)
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(port))))
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, fmt.Errorf("sip: no rtp port free in %d-%d: %w", low, high, last)
}

// apply takes what was negotiated.
func (m *media) apply(remote netip.AddrPort, codec offeredCodec, event uint8, sending bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if remote != m.remote {
		m.remote, m.latched = remote, false
	}
	m.codec, m.event, m.active, m.sending = codec, event, true, sending
}

func (m *media) close() {
	m.once.Do(func() {
		close(m.closed)
		_ = m.conn.Close()
	})
}

// receive runs until the socket closes.
func (m *media) receive() {
	defer close(m.frames)
	defer m.endDigits()
	in := receiver{media: m}
	buffer := make([]byte, maxPacket+1)
	for {
		n, from, err := m.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // an ICMP error of the peer must not end the call
		}
		if n > maxPacket {
			m.count(func(s *MediaStats) { s.Garbage++ })
			continue
		}
		in.packet(buffer[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
	}
}

// accept decides whether a packet belongs here, and follows a sender behind
// address translation: answers go where its packets come from.
func (m *media) accept(from netip.AddrPort) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if !m.latched || now.Sub(m.lastHeard) > relatchAfter {
		m.remote, m.latched = from, true
	}
	if from != m.remote {
		m.stats.Alien++
		return false
	}
	m.lastHeard = now
	m.stats.Received++
	return true
}

func (m *media) formats() (codec offeredCodec, event uint8, active bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.codec, m.event, m.active
}

func (m *media) count(f func(*MediaStats)) {
	m.mu.Lock()
	f(&m.stats)
	m.mu.Unlock()
}

func (m *media) snapshot() MediaStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stats
	s.FrameDrops, s.DigitDrops = m.frameDrops.Load(), m.digitDrops.Load()
	return s
}

// deliver puts a frame on the queue; when the reader is behind, the oldest goes.
func (m *media) deliver(f Frame) {
	for {
		select {
		case m.frames <- f:
			return
		default:
		}
		select {
		case <-m.frames:
			m.frameDrops.Add(1)
		default:
		}
	}
}

// press queues a digit, from RTP or from SIP INFO.
func (m *media) press(d Digit) {
	m.digitMu.Lock()
	defer m.digitMu.Unlock()
	if m.digitsEnded {
		return
	}
	select {
	case m.digits <- d:
	default:
		m.digitDrops.Add(1)
	}
}

func (m *media) endDigits() {
	m.digitMu.Lock()
	defer m.digitMu.Unlock()
	m.digitsEnded = true
	close(m.digits)
}

// receiver is the state of the receiving goroutine.
type receiver struct {
	media    *media
	order    reorder
	ssrc     uint32
	heard    bool
	events   eventReceiver
	expected uint32 // stamp after the last audio sample
	primed   bool
	pending  []int16
	start    uint32 // stamp of pending[0]
}

func (r *receiver) packet(raw []byte, from netip.AddrPort) {
	m := r.media
	var p rtp.Packet
	if err := p.Unmarshal(raw); err != nil || p.Version != 2 || len(p.Payload) == 0 {
		m.count(func(s *MediaStats) { s.Garbage++ })
		return
	}
	codec, event, active := m.formats()
	isEvent := event != 0 && p.PayloadType == event
	if !active || (p.PayloadType != codec.payload && !isEvent) {
		m.count(func(s *MediaStats) { s.Garbage++ })
		return
	}
	if !m.accept(from) {
		return
	}
	if !r.heard || r.ssrc != p.SSRC {
		r.heard, r.ssrc = true, p.SSRC
		r.order, r.primed, r.pending = reorder{}, false, nil
	}
	late, duplicate, lost := r.order.late, r.order.duplicate, r.order.lost
	due := r.order.push(heldPacket{
		seq: p.SequenceNumber, stamp: p.Timestamp, kind: p.PayloadType, marker: p.Marker,
		payload: append([]byte(nil), p.Payload...),
	})
	m.count(func(s *MediaStats) {
		s.ReceivedBytes += uint64(len(raw))
		s.Late += r.order.late - late
		s.Duplicate += r.order.duplicate - duplicate
		s.Lost += r.order.lost - lost
	})
	for _, held := range due {
		if event != 0 && held.kind == event {
			r.eventPacket(held)
			continue
		}
		r.audioPacket(held, codec)
	}
}

func (r *receiver) eventPacket(p heldPacket) {
	e, ok := parseEvent(p.payload)
	if !ok {
		r.media.count(func(s *MediaStats) { s.Garbage++ })
		return
	}
	for _, d := range r.events.event(p.stamp, e) {
		r.media.press(d)
	}
}

func (r *receiver) audioPacket(p heldPacket, codec offeredCodec) {
	for _, d := range r.events.flush() {
		r.media.press(d)
	}
	if !r.primed {
		r.primed, r.expected, r.start, r.pending = true, p.stamp, p.stamp, r.pending[:0]
	}
	if gap := int32(p.stamp - r.expected); gap != 0 {
		switch {
		case gap > 0 && gap <= maxConceal && p.lost > 0:
			r.append(make([]int16, gap), true)
		default: // silence suppression or a new talk spurt: the stamp tells
			r.pending, r.start = r.pending[:0], p.stamp
		}
	}
	var pcm []int16
	if codec.codec == PCMA {
		pcm = audio.DecodeALaw(nil, p.payload)
	} else {
		pcm = audio.DecodeULaw(nil, p.payload)
	}
	r.append(pcm, false)
	r.expected = p.stamp + uint32(len(pcm))
}

// append cuts what arrives into frames of 20 ms, whatever the packets' size.
func (r *receiver) append(pcm []int16, concealed bool) {
	r.pending = append(r.pending, pcm...)
	for len(r.pending) >= samplesPerFrame {
		frame := make([]int16, samplesPerFrame)
		copy(frame, r.pending)
		r.pending = r.pending[:copy(r.pending, r.pending[samplesPerFrame:])]
		if concealed {
			r.media.count(func(s *MediaStats) { s.Concealed++ })
		}
		r.media.deliver(Frame{PCM: frame, Timestamp: r.start, Concealed: concealed})
		r.start += samplesPerFrame
	}
}

// readFrame waits for the next frame.
func (m *media) readFrame(ctx context.Context) (Frame, error) {
	select {
	case f, ok := <-m.frames:
		if !ok {
			return Frame{}, ErrMediaClosed
		}
		return f, nil
	case <-ctx.Done():
		return Frame{}, ctx.Err()
	}
}
