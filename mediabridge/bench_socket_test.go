package mediabridge_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/schemas"
)

// BenchmarkForkSocket is one frame of a caller who speaks without end, from
// the client's write over loopback through the bridge to the recogniser's
// websocket; client, bridge and recogniser share this process and its
// allocations. The bridge's clock goes by the frames: they come faster than
// any caller speaks.
func BenchmarkForkSocket(b *testing.B) {
	began, n := time.Now(), atomic.Int64{}
	now := func() time.Time { return began.Add(time.Duration(n.Load()) * 20 * time.Millisecond) }
	r := newRigAt(b, now, nil).withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	f.mute.Store(true)
	time.Sleep(50 * time.Millisecond)
	frame := audio.AppendL16(nil, audio.Tone(300, 20*time.Millisecond, 8000, 0.3))
	gap := make([]byte, len(frame)) // keeps the noise floor down, as pauses in speech do
	const window = 32
	b.ReportAllocs()
	for b.Loop() {
		out := frame
		sent := n.Add(1)
		if sent%25 == 0 {
			out = gap
		}
		if err := f.conn.WriteBinary(out); err != nil {
			b.Fatal(err)
		}
		for sent > window && r.asr.bytes.Load() < (sent-window)*int64(len(frame)) {
			time.Sleep(10 * time.Microsecond)
		}
	}
	b.ReportMetric(r.sum("queue_drops_total")/float64(n.Load()), "drops/op")
}
