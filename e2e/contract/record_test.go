package contract

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/sipua"
)

// TestRecord writes testdata/*.wire anew: what a real FreeSWITCH sends, without hostnames, paths and addresses of the
// machine. The tests of orchestrator/esl decode it.
func TestRecord(t *testing.T) {
	socket := os.Getenv("TIDEGATE_TEST_FREESWITCH")
	if socket == "" || os.Getenv("TIDEGATE_CONTRACT_RECORD") == "" {
		t.Skip("TIDEGATE_CONTRACT_RECORD asks for no recording of a real FreeSWITCH")
	}
	recordCall(t, env("TIDEGATE_TEST_FREESWITCH_FIRST", "127.0.0.1:8084"), env("TIDEGATE_TEST_FREESWITCH_SIP", "127.0.0.1:5060"))
	recordNode(t, socket, env("TIDEGATE_TEST_FREESWITCH_PASSWORD", "ClueCon"))
}

// tape keeps all that comes over a connection.
type tape struct {
	net.Conn
	mu  sync.Mutex
	raw bytes.Buffer
	end chan struct{}
}

func newTape(c net.Conn) *tape {
	p := &tape{Conn: c, end: make(chan struct{})}
	go func() {
		defer close(p.end)
		b := make([]byte, 1<<16)
		for {
			n, err := c.Read(b)
			p.mu.Lock()
			p.raw.Write(b[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *tape) has(n int, what string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Count(p.raw.String(), what) >= n
}

// ask sends a command and waits until what comes afterwards holds want.
func (p *tape) ask(t *testing.T, command, want string) {
	t.Helper()
	p.mu.Lock()
	n := strings.Count(p.raw.String(), want) + 1
	p.mu.Unlock()
	if _, err := io.WriteString(p, command+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, command+" -> "+want, func() bool { return p.has(n, want) })
}

func (p *tape) save(t *testing.T, name string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := os.WriteFile("testdata/"+name, anonymous(p.raw.Bytes()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func recordCall(t *testing.T, listen, sip string) {
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	phone, err := sipua.New(sipua.Options{Listen: "127.0.0.1:0", UserAgent: "contract"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = phone.Close() }()
	e := &bench{target: Target{SIP: sip}, phone: phone, forks: startForks(t)}
	ringing := e.ring(t, map[string]string{"X-Tidegate-Scenario": "return"})
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	p := newTape(c)
	p.ask(t, "connect", "Control: full")
	id := regexp.MustCompile(`(?m)^Unique-ID: (\S+)$`).FindStringSubmatch(p.raw.String())[1]
	p.ask(t, "linger 5", "+OK will linger")
	p.ask(t, "myevents plain", "Events Enabled")
	p.ask(t, "event plain PLAYBACK_START PLAYBACK_STOP CUSTOM mod_audio_fork::connect mod_audio_fork::connect_failed mod_audio_fork::disconnect mod_audio_fork::json", "listener enabled")
	p.ask(t, "sendmsg\r\ncall-command: execute\r\nexecute-app-name: answer\r\nevent-lock: true\r\nEvent-UUID: answer-1", "Event-Name: CHANNEL_EXECUTE_COMPLETE")
	phoneCall := answered(t, ringing)
	if err := phoneCall.SendDTMF(t.Context(), '5', 120*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the key", func() bool { return p.has(1, "DTMF-Digit: 5") })
	url, connected := e.forks.expectFork()
	p.ask(t, "api uuid_audio_fork ^^|"+id+"|start|"+url+"|mono|8000|tidegate|''|true|true|8000", "mod_audio_fork%3A%3Aconnect")
	f := <-connected
	p.ask(t, "api uuid_audio_fork ^^|"+id+"|start|"+url+"|mono|8000|tidegate|''|true|true|8000", "-ERR Operation Failed")
	p.ask(t, "api uuid_buglist "+id, "</media-bugs>")
	if err := f.conn.WriteText([]byte(`{"type":"json","data":{"said":"退货"}}`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the message", func() bool { return p.has(1, "mod_audio_fork%3A%3Ajson") })
	f.conn.Abort()
	eventually(t, "the loss", func() bool { return p.has(1, "mod_audio_fork%3A%3Adisconnect") })
	p.ask(t, "api uuid_audio_fork ^^|"+id+"|stop|tidegate", "+OK Success")
	p.ask(t, "api uuid_audio_fork ^^|"+id+"|start|ws://127.0.0.1:9/x|mono|8000|tidegate|''|true|true|8000", "connect_failed")
	p.ask(t, "sendmsg\r\ncall-command: execute\r\nexecute-app-name: playback\r\nexecute-app-arg: tone_stream://%(200,0,700)\r\nevent-lock: true\r\nEvent-UUID: play-1", "Application-UUID: play-1")
	eventually(t, "the playback's end", func() bool { return p.has(1, "FILE%20PLAYED") })
	p.ask(t, "api uuid_kill 00000000-0000-4000-8000-00000000dead", "No such channel")
	p.ask(t, "api uuid_audio_fork", "-USAGE")
	if err := phoneCall.Hangup(context.Background(), sipua.CauseNormalClearing); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end", func() bool { return p.has(1, "CHANNEL_HANGUP_COMPLETE") && p.has(1, "Content-Disposition: linger") })
	_ = p.Close()
	<-p.end
	p.save(t, "call.wire")
}

func recordNode(t *testing.T, socket, password string) {
	c, err := net.Dial("tcp", socket)
	if err != nil {
		t.Fatal(err)
	}
	p := newTape(c)
	eventually(t, "the question", func() bool { return p.has(1, "auth/request") })
	p.ask(t, "auth "+password, "+OK accepted")
	p.ask(t, "event plain HEARTBEAT BACKGROUND_JOB SHUTDOWN", "+OK event listener enabled plain")
	p.ask(t, "api global_getvar core_uuid", "api/response")
	p.ask(t, "api show channels as json", "row_count")
	p.ask(t, "api nothing_known", "-ERR")
	p.ask(t, "bgapi originate {origination_uuid=rec-1}sofia/external/nobody@127.0.0.1:9 '&park()'\r\nJob-UUID: job-1", "Event-Name: BACKGROUND_JOB")
	for !p.has(1, "Event-Name: HEARTBEAT") {
		time.Sleep(100 * time.Millisecond)
	}
	p.ask(t, "exit", "Disconnected")
	_ = p.Close()
	<-p.end
	p.save(t, "node.wire")
}

var machine = []struct {
	is  *regexp.Regexp
	was string
}{
	{regexp.MustCompile(`(?m)^(FreeSWITCH-Hostname|FreeSWITCH-Switchname|variable_switch_hostname): .*$`), "$1: node-a"},
	{regexp.MustCompile(`(?m)^(FreeSWITCH-IPv4|variable_local_ip_v4): .*$`), "$1: 192.0.2.1"},
	{regexp.MustCompile(`(?m)^(FreeSWITCH-IPv6): .*$`), "$1: %3A%3A1"},
	{regexp.MustCompile(`(?m)^(variable_tidegate_secret): .*$`), "$1: recorded-secret"},
	{regexp.MustCompile(`"hostname":"[^"]*"`), `"hostname":"node-a"`},
	{regexp.MustCompile(`/(work|tmp|root|home|usr|var)/[^\s,"%']*`), "/path"},
}

// anonymous takes out what belongs to the machine and puts the lengths right again.
func anonymous(raw []byte) []byte {
	clean := func(s string) string {
		for _, m := range machine {
			s = m.is.ReplaceAllString(s, m.was)
		}
		return s
	}
	length := regexp.MustCompile(`(?m)^Content-Length: (\d+)$`)
	var out strings.Builder
	rest := string(raw)
	for {
		head, after, ok := strings.Cut(rest, "\n\n")
		if !ok {
			return []byte(out.String())
		}
		rest = after
		m := length.FindStringSubmatch(head)
		if m == nil {
			out.WriteString(clean(head) + "\n\n")
			continue
		}
		n, err := strconv.Atoi(m[1])
		if err != nil || n > len(rest) {
			return []byte(out.String()) // cut off at the end of the recording
		}
		body := clean(rest[:n])
		rest = rest[n:]
		out.WriteString(length.ReplaceAllString(clean(head), fmt.Sprintf("Content-Length: %d", len(body))) + "\n\n" + body)
	}
}
