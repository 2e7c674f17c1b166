package devswitch

import (
	"bufio"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSplitArguments(t *testing.T) {
	for _, tc := range []struct {
		in    string
		limit int
		want  []string
	}{
		{"a b  c", 10, []string{"a", "b", "c"}},
		{"a 'b c' d", 10, []string{"a", "b c", "d"}},
		{"a b c d", 2, []string{"a", "b c d"}},
		{"^^|a|b c|'d|e'|", 10, []string{"a", "b c", "d|e"}},
		{`^^|u|'{"a":"it\'s","b":"x\\n"}'|true`, 10, []string{"u", `{"a":"it's","b":"x\n"}`, "true"}},
		{"^^|a||c", 10, []string{"a", "", "c"}},
		{`a\sb`, 10, []string{"a b"}},
		{"it's fine", 10, []string{"it's", "fine"}},
		{"", 10, nil},
		{"^^|", 10, []string{"^^|"}},
	} {
		if got := splitArguments(tc.in, tc.limit); !slices.Equal(got, tc.want) {
			t.Errorf("%q: %q, want %q", tc.in, got, tc.want)
		}
	}
}

// TestQuotedArgumentsSurvive: what a careful controller quotes comes out whole.
func TestQuotedArgumentsSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-zA-Z0-9 '\\"{}:,|\[\]]{1,60}`).Draw(t, "text")
		quoted := "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
		got := splitArguments("^^|id|"+quoted+"|true", 10)
		if len(got) != 3 || got[1] != text || got[2] != "true" {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

func TestParseDial(t *testing.T) {
	d, err := parseDial("{sip_h_X-A=b%20c,origination_uuid=u-1}[x='1']sofia/external/sip:100@10.0.0.1:5080;transport=tcp")
	if err != nil || d.uri != "sip:100@10.0.0.1:5080;transport=tcp" || d.dest != "100" ||
		d.vars["sip_h_X-A"] != "b%20c" || d.vars["origination_uuid"] != "u-1" || d.vars["x"] != "1" {
		t.Errorf("%+v %v", d, err)
	}
	for _, bad := range []string{"", "user/100", "{a=b", "sofia/internal", "sofia/internal/"} {
		if _, err := parseDial(bad); err == nil {
			t.Errorf("%q taken", bad)
		}
	}
}

func TestReadCommandMixesLineEnds(t *testing.T) {
	for in, want := range map[string]int{
		"sendmsg\ncall-command: execute\nevent-lock: true\n\n":         2,
		"sendmsg\r\ncall-command: execute\r\nevent-lock: true\r\n\r\n": 2,
		"sendmsg\ncall-command: execute\nevent-lock: true\r\n\r\n":     0, // one line, as FreeSWITCH reads it
		"\n\r\napi x\n\n": 0,
	} {
		cmd, err := readCommand(bufio.NewReader(strings.NewReader(in)))
		if err != nil || len(cmd.headers) != want {
			t.Errorf("%q: %+v %v", in, cmd, err)
		}
	}
}

func TestEventEncoding(t *testing.T) {
	e := newEvent("X").add("A", "b c/d:é%").add("A-2", "plain/1.0_-~")
	e.body = "hello"
	if got := string(e.plain(true)); got != "Event-Name: X\nA: b%20c/d%3A%C3%A9%25\nA-2: plain/1.0_-~\nContent-Length: 5\n\nhello" {
		t.Errorf("%q", got)
	}
}

func TestPlayoutHoldsBack(t *testing.T) {
	p := newPlayout(8000)
	chunk := make([]byte, 640)
	for i := range 3 { // 120 ms
		p.push(chunk)
		if len(p.queue) != 0 {
			t.Fatalf("plays after %d ms", 40*(i+1))
		}
	}
	p.push(chunk)
	if len(p.queue) != 1280 {
		t.Errorf("%d samples queued of 1280", len(p.queue))
	}
	p.push(chunk)
	if len(p.waiting) != 320 {
		t.Errorf("later sound waits for 80 ms: %d", len(p.waiting))
	}
	p.push(chunk[:639])
	if len(p.queue) != 1280 || len(p.odd) != 1 {
		t.Errorf("odd byte: queue %d odd %d", len(p.queue), len(p.odd))
	}
	p.push(chunk[:1])
	if len(p.queue) != 1920 || len(p.odd) != 0 {
		t.Errorf("odd byte joined: queue %d", len(p.queue))
	}
	p.clear = true
	if pcm, _ := p.take(160); pcm != nil || len(p.queue) != 0 {
		t.Error("clear leaves sound")
	}
}

func TestCauses(t *testing.T) {
	for in, want := range map[string]int{"USER_BUSY": 17, "user_busy": 17, "34": 34, "": 16, "nonsense": 16, "ORIGINATOR_CANCEL": 487} {
		if got := parseCause(in); got != want {
			t.Errorf("%q: %d", in, got)
		}
	}
}

func TestConfig(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	bad := Config{SIPListen: "x", Sockets: []string{"a:1|b"}, Dialplan: []string{"explode now"}, RTPMin: 9, RTPMax: 1, RTPIP: "?"}
	err := bad.Validate()
	if err == nil {
		t.Fatal("taken")
	}
	for _, key := range []string{"sip_listen", "event_socket_listen", "event_socket_password", "sockets", "dialplan", "rtp_ip", "rtp_min", "max_sessions", "heartbeat", "queue_timeout", "hostname"} {
		if !strings.Contains(err.Error(), "devswitch."+key) {
			t.Errorf("%s is not named", key)
		}
	}
}

func FuzzSplitArguments(f *testing.F) {
	f.Add("^^|a|'b\\'c'|d")
	f.Add("a 'b c")
	f.Add("\\")
	f.Fuzz(func(t *testing.T, s string) {
		if got := splitArguments(s, 10); len(got) > 10 {
			t.Errorf("%d fields", len(got))
		}
	})
}

func FuzzReadCommand(f *testing.F) {
	f.Add("sendmsg\ncontent-length: 3\n\nabc")
	f.Add("auth x\r\n\r\n")
	f.Add("a\n:\n\n")
	f.Fuzz(func(t *testing.T, s string) {
		in := bufio.NewReader(strings.NewReader(s))
		for range 4 {
			if _, err := readCommand(in); err != nil {
				return
			}
		}
	})
}

func FuzzOpenTone(f *testing.F) {
	f.Add("%(100,200,440,480);loops=2")
	f.Add("v=-7;%(1,1,1)")
	f.Fuzz(func(t *testing.T, spec string) {
		if len(spec) > 200 {
			return
		}
		src, err := openTone(spec)
		if err != nil {
			return
		}
		for range 10 {
			if pcm, _ := src.next(); len(pcm) != frameSize && pcm != nil {
				t.Fatalf("frame of %d", len(pcm))
			}
		}
	})
}

func FuzzParseDial(f *testing.F) {
	f.Add("{a=b}sofia/internal/1@h")
	f.Add("[^^:a=b:c=d]sofia/x/y")
	f.Fuzz(func(_ *testing.T, s string) { _, _ = parseDial(s) })
}

func FuzzForkPlayout(f *testing.F) {
	f.Add([]byte{1, 2, 3}, uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, marks uint8) {
		p := newPlayout(8000)
		for range marks % 40 {
			p.mark("m")
		}
		for range 8 {
			p.push(b)
			if pcm, _ := p.take(frameSize); len(pcm) > frameSize {
				t.Fatal("too long")
			}
		}
		if len(p.inUse)+len(p.inventory) > maxMarks {
			t.Fatal("too many marks")
		}
	})
}
