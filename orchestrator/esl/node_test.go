package esl

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// node is a switch's inbound event socket.
type node struct {
	ln   net.Listener
	core atomic.Value
	// answer handles a logged-in connection's commands after the layer's own; false ends the connection.
	answer func(p *peer, lines []string) bool
	logins atomic.Int32
}

func startNode(t *testing.T, answer func(*peer, []string) bool) *node {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &node{ln: ln, answer: answer}
	n.core.Store(testCore)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go n.serve(newPeer(t, c))
		}
	}()
	return n
}

func (n *node) serve(p *peer) {
	defer func() { _ = p.conn.Close() }()
	p.send("Content-Type: auth/request\n\n")
	lines, ok := p.command()
	if !ok {
		return
	}
	if lines[0] != "auth right" {
		p.send(reply("-ERR invalid"), message("text/disconnect-notice", "Disconnected, goodbye.\n"))
		return
	}
	n.logins.Add(1)
	p.send(reply("+OK accepted"))
	for {
		lines, ok := p.command()
		if !ok {
			return
		}
		if n.answer != nil && n.answer(p, lines) {
			continue
		}
		switch {
		case lines[0] == "api global_getvar core_uuid":
			p.send(message("api/response", n.core.Load().(string)))
		case strings.HasPrefix(lines[0], "event plain HEARTBEAT"):
			p.send(reply("+OK event listener enabled plain"), event("HEARTBEAT", 1, "", "Session-Count", "3", "Max-Sessions", "1000", "Uptime-msec", "5000", "Idle-CPU", "97.5"))
		case lines[0] == "api drop":
			return
		case strings.HasPrefix(lines[0], "api"):
			p.send(message("api/response", "-ERR "+lines[0]+" Command not found!\n"))
		default:
			p.send(reply("-ERR command not found"))
		}
	}
}

func linkTo(t *testing.T, n *node, change ...func(*NodeConfig)) *NodeLink {
	t.Helper()
	cfg := NodeDefaults()
	cfg.Name, cfg.Address, cfg.Password = "n1", n.ln.Addr().String(), "right"
	cfg.BackoffMin, cfg.BackoffMax = 5*time.Millisecond, 20*time.Millisecond
	for _, c := range change {
		c(&cfg)
	}
	l, err := NewNodeLink(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := l.Stop(ctx); err != nil {
			t.Error(err)
		}
		if l.State() != NodeStateDown {
			t.Error("not down after its end")
		}
	})
	return l
}

func awaitEvent[E Event](t *testing.T, l *NodeLink) E {
	t.Helper()
	for {
		if ev, ok := take(t, l.Events()).(E); ok {
			return ev
		}
	}
}

func TestNodeLinkComesUp(t *testing.T) {
	n := startNode(t, nil)
	l := linkTo(t, n)
	if up := awaitEvent[NodeUp](t, l); up.Node != "n1" || up.CoreUUID != testCore {
		t.Fatalf("%+v", up)
	}
	for until := time.Now().Add(patience); l.LastHeartbeat().Time.IsZero() && time.Now().Before(until); {
		time.Sleep(time.Millisecond) // its event may have come before NodeUp, and be gone
	}
	beat := l.LastHeartbeat()
	if beat.Sessions != 3 || beat.MaxSessions != 1000 || beat.Uptime != 5*time.Second || beat.IdleCPU != 97.5 {
		t.Fatalf("%+v", beat)
	}
	if l.State() != NodeStateUp || l.CoreUUID() != testCore || n.logins.Load() != 2 {
		t.Fatal(l.State(), n.logins.Load())
	}
	if testutil.ToFloat64(l.metrics.nodeUp.WithLabelValues("n1")) != 1 {
		t.Fatal("gauge")
	}
	if _, err := l.API(t.Context(), Status{}); !errors.Is(err, ErrRefused) {
		t.Fatal(err)
	}
}

func TestNodeLinkComesBackAndTellsOfRestart(t *testing.T) {
	n := startNode(t, nil)
	l := linkTo(t, n)
	awaitEvent[NodeUp](t, l)
	n.core.Store("another-core")
	l.mu.Lock()
	c := l.commands
	l.mu.Unlock()
	_ = c.framed.Conn.Close()
	if down := awaitEvent[NodeDown](t, l); down.Err == nil {
		t.Fatal("no reason")
	}
	r := awaitEvent[NodeRestarted](t, l)
	if r.PreviousCore != testCore || r.CoreUUID != "another-core" {
		t.Fatalf("%+v", r)
	}
	awaitEvent[NodeUp](t, l)
	if testutil.ToFloat64(l.metrics.restarts.WithLabelValues("n1")) != 1 || testutil.ToFloat64(l.metrics.reconnects.WithLabelValues("n1")) < 1 {
		t.Fatal("not counted")
	}
}

func TestNodeLinkWrongPassword(t *testing.T) {
	n := startNode(t, nil)
	l := linkTo(t, n, func(c *NodeConfig) { c.Password = "wrong" })
	time.Sleep(50 * time.Millisecond)
	if _, err := l.API(t.Context(), Status{}); !errors.Is(err, ErrNodeDown) || n.logins.Load() != 0 {
		t.Fatal(err)
	}
}

func TestNodeLinkSilenceBreaksIt(t *testing.T) {
	n := startNode(t, nil) // beats once, and never again
	l := linkTo(t, n, func(c *NodeConfig) { c.HeartbeatTimeout = 80 * time.Millisecond })
	awaitEvent[NodeUp](t, l)
	if down := awaitEvent[NodeDown](t, l); !errors.Is(down.Err, ErrClosed) || !strings.Contains(down.Err.Error(), "heartbeat") {
		t.Fatal(down.Err)
	}
}

func TestNodeLinkDeadCommandsBreakIt(t *testing.T) {
	var pings atomic.Int32
	n := startNode(t, func(_ *peer, lines []string) bool {
		return lines[0] == "api global_getvar core_uuid" && pings.Add(1) == 2 // swallowed
	})
	l := linkTo(t, n, func(c *NodeConfig) { c.PingInterval, c.CommandTimeout = 20*time.Millisecond, 60*time.Millisecond })
	awaitEvent[NodeUp](t, l)
	if down := awaitEvent[NodeDown](t, l); !errors.Is(down.Err, context.DeadlineExceeded) {
		t.Fatal(down.Err)
	}
	awaitEvent[NodeUp](t, l)
}

func TestNodeLinkUnreachable(t *testing.T) {
	n := startNode(t, nil)
	_ = n.ln.Close()
	l := linkTo(t, n)
	time.Sleep(30 * time.Millisecond)
	if l.State() == NodeStateUp {
		t.Fatal("up")
	}
}

func TestOriginateWaitsForItsJob(t *testing.T) {
	jobs := make(chan string, 8)
	subscribed := make(chan *peer, 4)
	n := startNode(t, func(p *peer, lines []string) bool {
		switch {
		case strings.HasPrefix(lines[0], "event plain"):
			p.send(reply("+OK"))
			subscribed <- p
			return true
		case strings.HasPrefix(lines[0], "bgapi originate"):
			job := strings.TrimPrefix(lines[1], "Job-UUID: ")
			p.send(message("command/reply", "", "Reply-Text", "+OK Job-UUID: "+job, "Job-UUID", job))
			jobs <- job
			return true
		}
		return false
	})
	l := linkTo(t, n)
	awaitEvent[NodeUp](t, l)
	events := <-subscribed
	go func() {
		events.send(event("BACKGROUND_JOB", 8, "+OK someone-else\n", "Job-UUID", "other-job"))
		events.send(event("BACKGROUND_JOB", 9, "+OK call-9\n", "Job-UUID", <-jobs))
		events.send(event("BACKGROUND_JOB", 10, "-ERR USER_BUSY\n", "Job-UUID", <-jobs))
	}()
	id, err := l.Originate(t.Context(), Originate{UUID: "call-9", Endpoint: "user/1"})
	if id != "call-9" || err != nil {
		t.Fatal(id, err)
	}
	var refused *RefusedError
	if _, err := l.Originate(t.Context(), Originate{Endpoint: "user/1"}); !errors.As(err, &refused) || refused.Text != "-ERR USER_BUSY" {
		t.Fatal(err)
	}
}

func TestShowChannels(t *testing.T) {
	body := `{"row_count":1,"rows":[{"uuid":"u","direction":"inbound","created_epoch":"1790000000","state":"CS_EXECUTE","callstate":"ACTIVE","cid_num":"13800000001","dest":"95000"}]}`
	n := startNode(t, func(p *peer, lines []string) bool {
		if lines[0] != "api show channels as json" {
			return false
		}
		p.send(message("api/response", body))
		return true
	})
	l := linkTo(t, n)
	awaitEvent[NodeUp](t, l)
	rows, err := l.ShowChannels(t.Context())
	if err != nil || len(rows) != 1 || rows[0].UUID != "u" || rows[0].Created.Unix() != 1790000000 || rows[0].CallState != "ACTIVE" {
		t.Fatal(rows, err)
	}
	if rows, err := ParseChannels(`{"row_count":0}`); err != nil || len(rows) != 0 {
		t.Fatal(rows, err)
	}
	if _, err := ParseChannels("+OK"); !errors.Is(err, ErrMalformed) {
		t.Fatal(err)
	}
}

func TestNodeConfigNamesEveryKey(t *testing.T) {
	err := NodeConfig{Address: "x", Events: []string{"A B"}, BackoffMin: 1}.Validate()
	for _, key := range []string{"address", "password", "connect_timeout", "command_timeout", "ping_interval", "heartbeat_timeout", "backoff_max", "max_originates", "queue_size", "events"} {
		if !strings.Contains(err.Error(), key+":") {
			t.Errorf("%s not named in %v", key, err)
		}
	}
}
