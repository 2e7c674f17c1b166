package mediabridge

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/schemas"
)

// FuzzFramer cuts sound into pieces, of which the first bytes give the sizes:
// every frame is in the stream where it should be, and what is left over is
// less than one.
func FuzzFramer(f *testing.F) {
	f.Add([]byte{1, 2, 3, 0, 255}, bytes.Repeat([]byte("0123456789"), 100))
	f.Add([]byte{160}, []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, sizes, sound []byte) {
		const size = 320
		if len(sound) > 16<<10 {
			return
		}
		fr := framer{size: size}
		var got []byte
		rest := sound
		for i := 0; len(rest) > 0; i++ {
			n := len(rest)
			if len(sizes) > 0 {
				n = min(n, 3*int(sizes[i%len(sizes)])+i%2)
			}
			piece := bytes.Clone(rest[:n])
			rest = rest[n:]
			fr.feed(piece)
			for b := fr.next(); b != nil; b = fr.next() {
				if len(b) != size {
					t.Fatalf("a frame of %d bytes", len(b))
				}
				got = append(got, b...)
			}
			clear(piece) // it is the socket's again
			if i > 4*len(sound)+8 {
				break // sizes of 0 only
			}
		}
		took := len(sound) - len(rest)
		if len(got) != took/size*size || !bytes.Equal(got, sound[:len(got)]) {
			t.Fatalf("of %d bytes %d came out, or others", took, len(got))
		}
		if cap(fr.part) > 2*size {
			t.Fatalf("%d bytes kept", cap(fr.part))
		}
	})
}

// FuzzTextFrame gives a call in progress text frames of the switch, with
// sound in between: none is more than counted or obeyed.
func FuzzTextFrame(f *testing.F) {
	nats := bustest.Start(f)
	bus := nats.Connect("mediabridge")
	for _, s := range []string{
		`{"type":"tidegate","envelope":"e30="}`, `{"type":"mark","data":{"name":"m","event":"playout"}}`, `{"event":"x"}`, `{`, ``,
		`{"type":"tidegate","envelope":5}`, `{"type":["tidegate"]}`, `null`, `[]`, "\xff", `{"type":"tidegate","envelope":"` + "QUJD" + `"}`,
	} {
		f.Add([]byte(s))
	}
	for _, data := range []any{
		schemas.MediaSay{CallID: "c1", Epoch: 1, UtteranceID: "u", Text: "好", Language: "zh-CN", Listen: schemas.ListenPolicy{Expect: schemas.ExpectOpen}},
		schemas.MediaStop{CallID: "c1", Epoch: 2}, schemas.MediaSync{CallID: "c1"}, schemas.MediaClose{CallID: "c1"},
		schemas.MediaListen{CallID: "c1", Epoch: 1, Listen: schemas.ListenPolicy{Expect: schemas.ExpectDigits, EndpointMS: 10000, NoInputMS: 1}},
	} {
		f.Add(sideText(f, data))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		now := time.Unix(1000, 0)
		svc := &Service{
			cfg: Defaults(), bus: bus, log: slog.New(slog.DiscardHandler), metrics: newMetrics(nil), stock: newStock(),
			now: func() time.Time { return now },
		}
		s := newSession(svc, nil, schemas.ForkMetadata{CallID: "c1", Language: "zh-CN", SampleRate: 8000, Playout: "stream"})
		s.out = nowhere{}
		s.asrState, s.ttsState = speechDown, speechDown
		for range 3 {
			s.work(func() { s.textFrame(text, now) })
			for range 10 {
				now = now.Add(frameTime)
				s.work(func() { s.media(make([]byte, 320), now) })
			}
		}
		if s.ending != "" && s.ending != closedByCommand {
			t.Fatalf("ended by %s", s.ending)
		}
		if len(s.playout.queue) > maxQueue || len(s.journal.kept) > keptEvents {
			t.Fatalf("%d utterances wait, %d events are kept", len(s.playout.queue), len(s.journal.kept))
		}
	})
}

func sideText(t testing.TB, data any) []byte {
	t.Helper()
	raw, err := schemas.Encode("/test", time.Unix(1000, 0), data, schemas.ForCall("c1"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(schemas.SideMessage{Type: "tidegate", Envelope: base64.StdEncoding.EncodeToString(raw)})
	if err != nil {
		t.Fatal(err)
	}
	return b
}
