package sipua

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestReorder(t *testing.T) {
	for _, tc := range []struct {
		name    string
		in, out []uint16
		lost    uint64
	}{
		{"in order", []uint16{1, 2, 3}, []uint16{1, 2, 3}, 0},
		{"swapped", []uint16{1, 3, 2, 4}, []uint16{1, 2, 3, 4}, 0},
		{"behind six others", []uint16{1, 3, 4, 5, 6, 7, 8, 2, 9}, []uint16{1, 2, 3, 4, 5, 6, 7, 8, 9}, 0},
		{"two behind others", []uint16{1, 4, 5, 3, 6, 2, 7}, []uint16{1, 2, 3, 4, 5, 6, 7}, 0},
		{"lost", []uint16{1, 3, 4, 5, 6, 7, 8, 9}, []uint16{1, 3, 4, 5, 6, 7, 8, 9}, 1},
		{"duplicate", []uint16{1, 1, 2, 2}, []uint16{1, 2}, 0},
		{"wrap", []uint16{65534, 0, 65535, 1}, []uint16{65534, 65535, 0, 1}, 0},
		{"restart", []uint16{10, 5000, 5001}, []uint16{10, 5000, 5001}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var r reorder
			var got []uint16
			for _, seq := range tc.in {
				for _, p := range r.push(heldPacket{seq: seq}) {
					got = append(got, p.seq)
				}
			}
			if !slices.Equal(got, tc.out) || r.lost != tc.lost {
				t.Errorf("got %v lost %d", got, r.lost)
			}
		})
	}
}

func TestReorderKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r reorder
		next := rapid.Uint16().Draw(t, "first")
		r.push(heldPacket{seq: next})
		last := next
		for range rapid.IntRange(1, 200).Draw(t, "packets") {
			next++
			seq := next + uint16(rapid.IntRange(-4, 4).Draw(t, "jitter"))
			for _, p := range r.push(heldPacket{seq: seq}) {
				if int16(p.seq-last) <= 0 {
					t.Fatalf("%d after %d", p.seq, last)
				}
				last = p.seq
			}
			if len(r.held) > reorderDepth {
				t.Fatalf("%d held", len(r.held))
			}
		}
	})
}

func TestEventReceiver(t *testing.T) {
	var r eventReceiver
	type step struct {
		stamp uint32
		e     telephoneEvent
		want  string
	}
	for i, s := range []step{
		{100, telephoneEvent{event: 5, duration: 160}, ""},
		{100, telephoneEvent{event: 5, duration: 320}, ""},
		{100, telephoneEvent{event: 5, duration: 480, end: true}, "5"},
		{100, telephoneEvent{event: 5, duration: 480, end: true}, ""},
		{100, telephoneEvent{event: 5, duration: 480, end: true}, ""},
		{900, telephoneEvent{event: 5, duration: 160}, ""},    // its end is lost
		{1700, telephoneEvent{event: 11, duration: 160}, "5"}, // the next one closes it
		{1700, telephoneEvent{event: 11, duration: 240, end: true}, "#"},
		{2500, telephoneEvent{event: 16, duration: 240, end: true}, ""}, // flash hook is no digit
	} {
		got := ""
		for _, d := range r.event(s.stamp, s.e) {
			got += string(d.Digit)
		}
		if got != s.want {
			t.Errorf("step %d: got %q want %q", i, got, s.want)
		}
	}
}

func TestParseReason(t *testing.T) {
	for value, want := range map[string]int{
		`Q.850;cause=16;text="Normal"`: 16, `SIP;cause=200`: 0, `SIP ;cause=487, Q.850 ;cause=31`: 31,
		``: 0, `Q.850;cause=999`: 0, `Q.850`: 0,
	} {
		if got, _ := parseReason(value); got != want {
			t.Errorf("%q: %d", value, got)
		}
	}
}

func TestParseSDP(t *testing.T) {
	video := "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 5000 RTP/AVP 99\r\nm=audio 4000 RTP/AVP 18 8\r\nc=IN IP4 10.0.0.2\r\na=inactive\r\n"
	d, err := parseSDP([]byte(video))
	if err != nil {
		t.Fatal(err)
	}
	if d.remote.String() != "10.0.0.2:4000" || d.dir != inactive || d.index != 1 || len(d.skipped) != 1 || d.codecs[0].codec != PCMA {
		t.Errorf("%+v", d)
	}
	answer := localSession{id: 1, version: 1, addr: d.remote, dir: d.dir.answer(), codecs: d.codecs, index: d.index, skipped: d.skipped}
	again, err := parseSDP(answer.encode())
	if err != nil || again.index != 1 || again.skipped[0] != "video 0 RTP/AVP 99" {
		t.Errorf("%+v %v", again, err)
	}
}

func TestInfoDigit(t *testing.T) {
	for body, want := range map[string]rune{"Signal=5\r\nDuration=160": '5', "signal= *": '*', "Signal=55": 0, "": 0, "Signal=x": 0} {
		if d, _ := parseInfoDigit("application/dtmf-relay", []byte(body)); d.Digit != want {
			t.Errorf("%q: %q", body, d.Digit)
		}
	}
}

func FuzzParseSDP(f *testing.F) {
	f.Add([]byte(phoneSDP))
	f.Add([]byte("v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 ::1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := parseSDP(body)
		if err != nil {
			return
		}
		chosen, err := d.choose([]Codec{PCMA, PCMU})
		if err != nil {
			return
		}
		answer := localSession{addr: d.remote, codecs: []offeredCodec{chosen}, event: d.event, index: d.index, skipped: d.skipped}
		_ = answer.encode()
	})
}

func FuzzTelephoneEvent(f *testing.F) {
	f.Add([]byte{5, 0x8a, 0, 160}, uint32(1))
	f.Add([]byte{5}, uint32(1))
	f.Add([]byte{255, 255, 255, 255, 0}, uint32(0))
	f.Fuzz(func(t *testing.T, payload []byte, stamp uint32) {
		e, ok := parseEvent(payload)
		if !ok {
			return
		}
		var r eventReceiver
		got := len(r.event(stamp, e)) + len(r.event(stamp, e)) + len(r.flush())
		if _, is := e.digit(); is && got != 1 || !is && got != 0 {
			t.Errorf("%d digits from %+v", got, e)
		}
		if again, _ := parseEvent(e.append(nil)); again != e {
			t.Errorf("%+v became %+v", e, again)
		}
	})
}

func FuzzParseReason(f *testing.F) {
	f.Add(`Q.850;cause=16;text="a"`)
	f.Fuzz(func(t *testing.T, value string) {
		if cause, _ := parseReason(value); cause < 0 || cause > 127 {
			t.Errorf("cause %d", cause)
		}
	})
}

func TestClockOverPause(t *testing.T) {
	m := &media{stamp: 1000}
	start := time.Now()
	if !m.advance(start, 160) {
		t.Error("first frame begins a talk spurt")
	}
	if m.advance(start.Add(20*time.Millisecond), 160) || m.stamp != 1000 {
		t.Error("steady frames do not")
	}
	if !m.advance(start.Add(1040*time.Millisecond), 160) || m.stamp != 1000+50*160 {
		t.Errorf("after a pause of a second: %d", m.stamp)
	}
}
