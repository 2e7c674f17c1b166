package esl

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestChannelInfo(t *testing.T) {
	ch, _ := channelOf(t)
	i := ch.Info()
	if ch.ID() != testCall || i.CallerNumber != "13800000001" || i.CallerName != "王小明" || i.CalledNumber != "95000" ||
		i.SIPCallID != "abc@host" || i.Hostname != "node-a" || i.CoreUUID != testCore || i.Answered || i.Codec != "PCMA" || i.Rate != 8000 {
		t.Fatalf("info %+v", i)
	}
	if i.Variable("sip_call_id") != "abc@host" || i.Variable("unset") != "" {
		t.Fatal("variables")
	}
}

func TestEventsComeInOrderOnce(t *testing.T) {
	ch, p := channelOf(t)
	p.send(
		event("DTMF", 12, "", "DTMF-Digit", "2", "DTMF-Duration", "1600", "DTMF-Source", "RTP"),
		event("DTMF", 10, "", "DTMF-Digit", "#"),
		event("DTMF", 12, "", "DTMF-Digit", "2"),
		event("CHANNEL_ANSWER", 3, ""),
		event("HEARTBEAT_OF_NOBODY", 4, ""),
		event("CHANNEL_HANGUP_COMPLETE", 900, "", "Hangup-Cause", "NORMAL_CLEARING", "variable_billsec", "7", "variable_duration", "9"),
		event("CHANNEL_HANGUP", 899, "", "Hangup-Cause", "USER_BUSY"),
	)
	var got []string
	var last Event
	for ev := range ch.Events() {
		last = ev
		got = append(got, fmt.Sprintf("%T:%d", ev, ev.Origin().Sequence))
	}
	want := "[esl.Answered:3 esl.DTMF:10 esl.DTMF:12 esl.HungUp:899 esl.HangupComplete:900]"
	if fmt.Sprint(got) != want {
		t.Fatalf("got  %v\nwant %s", got, want)
	}
	end := last.(HangupComplete)
	if end.Q850 != 16 || end.Billed != 7*time.Second || end.Duration != 9*time.Second || end.Variable("billsec") != "7" {
		t.Fatalf("end %+v", end)
	}
	if end.ID() != testCore+":900" {
		t.Fatal(end.ID())
	}
	<-ch.Done()
	if _, err := ch.Do(t.Context(), Park{}); !errors.Is(err, ErrClosed) {
		t.Fatalf("command after the end: %v", err)
	}
}

func TestCommandsAreOneAtATime(t *testing.T) {
	ch, p := channelOf(t)
	go func() {
		for {
			lines, ok := p.command()
			if !ok {
				return
			}
			// Each is answered with its own text: a swapped reply would show.
			p.send(message("api/response", "+OK "+lines[0]))
		}
	}()
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			id := fmt.Sprintf("call-%d", i)
			r, err := ch.Do(t.Context(), UUIDExists{UUID: id})
			if err != nil || r.Text != "+OK api uuid_exists "+id {
				t.Errorf("%s: %q %v", id, r.Text, err)
			}
		})
	}
	wg.Wait()
}

func TestRefusalLeavesTheChannelUsable(t *testing.T) {
	ch, p := channelOf(t)
	go func() {
		p.expect("api uuid_kill other-call USER_BUSY")
		p.send(message("api/response", "-ERR No such channel!\n"))
		p.expect("sendmsg")
		p.send(reply("+OK"))
	}()
	_, err := ch.Do(t.Context(), Hangup{UUID: "other-call", Cause: CauseUserBusy})
	var refused *RefusedError
	if !errors.Is(err, ErrRefused) || !errors.As(err, &refused) || refused.Text != "-ERR No such channel!" {
		t.Fatal(err)
	}
	r, err := ch.Do(t.Context(), Playback{File: "/sounds/hello.wav", EventUUID: "ev-1"})
	if err != nil || r.EventUUID != "ev-1" {
		t.Fatal(r, err)
	}
}

func TestLateReplyClosesTheChannel(t *testing.T) {
	ch, p := channelOf(t, func(c *ListenerConfig) { c.CommandTimeout = 50 * time.Millisecond })
	asked := make(chan struct{})
	go func() { defer close(asked); p.expect("api status") }() // and never an answer
	if _, err := ch.Do(t.Context(), Status{}); !errors.Is(err, ErrClosed) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	ev := take(t, ch.Events())
	if d, ok := ev.(Disconnected); !ok || !errors.Is(d.Err, ErrClosed) {
		t.Fatalf("%T", ev)
	}
	<-asked
	if !p.closed() {
		t.Fatal("connection stayed open")
	}
}

func TestReplyOfTheWrongClassClosesTheChannel(t *testing.T) {
	ch, p := channelOf(t)
	go func() {
		p.expect("api status")
		p.send(reply("+OK")) // as if meant for a sendmsg before
	}()
	if _, err := ch.Do(t.Context(), Status{}); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	<-ch.Done()
}

func TestCancelledCallerKeepsTheChannel(t *testing.T) {
	ch, p := channelOf(t)
	asked := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		p.expect("api status")
		close(asked)
		cancel() // the reply is still awaited, so that it answers nobody else
		p.send(message("api/response", "UP"))
		p.expect("api uuid_exists")
		p.send(message("api/response", "true"))
	}()
	if r, err := ch.Do(ctx, Status{}); err != nil || r.Text != "UP" {
		t.Fatal(r, err)
	}
	<-asked
	if _, err := ch.Do(ctx, Status{}); !errors.Is(err, context.Canceled) && err != nil {
		t.Fatal(err)
	}
	if r, err := ch.Do(t.Context(), UUIDExists{}); err != nil || r.Text != "true" {
		t.Fatal(r, err)
	}
}

func TestBadMessagesEndOnlyTheirChannel(t *testing.T) {
	tables := map[string]string{
		"negative length":         "Content-Type: command/reply\nContent-Length: -1\n\n",
		"length of terabytes":     "Content-Type: command/reply\nContent-Length: 9999999999\n\n",
		"two lengths":             "Content-Length: 1\nContent-Length: 2\nContent-Type: command/reply\n\nx",
		"negative length inside":  message("text/event-plain", "Event-Name: DTMF\nContent-Length: -5\n\nx"),
		"long length inside":      message("text/event-plain", "Event-Name: DTMF\nContent-Length: 50\n\nx"),
		"no colon":                "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"unknown content type":    message("text/surprise", "hello"),
		"endless header":          strings.Repeat("X-Filler: "+strings.Repeat("y", 1000)+"\n", 400),
		"death in mid-message":    "Content-Type: text/event-plain\nContent-Length: 400\n\nEvent-Name: DT",
		"death in mid-header":     "Content-Type: text/ev",
		"continuation line first": " folded: x\n\n",
	}
	for name, bad := range tables {
		t.Run(name, func(t *testing.T) {
			ch, p := channelOf(t)
			p.send(event("CHANNEL_ANSWER", 1, ""), bad)
			if strings.HasPrefix(name, "death") {
				_ = p.conn.(*net.TCPConn).CloseWrite()
			}
			if _, ok := take(t, ch.Events()).(Answered); !ok {
				t.Fatal("the event before was lost")
			}
			if _, ok := take(t, ch.Events()).(Disconnected); !ok {
				t.Fatal("no end")
			}
			<-ch.Done()
			if ch.Err() == nil {
				t.Fatal("no reason")
			}
		})
	}
}

func TestLingerWaitsForTheLastEvent(t *testing.T) {
	ch, p := channelOf(t)
	p.send(
		event("CHANNEL_HANGUP", 5, "", "Hangup-Cause", "NORMAL_CLEARING"),
		message("text/disconnect-notice", "", "Controlled-Session-UUID", testCall, "Content-Disposition", "linger", "Linger-Time", "5", "Content-Length", "0"),
	)
	if _, ok := take(t, ch.Events()).(HungUp); !ok {
		t.Fatal("no hang-up")
	}
	p.send(event("CHANNEL_HANGUP_COMPLETE", 6, "", "Hangup-Cause", "NORMAL_CLEARING"))
	if _, ok := take(t, ch.Events()).(HangupComplete); !ok {
		t.Fatal("no completion after the disconnect notice")
	}
	if take(t, ch.Events()) != nil {
		t.Fatal("something after the last event")
	}
}

func TestLingerEnds(t *testing.T) {
	ch, p := channelOf(t, func(c *ListenerConfig) { c.Linger = 30 * time.Millisecond })
	p.send(message("text/disconnect-notice", "", "Content-Disposition", "linger", "Content-Length", "0"))
	if _, ok := take(t, ch.Events()).(Disconnected); !ok {
		t.Fatal("lingers for ever")
	}
}

func TestOverflowClosesTheChannel(t *testing.T) {
	ch, p := channelOf(t, func(c *ListenerConfig) { c.QueueSize = 16 })
	for i := range 200 {
		p.send(event("DTMF", 100+i, "", "DTMF-Digit", "1"))
	}
	<-ch.Done()
	if !errors.Is(ch.Err(), ErrOverflow) {
		t.Fatal(ch.Err())
	}
	n := 0
	for range ch.Events() {
		n++
	}
	if n > 16 || testutil.ToFloat64(ch.conn.metrics.overflows) != 1 {
		t.Fatalf("%d events, overflow not counted", n)
	}
}

func TestCloseIsIdempotent(t *testing.T) {
	ch, p := channelOf(t)
	ch.Close()
	ch.Close()
	if _, ok := take(t, ch.Events()).(Disconnected); !ok {
		t.Fatal("no end")
	}
	<-ch.Done()
	if !p.closed() {
		t.Fatal("open")
	}
}

func TestForkHelpers(t *testing.T) {
	ch, p := channelOf(t)
	bugs := "<media-bugs>\n <media-bug>\n  <function>tidegate</function>\n  <target></target>\n  <thread-locked>0</thread-locked>\n </media-bug>\n</media-bugs>\n"
	go func() {
		p.expect("api uuid_buglist " + testCall)
		p.send(message("api/response", bugs))
		p.expect("api uuid_buglist " + testCall)
		p.send(message("api/response", "<media-bugs>\n</media-bugs>\n"))
		p.expect("api uuid_audio_fork ^^|" + testCall + "|start|ws://127.0.0.1:9/v1/fork/x|mono|8000|tidegate|''|true|true|8000")
		p.send(message("api/response", "+OK Success\n"))
		p.expect("api uuid_audio_fork")
		p.send(message("api/response", "-USAGE: <uuid> [start | stop] [bidirectionalAudio_enabled]\n"))
	}()
	start := AudioForkStart{URL: "ws://127.0.0.1:9/v1/fork/x", Bug: "tidegate", Streaming: true}
	if started, err := ch.EnsureFork(t.Context(), start); started || err != nil {
		t.Fatal(started, err)
	}
	if started, err := ch.EnsureFork(t.Context(), start); !started || err != nil {
		t.Fatal(started, err)
	}
	if m, err := ch.ForkModule(t.Context()); m != ForkStreaming || err != nil {
		t.Fatal(m, err)
	}
}
