package mediabridge

import (
	"log/slog"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/schemas"
)

// benchSession has everything but sockets; its clock moves by one frame for
// each frame.
func benchSession(now *time.Time) *session {
	cfg := Defaults()
	svc := &Service{cfg: cfg, log: slog.New(slog.DiscardHandler), metrics: newMetrics(nil), stock: newStock(), now: func() time.Time { return *now }}
	s := newSession(svc, nil, schemas.ForkMetadata{CallID: "c1", Language: "zh-CN", SampleRate: 8000, Playout: "stream"})
	s.out = nowhere{}
	return s
}

// nowhere is a switch that takes everything.
type nowhere struct{}

func (nowhere) WriteBinary([]byte) error { return nil }
func (nowhere) WriteText([]byte) error   { return nil }

// steady is a call in which both sides speak, the agent's prompt never ends,
// and the caller's utterance is past what is kept for a replay.
func steady(now *time.Time) (s *session, asrOut *mailbox, in []byte) {
	s = benchSession(now)
	asrOut = newMailbox(linkOutSize, newBell(), s.svc.metrics.drops.WithLabelValues("asr_out"))
	s.asr.out, s.asrState = asrOut, speechHeld
	s.asr.maxBytes = 1 << 20
	s.turn.maxMS = 1 << 60
	s.turn.state = turnOpen
	s.asr.open(1, 0)
	s.asr.current.audio = make([]byte, 0, 1<<20)
	u := prompt("u", time.Second)
	u.say.Epoch, u.told, u.startAt = 1, true, *now
	s.playout.add(u)
	return s, asrOut, audio.AppendL16(nil, audio.Tone(300, frameTime, 8000, 0.3))
}

// step is one frame in and one frame out, and what the link's writer would
// take.
func step(s *session, asrOut *mailbox, in []byte, now *time.Time, l *letter) {
	*now = now.Add(frameTime)
	if u := s.playout.queue[0]; u.sent+3*320 > len(u.audio) {
		u.sent = 320 // the prompt goes on for ever
	}
	if a := s.asr.current; cap(a.audio)-len(a.audio) < 320 {
		a.audio = a.audio[:0]
	}
	if s.work(func() { s.media(in, *now) }) {
		panic("over: " + s.ending)
	}
	for asrOut.pop(l) {
	}
}

func BenchmarkMediaFrame(b *testing.B) {
	now := time.Unix(1000, 0)
	s, asrOut, in := steady(&now)
	var l letter
	for range 1000 {
		step(s, asrOut, in, &now, &l)
	}
	before := testCounter(s)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		step(s, asrOut, in, &now, &l)
		n++
	}
	if got := testCounter(s) - before; got < float64(n)*0.99 {
		b.Fatalf("%v frames went out for %d that came in", got, n)
	}
}

func TestMediaFrameAllocatesNothing(t *testing.T) {
	now := time.Unix(1000, 0)
	s, asrOut, in := steady(&now)
	var l letter
	for range 1000 {
		step(s, asrOut, in, &now, &l)
	}
	if n := testing.AllocsPerRun(2000, func() { step(s, asrOut, in, &now, &l) }); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func testCounter(s *session) float64 {
	return counterValue(s.svc.metrics.framesOut)
}

func BenchmarkVADFrame(b *testing.B) {
	v, f := newVAD(Defaults().VAD), audio.Tone(300, frameTime, 8000, 0.3)
	b.ReportAllocs()
	for b.Loop() {
		v.frame(f, false)
	}
}

func BenchmarkDTMFFrame(b *testing.B) {
	d, f := newDTMF(8000), audio.Tone(300, frameTime, 8000, 0.3)
	b.ReportAllocs()
	for b.Loop() {
		d.frame(f)
	}
}
