package devswitch

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"
)

func TestNodeLink(t *testing.T) {
	s := startService(t, nil)
	conn, err := net.Dial("tcp", s.EventSocketAddr())
	if err != nil {
		t.Fatal(err)
	}
	stranger := newWire(t, conn)
	stranger.read()
	if got := stranger.ask("auth wrong"); got != "-ERR invalid" {
		t.Errorf("wrong password: %q", got)
	}
	if m, err := stranger.next(); err != nil || m.Get("Content-Type") != "text/disconnect-notice" {
		t.Errorf("after a wrong password: %v %v", m, err)
	}
	if _, err := stranger.next(); err == nil {
		t.Error("connection stays")
	}

	w := link(t, s)
	for command, want := range map[string]string{
		"event plain HEARTBEAT BACKGROUND_JOB": "+OK event listener enabled plain",
		"event":                                "-ERR no keywords supplied",
		"linger":                               "-ERR not controlling a session",
		"divert_events on":                     "-ERR not controlling a session.",
		"nonsense":                             "-ERR command not found",
		"sendmsg nobody\ncall-command: hangup": "-ERR invalid session id [nobody]",
		"nolog":                                "-ERR not loging",
	} {
		if got := w.ask(command); got != want {
			t.Errorf("%s: %q", command, got)
		}
	}
	for _, step := range [][2]string{ // in this order: the filter must be gone before events are awaited
		{"filter Event-Name HEARTBEAT", "+OK filter added. [Event-Name]=[HEARTBEAT]"},
		{"filter delete all", "+OK filter deleted. [all][]"},
	} {
		if got := w.ask(step[0]); got != step[1] {
			t.Errorf("%s: %q", step[0], got)
		}
	}
	for command, want := range map[string]string{
		"uuid_exists x":             "false",
		"uuid_kill x":               "-ERR No such channel!\n",
		"uuid_dump x":               "-ERR No such channel!\n",
		"uuid_getvar x y":           "-ERR No such channel!\n",
		"uuid_bridge x y":           "-ERR Invalid uuid\n",
		"uuid_audio_fork x stop y":  "-ERR Operation Failed\n",
		"show channels as json":     "{\"row_count\": 0}\n",
		"global_getvar core_uuid":   s.CoreUUID(),
		"no_such_thing":             "-ERR no_such_thing Command not found!\n",
		"module_exists mod_sofia":   "true",
		"originate user/x &park()":  "-ERR CHAN_NOT_IMPLEMENTED\n",
		"uuid_send_dtmf x 1":        "-ERR Cannot locate session!\n",
		"uuid_setvar_multi x a=b;c": "-ERR No such channel!\n-USAGE: <uuid> <var>=<value>;<var>=<value>...\n",
	} {
		if got := w.api(command); got != want {
			t.Errorf("api %s: %q", command, got)
		}
	}
	if got := w.api("uuid_audio_fork"); !strings.HasPrefix(got, "-USAGE: ") || !strings.Contains(got, "bidirectionalAudio") {
		t.Errorf("usage: %q", got)
	}
	if got := w.api("status"); !strings.Contains(got, " is ready\n") {
		t.Errorf("status: %q", got)
	}
	if e := w.await("HEARTBEAT"); e["Max-Sessions"] != "1000" || e["Core-UUID"] != s.CoreUUID() || e["Event-Sequence"] == "" {
		t.Errorf("heartbeat %v", e)
	}
	if got := w.ask("bgapi uuid_exists x\r\nJob-UUID: job-1"); got != "+OK Job-UUID: job-1" {
		t.Errorf("bgapi: %q", got)
	}
	if e := w.await("BACKGROUND_JOB"); e["Job-UUID"] != "job-1" || e["Job-Command"] != "uuid_exists" || e["_body"] != "false" {
		t.Errorf("job %v", e)
	}
	if got := w.ask("exit"); got != "+OK bye" {
		t.Errorf("exit: %q", got)
	}
}

func TestOutboundSocket(t *testing.T) {
	o := listen(t)
	s := startService(t, func(c *Config) { c.Sockets, c.Secret = []string{o.address()}, "hush" })
	calls := dialIn(t, newCaller(t), s, map[string]string{"X-Tidegate-Scenario": "return, please"})
	w, data := o.accept()
	for name, want := range map[string]string{
		"Content-Type": "command/reply", "Reply-Text": "+OK\n", "Control": "full", "Socket-Mode": "async",
		"Caller-Caller-Id-Number": "13800138000", "Caller-Destination-Number": "4000", "Channel-State": "CS_EXECUTE",
		"Answer-State": "ringing", "Call-Direction": "inbound", "Variable_tidegate_secret": "hush",
		"Variable_sip_h_x-Tidegate-Scenario": "return, please", "Variable_send_silence_when_idle": "400", "Core-Uuid": s.CoreUUID(),
		"Freeswitch-Hostname": "devswitch", "Event-Name": "CHANNEL_DATA",
	} {
		got := data[name]
		for key, value := range data {
			if strings.EqualFold(key, name) {
				got = value
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	id := data["Unique-Id"]
	w.subscribe()
	w.execute("answer", "", "e-1")
	call := take(t, calls)
	w.await("CHANNEL_ANSWER")
	if e := w.await("CHANNEL_EXECUTE_COMPLETE", "Application-UUID", "e-1"); e["Application"] != "answer" || e["Unique-ID"] != id || e["Application-Response"] != "_none_" {
		t.Errorf("%v", e)
	}
	w.execute("playback", "tone_stream://%(600,0,700)", "e-2")
	hears(t, call, 700)
	w.await("PLAYBACK_START")
	if e := w.await("PLAYBACK_STOP"); e["Playback-Status"] != "done" || e["Playback-File-Path"] != "tone_stream://%(600,0,700)" {
		t.Errorf("%v", e)
	}
	if e := w.await("CHANNEL_EXECUTE_COMPLETE", "Application-UUID", "e-2"); e["Application-Response"] != "FILE PLAYED" {
		t.Errorf("%v", e)
	}
	w.execute("playback", "tone_stream://%(60000,0,700)", "e-3")
	hears(t, call, 700)
	if got := w.api("uuid_break " + id); got != "+OK\n" {
		t.Errorf("break: %q", got)
	}
	if e := w.await("PLAYBACK_STOP"); e["Playback-Status"] != "break" {
		t.Errorf("%v", e)
	}
	if err := call.SendDTMF(within(t), '7', 60_000_000); err != nil {
		t.Fatal(err)
	}
	if e := w.await("DTMF"); e["DTMF-Digit"] != "7" || e["DTMF-Source"] != "RTP" || e["DTMF-Duration"] != "480" {
		t.Errorf("%v", e)
	}
	for command, want := range map[string]string{
		"uuid_setvar_multi " + id + " greeting='a;b';name=c":           "+OK\n",
		"uuid_setvar ^^|" + id + "|quoted|'it\\'s'":                    "+OK\n",
		"uuid_exists " + id:                                            "true",
		"uuid_buglist " + id:                                           "<media-bugs>\n</media-bugs>\n",
		"uuid_audio_fork " + id + " start ws://127.0.0.1:1/x mixed 77": "-ERR Operation Failed\n",
	} {
		if got := w.api(command); got != want {
			t.Errorf("%s: %q", command, got)
		}
	}
	for name, want := range map[string]string{"greeting": "a;b", "quoted": "it's", "absent": "_undef_"} {
		if got := w.api("uuid_getvar " + id + " " + name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	var list struct {
		Count int `json:"row_count"`
		Rows  []map[string]string
	}
	if err := json.Unmarshal([]byte(w.api("show channels as json")), &list); err != nil || list.Count != 1 ||
		list.Rows[0]["uuid"] != id || list.Rows[0]["callstate"] != "ACTIVE" || list.Rows[0]["cid_num"] != "13800138000" {
		t.Errorf("%v %v", list, err)
	}
	if dump := w.api("uuid_dump " + id); !strings.Contains(dump, "variable_tidegate_secret: hush\n") || !strings.Contains(dump, "Answer-State: answered\n") {
		t.Errorf("dump:\n%s", dump)
	}
	if got := w.api("uuid_kill " + id + " USER_BUSY"); got != "+OK\n" {
		t.Errorf("kill: %q", got)
	}
	w.await("CHANNEL_HANGUP", "Hangup-Cause", "USER_BUSY")
	e := w.await("CHANNEL_HANGUP_COMPLETE")
	for name, want := range map[string]string{
		"Hangup-Cause": "USER_BUSY", "variable_hangup_cause": "USER_BUSY", "variable_hangup_cause_q850": "17",
		"variable_sip_hangup_disposition": "send_bye", "variable_sip_term_status": "200", "Answer-State": "hangup",
	} {
		if e[name] != want {
			t.Errorf("%s: %q, want %q", name, e[name], want)
		}
	}
	if e["variable_billsec"] == "" || e["variable_duration"] == "" || e["variable_rtp_audio_in_packet_count"] == "" {
		t.Error("durations are missing")
	}
	<-call.Done()
	if cause := call.EndCause(); cause.Q850 != 17 {
		t.Errorf("caller sees %+v", cause)
	}
}

// TestLinger reads the order of the end: notice, then the complete event.
func TestLinger(t *testing.T) {
	o := listen(t)
	s := startService(t, func(c *Config) { c.Sockets = []string{o.address()} })
	calls := dialIn(t, newCaller(t), s, nil)
	w, data := o.accept()
	w.subscribe()
	w.execute("answer", "", "e")
	call := take(t, calls)
	_ = call.Hangup(within(t), 16)
	for {
		m := w.read()
		if m.Get("Content-Type") == "text/disconnect-notice" {
			if m.Get("Content-Disposition") != "linger" || m.Get("Controlled-Session-Uuid") != data["Unique-Id"] || m.Get("Linger-Time") != "30" {
				t.Errorf("%v", m)
			}
			break
		}
	}
	if e := w.await("CHANNEL_HANGUP_COMPLETE"); e["variable_sip_hangup_disposition"] != "recv_bye" || e["Hangup-Cause"] != "NORMAL_CLEARING" {
		t.Errorf("%v", e)
	}
	if got := w.ask("exit"); got != "+OK bye" {
		t.Errorf("exit: %q", got)
	}
}

func TestCallerCancels(t *testing.T) {
	o := listen(t)
	s := startService(t, func(c *Config) { c.Sockets = []string{o.address()} })
	u := newCaller(t)
	calls := dialIn(t, u, s, nil)
	w, _ := o.accept()
	w.subscribe()
	w.execute("ring_ready", "", "e")
	w.await("CHANNEL_EXECUTE_COMPLETE")
	w.execute("hangup", "NO_ANSWER", "e-2")
	if call := take(t, calls); call != nil {
		t.Error("answered")
	}
	e := w.await("CHANNEL_HANGUP_COMPLETE")
	if e["Hangup-Cause"] != "NO_ANSWER" || e["variable_sip_term_status"] != "480" || e["variable_sip_hangup_disposition"] != "send_refuse" {
		t.Errorf("%v", e)
	}
}

// TestEndBeforeConnect: without socket_resume such a call stays parked for ever.
func TestEndBeforeConnect(t *testing.T) {
	first, second := listen(t), listen(t)
	s := startService(t, func(c *Config) {
		c.Dialplan = []string{"answer", "set socket_resume=true", "socket " + first.address() + " async full",
			"unset socket_resume", "socket " + second.address() + " async full", "hangup"}
	})
	node := link(t, s)
	if got := node.ask("event plain CHANNEL_PARK"); !strings.HasPrefix(got, "+OK") {
		t.Fatal(got)
	}
	call := take(t, dialIn(t, newCaller(t), s, nil))
	for _, o := range []*orchestrator{first, second} {
		_ = o.Listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
		conn, err := o.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
	e := node.await("CHANNEL_PARK")
	if got := node.api("uuid_kill " + e["Unique-ID"]); got != "+OK\n" {
		t.Error(got)
	}
	take(t, call.Done())
}
