package esl

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/textproto"
	"testing"

	"bufio"
)

// bytesConn is a connection that only gives.
type bytesConn struct {
	net.Conn
	r io.Reader
}

func (b bytesConn) Read(p []byte) (int, error) { return b.r.Read(p) }

// FuzzFrame: whatever comes over the wire, only measured, well-formed messages pass, and all events of them decode.
func FuzzFrame(f *testing.F) {
	f.Add([]byte(reply("+OK")))
	f.Add([]byte(message("api/response", "+OK body")))
	f.Add([]byte(event("DTMF", 4, "", "DTMF-Digit", "5")))
	f.Add([]byte(event("CUSTOM", 4, `{"reason":"x"}`, "Event-Subclass", "mod_audio_fork::connect_failed")))
	f.Add([]byte(connectReply("x")))
	f.Add([]byte("Content-Length: -1\n\n"))
	f.Add([]byte(message("text/disconnect-notice", "bye")))
	f.Add([]byte(message("text/event-plain", "Event-Name: X\nContent-Length: 99\n\nx")))
	f.Fuzz(func(t *testing.T, wire []byte) {
		fc := newFramedConn(bytesConn{r: bytes.NewReader(wire)}, 1<<16)
		out, err := io.ReadAll(fc)
		if err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrOversized) && !errors.Is(err, ErrRejected) &&
			!errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		if len(out) > len(wire) {
			t.Fatal("more came out than went in")
		}
	})
}

// FuzzDecode: no event, however odd its fields, is more than an odd event.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("Event-Name: DTMF\nDTMF-Digit: %23\nDTMF-Duration: -1\n\n"), []byte(""))
	f.Add([]byte("Event-Name: CUSTOM\nEvent-Subclass: mod_audio_fork%3A%3Ajson\nEvent-Sequence: 99999999999999999999\n\n"), []byte(`{"type":"json"}`))
	f.Add([]byte("Event-Name: CHANNEL_HANGUP_COMPLETE\nvariable_billsec: 1e9\nHangup-Cause: %zz\n\n"), []byte("x"))
	f.Add([]byte("Event-Name: HEARTBEAT\nUptime-msec: -5\nSession-Count: x\n\n"), []byte(nil))
	f.Fuzz(func(t *testing.T, head, body []byte) {
		h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(head))).ReadMIMEHeader()
		if err != nil && h == nil {
			return
		}
		ev, kind, ok := decode(fields(h), body)
		if ok != (ev != nil) || kind == "" {
			t.Fatalf("%v %q %v", ev, kind, ok)
		}
		if ok {
			_ = ev.Origin().ID()
		}
		if d, is := ev.(DTMF); is && d.Duration < 0 {
			t.Fatal("negative duration")
		}
		if e, is := ev.(HangupComplete); is && (e.Billed < 0 || e.Duration < 0) {
			t.Fatal("negative time")
		}
	})
}

// FuzzAnswers: what a switch answers may be anything.
func FuzzAnswers(f *testing.F) {
	f.Add("<media-bugs>\n<media-bug><function>x</function></media-bug></media-bugs>\n")
	f.Add("Event-Name: CHANNEL_DATA\nvariable_a: %zz\n")
	f.Add(`{"row_count":1,"rows":[{"uuid":"a","created_epoch":"1"}]}`)
	f.Add("-USAGE: bidirectionalAudio")
	f.Fuzz(func(_ *testing.T, s string) {
		_, _ = ParseBugs(s)
		_ = ParseDump(s)
		_, _ = ParseChannels(s)
		_ = ParseForkProbe(s)
	})
}
