package esl

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestCommandsOnTheWire(t *testing.T) {
	sendmsg := func(app, arg string) string {
		s := "sendmsg\r\ncall-command: execute\r\nexecute-app-name: " + app + "\r\nevent-lock: true\r\nEvent-UUID: ev"
		if arg != "" {
			s += "\r\nexecute-app-arg: " + arg
		}
		return s
	}
	for _, c := range []struct {
		cmd  Command
		want string
	}{
		{Answer{EventUUID: "ev"}, sendmsg("answer", "")},
		{PreAnswer{EventUUID: "ev"}, sendmsg("pre_answer", "")},
		{Park{EventUUID: "ev"}, sendmsg("park", "")},
		{Playback{File: "/s/您好.wav", EventUUID: "ev"}, sendmsg("playback", "/s/您好.wav")},
		{Sleep{For: 1500 * time.Millisecond, EventUUID: "ev"}, sendmsg("sleep", "1500")},
		{CallcenterQueue{Queue: "after-sales@default", EventUUID: "ev"}, sendmsg("callcenter", "after-sales@default")},
		{Bridge{Endpoint: SIPEndpoint("external", "sip:agent@10.0.0.1:5060"), EventUUID: "ev"}, sendmsg("bridge", "sofia/external/agent@10.0.0.1:5060")},
		{
			Bridge{
				Endpoint: "user/1001", CallerNumber: "13800000001", CallerName: "Wang", Timeout: 20 * time.Second, LegUUID: "leg-1",
				Headers: map[string]string{"X-Tidegate-Context": "退 a=b,c;d{e}'f\" $g\r\nX-Evil: 1"}, EventUUID: "ev",
			},
			sendmsg("bridge", "{originate_timeout=20,origination_caller_id_name=Wang,origination_caller_id_number=13800000001,origination_uuid=leg-1,"+
				"sip_h_X-Tidegate-Context=%E9%80%80%20a%3Db%2Cc%3Bd%7Be%7D%27f%22%20%24g%0D%0AX-Evil%3A%201}user/1001"),
		},
		{Hangup{}, "api uuid_kill " + testCall + " NORMAL_CLEARING"},
		{Hangup{UUID: "other", Cause: CauseUserBusy}, "api uuid_kill other USER_BUSY"},
		{SetVariables{Variables: map[string]string{"b": `it's; \ x=1`, "a": "1"}}, "api uuid_setvar_multi " + testCall + ` a='1';b='it\'s; \\ x=1'`},
		{SendDTMF{Digits: "12#w*", Each: 200 * time.Millisecond}, "api uuid_send_dtmf " + testCall + " 12#w*@200"},
		{BridgeChannels{Other: "other"}, "api uuid_bridge " + testCall + " other"},
		{StopPlayback{}, "api uuid_break " + testCall},
		{Transfer{Extension: "95000", Dialplan: "XML", Context: "public"}, "api uuid_transfer " + testCall + " 95000 XML public"},
		{BugList{}, "api uuid_buglist " + testCall},
		{UUIDDump{}, "api uuid_dump " + testCall},
		{UUIDExists{}, "api uuid_exists " + testCall},
		{
			AudioForkStart{URL: "ws://127.0.0.1:8090/v1/fork/tok", Bug: "tidegate", Metadata: []byte(`{"a": "it's \"x\" $1 \n|"}`), Streaming: true},
			"api uuid_audio_fork ^^|" + testCall + `|start|ws://127.0.0.1:8090/v1/fork/tok|mono|8000|tidegate|'{"a":"it\'s \\"x\\" \\u00241 \\n|"}'|true|true|8000`,
		},
		{
			AudioForkStart{URL: "wss://bridge/v1/fork/tok", Bug: "b", SampleRate: 16000},
			"api uuid_audio_fork ^^|" + testCall + "|start|wss://bridge/v1/fork/tok|mono|16000|b|''|true|false|16000",
		},
		{AudioForkStop{Bug: "tidegate"}, "api uuid_audio_fork ^^|" + testCall + "|stop|tidegate"},
		{AudioForkSendText{Bug: "tidegate", JSON: []byte(`{"s":"说"}`)}, "api uuid_audio_fork ^^|" + testCall + `|send_text|tidegate|'{"s":"说"}'`},
		{AudioForkProbe{}, "api uuid_audio_fork"},
		{
			Originate{UUID: "new-1", Endpoint: "user/1001", JobUUID: "job"},
			"bgapi originate {origination_uuid=new-1}user/1001 '&park()'\r\nJob-UUID: job",
		},
		{ShowChannels{}, "api show channels as json"},
		{Status{}, "api status"},
		{CoreUUID{}, "api global_getvar core_uuid"},
		{PauseInbound{}, "api fsctl pause inbound"},
		{ResumeInbound{}, "api fsctl resume inbound"},
		{ShutdownElegant{JobUUID: "job"}, "bgapi fsctl shutdown elegant\r\nJob-UUID: job"},
	} {
		w, err := c.cmd.wire(testCall)
		if err != nil || w.text != c.want {
			t.Errorf("%T:\n got %q\nwant %q\n%v", c.cmd, w.text, c.want, err)
		}
		if kindOf(c.cmd) != w.kind {
			t.Errorf("%T counted as %s", c.cmd, kindOf(c.cmd))
		}
	}
}

func TestCommandsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		cmd  Command
		want error
	}{
		"line end in a file":           {Playback{File: "a\r\nb"}, ErrUnsafe},
		"bare LF":                      {Playback{File: "a\nb"}, ErrUnsafe},
		"NUL":                          {Playback{File: "a\x00b"}, ErrUnsafe},
		"expansion":                    {Playback{File: "${system(id)}"}, ErrUnsafe},
		"backslash in an argument":     {Playback{File: `a\nb`}, ErrUnsafe},
		"not UTF-8":                    {Playback{File: "\xff\xfe"}, ErrUnsafe},
		"nothing to play":              {Playback{}, ErrArgument},
		"event id with a line end":     {Answer{EventUUID: "x\r\ny"}, ErrUnsafe},
		"unknown cause":                {Hangup{Cause: "BECAUSE"}, ErrArgument},
		"foreign channel id":           {Hangup{UUID: "a b"}, ErrUnsafe},
		"variable name":                {SetVariables{Variables: map[string]string{"a=b": "c"}}, ErrUnsafe},
		"variable value":               {SetVariables{Variables: map[string]string{"a": "${x}"}}, ErrUnsafe},
		"no variables":                 {SetVariables{}, ErrArgument},
		"queue":                        {CallcenterQueue{Queue: "a b"}, ErrUnsafe},
		"keys":                         {SendDTMF{Digits: "12x"}, ErrArgument},
		"endpoint with variables":      {Bridge{Endpoint: "{a=b}user/1"}, ErrArgument},
		"endpoint list":                {Bridge{Endpoint: "user/1,user/2"}, ErrArgument},
		"endpoint expansion":           {Bridge{Endpoint: "user/${x}"}, ErrUnsafe},
		"header name":                  {Bridge{Endpoint: "user/1", Headers: map[string]string{"Route": "x"}}, ErrArgument},
		"caller name":                  {Bridge{Endpoint: "user/1", CallerName: "a,b"}, ErrUnsafe},
		"fork address":                 {AudioForkStart{URL: "http://x/", Bug: "b"}, ErrArgument},
		"fork address with a bar":      {AudioForkStart{URL: "ws://x/a|b", Bug: "b"}, ErrArgument},
		"long fork address":            {AudioForkStart{URL: "ws://x/" + strings.Repeat("a", 600), Bug: "b"}, ErrArgument},
		"fork rate":                    {AudioForkStart{URL: "ws://x/", Bug: "b", SampleRate: 11025}, ErrArgument},
		"fork metadata is not JSON":    {AudioForkStart{URL: "ws://x/", Bug: "b", Metadata: []byte("x")}, ErrArgument},
		"fork metadata too long":       {AudioForkStart{URL: "ws://x/", Bug: "b", Metadata: []byte(`"` + strings.Repeat("x", 9000) + `"`)}, ErrArgument},
		"fork name":                    {AudioForkStop{Bug: "a|b"}, ErrUnsafe},
		"fork text is not JSON":        {AudioForkSendText{Bug: "b", JSON: []byte("{")}, ErrArgument},
		"originate argument":           {Originate{Endpoint: "user/1", Application: "playback", Argument: "a) b"}, ErrUnsafe},
		"originate application":        {Originate{Endpoint: "user/1", Application: "system id"}, ErrUnsafe},
		"transfer":                     {Transfer{Extension: "1 XML evil"}, ErrUnsafe},
		"sleep":                        {Sleep{For: -1}, ErrArgument},
		"variables beyond their count": {SetVariables{Variables: manyVariables(51)}, ErrArgument},
	} {
		if w, err := c.cmd.wire(testCall); !errors.Is(err, c.want) {
			t.Errorf("%s: %q %v", name, w.text, err)
		}
	}
	if _, err := (Hangup{}).wire(""); !errors.Is(err, ErrArgument) {
		t.Error("a command for no channel")
	}
}

func manyVariables(n int) map[string]string {
	m := map[string]string{}
	for i := range n {
		m["v"+strings.Repeat("x", i)] = "1"
	}
	return m
}

func TestLongArgumentsTravelAsBody(t *testing.T) {
	w, err := Playback{File: strings.Repeat("a", 1500), EventUUID: "ev"}.wire(testCall)
	if err != nil || !strings.Contains(w.text, "content-length: 1500\r\n\r\naaa") || strings.Contains(w.text, "execute-app-arg") {
		t.Fatal(w.text[:200], err)
	}
}

func TestCausesMatchTheirNumbers(t *testing.T) {
	for name, want := range map[string]int{CauseNormalClearing: 16, CauseUserBusy: 17, CauseNoAnswer: 19, CauseServiceUnavailable: 63, "LOSE_RACE": 26, "MADE_UP": 0} {
		if got := CauseValue(name); got != want {
			t.Errorf("%s: %d", name, got)
		}
	}
}

// unquote reads an argument as switch_separate_string of switch_utils.c does, for what quote writes.
func unquote(t *testing.T, s string) string {
	t.Helper()
	if len(s) < 2 || s[0] != '\'' || s[len(s)-1] != '\'' {
		t.Fatalf("not quoted: %q", s)
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' {
			i++
		} else if s[i] == '\'' {
			t.Fatalf("quote inside: %q", s)
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// FuzzQuote: whatever is accepted stays one argument on one line and reads back as it was.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "it's", `\`, `\'`, "a\r\nb", "${x}", "退货|^^;", `'; api shutdown '`, "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := quote(s, maxArgument)
		if err != nil {
			if !errors.Is(err, ErrUnsafe) && !errors.Is(err, ErrArgument) {
				t.Fatal(err)
			}
			return
		}
		if strings.ContainsAny(q, "\r\n\x00$") {
			t.Fatalf("unsafe: %q", q)
		}
		if got := unquote(t, q); got != s {
			t.Fatalf("%q became %q", s, got)
		}
		w, err := SetVariables{Variables: map[string]string{"x": s}}.wire("call")
		if err != nil || strings.Count(w.text, "\n") != 0 {
			t.Fatalf("%q %v", w.text, err)
		}
	})
}

// FuzzCommandLines: no argument, wherever it stands, starts a line of its own.
func FuzzCommandLines(f *testing.F) {
	for _, s := range []string{"user/1001", "a\nb", "x\r\n\r\napi shutdown", "}{", "&park()", "1 2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		lines := map[Command]int{
			Playback{File: s, EventUUID: "e"}:               5,
			Hangup{UUID: s}:                                 0,
			Transfer{Extension: s, Dialplan: s, Context: s}: 0,
			CallcenterQueue{Queue: s, EventUUID: s}:         5,
			BridgeChannels{UUID: s, Other: s}:               0,
			AudioForkStop{UUID: s, Bug: s}:                  0,
			SendDTMF{Digits: s}:                             0,
			UUIDDump{UUID: s}:                               0,
			ShutdownElegant{JobUUID: s}:                     1,
		}
		for cmd, want := range lines {
			w, err := cmd.wire("call")
			if err == nil && len(s) <= bodyFrom && strings.Count(w.text, "\n") > want {
				t.Fatalf("%T: %q", cmd, w.text)
			}
		}
		for _, cmd := range []Command{
			Bridge{Endpoint: s, CallerNumber: s, CallerName: s, EventUUID: "e"},
			Bridge{Endpoint: "user/1", Headers: map[string]string{"X-A": s}, EventUUID: "e"},
			Originate{Endpoint: "user/1", CallerName: s, Application: "playback", Argument: s, JobUUID: "e"},
		} {
			w, err := cmd.wire("call")
			if err == nil && len(w.text) < bodyFrom && strings.Count(w.text, "\n") > 5 {
				t.Fatalf("%T: %q", cmd, w.text)
			}
		}
	})
}
