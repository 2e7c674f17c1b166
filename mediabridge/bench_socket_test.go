package mediabridge_test

import (
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/schemas"
)

// BenchmarkForkSocket is one frame of a caller who speaks without end, from
// the client's write over loopback through the bridge to the recogniser's
// websocket; client, bridge and recogniser share this process and its
// allocations.
func BenchmarkForkSocket(b *testing.B) {
	r := newRig(b, nil).withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	f.mute.Store(true)
	time.Sleep(50 * time.Millisecond)
	frame := audio.AppendL16(nil, audio.Tone(300, 20*time.Millisecond, 8000, 0.3))
	gap := make([]byte, len(frame)) // keeps the noise floor down, as pauses in speech do
	n, window := int64(0), int64(32)
	b.ReportAllocs()
	for b.Loop() {
		out := frame
		if n++; n%25 == 0 {
			out = gap
		}
		if err := f.conn.WriteBinary(out); err != nil {
			b.Fatal(err)
		}
		for n > window && r.asr.bytes.Load() < (n-window)*int64(len(frame)) {
			time.Sleep(10 * time.Microsecond)
		}
	}
	b.ReportMetric(r.metric("queue_drops_total", "fork_in")/float64(n), "drops/op")
}
