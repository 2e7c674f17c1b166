package esl

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tidegate/tidegate/internal/obs/obstest"
)

func TestWrongSecretIsRefusedAndNotLogged(t *testing.T) {
	var out obstest.Log
	cfg := ListenerDefaults()
	cfg.Listen, cfg.Secret = "127.0.0.1:0", testSecret
	l, err := New(cfg, func(context.Context, *Channel) { t.Error("handler ran") }, Deps{Log: slog.New(slog.NewTextHandler(&out, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"", "guessed-value", testSecret + "x"} {
		p := dial(t, l)
		if !p.passed(secret) {
			t.Fatal("stayed open")
		}
	}
	if err := l.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := testutil.ToFloat64(l.metrics.refused.WithLabelValues(refusedSecret)); got != 3 {
		t.Fatalf("counted %v", got)
	}
	if s := out.String(); strings.Contains(s, "guessed-value") || strings.Contains(s, testSecret) || !strings.Contains(s, "secret") {
		t.Fatalf("log: %s", s)
	}
}

func TestDrainLeavesNewCallsAndKeepsOld(t *testing.T) {
	got := make(chan *Channel, 1)
	l := testListener(t, func(ctx context.Context, ch *Channel) {
		got <- ch
		for range ch.Events() {
		}
	})
	old := dial(t, l)
	old.admit()
	ch := <-got
	drained := make(chan error, 1)
	go func() { drained <- l.Drain(t.Context()) }()
	for {
		l.mu.Lock()
		draining := l.draining
		l.mu.Unlock()
		if draining {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if !dial(t, l).passed(testSecret) {
		t.Fatal("a new call was kept")
	}
	go func() {
		old.expect("sendmsg")
		old.send(reply("+OK"))
		old.send(event("CHANNEL_HANGUP_COMPLETE", 9, ""))
	}()
	if _, err := ch.Do(t.Context(), Park{}); err != nil {
		t.Fatal(err)
	}
	if err := <-drained; err != nil {
		t.Fatal(err)
	}
	if got := testutil.ToFloat64(l.metrics.refused.WithLabelValues(refusedDraining)); got != 1 {
		t.Fatalf("counted %v", got)
	}
}

func TestStopFreesTheAddress(t *testing.T) {
	l := testListener(t, func(ctx context.Context, _ *Channel) { <-ctx.Done() })
	p := dial(t, l)
	p.admit()
	addr := l.Addr().String()
	for range 2 {
		if err := l.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !p.closed() {
		t.Fatal("call still under control")
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		_ = c.Close()
		t.Fatal("address still open: FreeSWITCH would wait in it")
	}
}

func TestCapacity(t *testing.T) {
	l := testListener(t, func(ctx context.Context, _ *Channel) { <-ctx.Done() }, func(c *ListenerConfig) { c.MaxChannels = 1 })
	first := dial(t, l)
	first.admit()
	if !dial(t, l).passed(testSecret) {
		t.Fatal("over capacity")
	}
}

func TestSilentPeerTimesOut(t *testing.T) {
	l := testListener(t, func(context.Context, *Channel) { t.Error("handler ran") }, func(c *ListenerConfig) { c.Handshake = 50 * time.Millisecond })
	p := dial(t, l)
	p.expect("connect")
	if !p.closed() {
		t.Fatal("waits for ever")
	}
}

func TestListenerConfigNamesEveryKey(t *testing.T) {
	err := ListenerConfig{Listen: "nowhere", Hold: -1}.Validate()
	for _, key := range []string{"listen", "secret", "handshake_timeout", "command_timeout", "linger", "hold", "queue_size", "max_channels"} {
		if !strings.Contains(err.Error(), key+":") {
			t.Errorf("%s not named in %v", key, err)
		}
	}
	ok := ListenerDefaults()
	ok.Secret = "x"
	if err := ok.Validate(); err != nil {
		t.Fatal(err)
	}
}
