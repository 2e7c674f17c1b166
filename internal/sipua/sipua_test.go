package sipua

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/internal/audio"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const patience = 15 * time.Second

func newUA(t *testing.T, opts Options) *UA {
	t.Helper()
	opts.Listen = "127.0.0.1:0"
	u, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := u.Close(); err != nil {
			t.Error(err)
		}
	})
	return u
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// connect gives both ends of an answered call.
func connect(t *testing.T, callee, caller *UA, opts InviteOptions) (uas, uac *Call) {
	t.Helper()
	ctx := testContext(t)
	calls := make(chan *Call, 1)
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	callee.OnInvite(func(c *Call) {
		if err := c.Answer(ctx); err != nil {
			t.Error(err)
		}
		calls <- c
	})
	if opts.URI == "" {
		opts.URI = "sip:4000@" + callee.Addr()
	}
	uac, err := caller.Invite(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case uas = <-calls:
	case <-ctx.Done():
		t.Fatal("no call")
	}
	return uas, uac
}

// play paces a signal into a call until the context ends.
func play(ctx context.Context, c *Call, pcm []int16) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for at := 0; ; at = (at + 160) % (len(pcm) - 159) {
		select {
		case <-ticker.C:
			if c.WriteFrame(pcm[at:at+160]) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func listen(ctx context.Context, t *testing.T, c *Call, frames int) []int16 {
	t.Helper()
	var heard []int16
	for range frames {
		f, err := c.ReadFrame(ctx)
		if err != nil {
			t.Fatal(err)
		}
		heard = append(heard, f.PCM...)
	}
	return heard
}

func waitDone(ctx context.Context, t *testing.T, c *Call) Cause {
	t.Helper()
	select {
	case <-c.Done():
	case <-ctx.Done():
		t.Fatal("call does not end")
	}
	return c.EndCause()
}

func TestToneBothWays(t *testing.T) {
	for _, tc := range []struct {
		name   string
		codecs []Codec
		uri    string
	}{
		{"pcma udp", []Codec{PCMA}, ""},
		{"pcmu udp", []Codec{PCMU, PCMA}, ""},
		{"pcma tcp", nil, ";transport=tcp"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(testContext(t))
			callee, caller := newUA(t, Options{}), newUA(t, Options{})
			uas, uac := connect(t, callee, caller, InviteOptions{
				URI: "sip:4000@" + callee.Addr() + tc.uri, From: "13800138000", DisplayName: "Caller",
				Codecs: tc.codecs, Headers: map[string]string{"X-Tidegate-Scenario": "return"},
			})
			if uas.From() != "13800138000" || uas.To() != "4000" || uas.Header("X-Tidegate-Scenario") != "return" || uas.ID() != uac.ID() {
				t.Fatalf("from %q to %q header %q", uas.From(), uas.To(), uas.Header("X-Tidegate-Scenario"))
			}
			done := make(chan struct{}, 2)
			for call, hz := range map[*Call]float64{uas: 440, uac: 1000} {
				go func() {
					play(ctx, call, audio.Tone(hz, time.Second, 8000, 0.5))
					done <- struct{}{}
				}()
			}
			for call, hz := range map[*Call]float64{uas: 1000, uac: 440} {
				heard := listen(ctx, t, call, 25)
				if peak := audio.Peak(audio.Spectrum(heard[800:], 8000)); peak.Hz < hz-20 || peak.Hz > hz+20 {
					t.Errorf("heard %.0f Hz, want %.0f", peak.Hz, hz)
				}
			}
			cancel()
			<-done
			<-done
			if err := uac.Hangup(testContext(t), CauseNormalClearing); err != nil {
				t.Fatal(err)
			}
			if cause := waitDone(testContext(t), t, uas); cause.Q850 != CauseNormalClearing || !cause.ByRemote {
				t.Errorf("cause %+v", cause)
			}
		})
	}
}

func TestDigitsBothWays(t *testing.T) {
	ctx := testContext(t)
	callee, caller := newUA(t, Options{}), newUA(t, Options{})
	uas, uac := connect(t, callee, caller, InviteOptions{})
	for from, to := range map[*Call]*Call{uas: uac, uac: uas} {
		const keys = "1337#*0D"
		sent := make(chan error, 1)
		go func() {
			for _, key := range keys {
				if err := from.SendDTMF(ctx, key, 60*time.Millisecond); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		var got string
		for range keys {
			select {
			case d := <-to.Digits():
				got += string(d.Digit)
				if d.Duration != 60*time.Millisecond || d.Source != "RTP" {
					t.Errorf("digit %+v", d)
				}
			case <-ctx.Done():
				t.Fatalf("only %q", got)
			}
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if got != keys {
			t.Errorf("got %q", got)
		}
	}
	if err := uas.SendDTMF(ctx, 'x', time.Second); !errors.Is(err, ErrDigit) {
		t.Errorf("x: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	for _, code := range []int{486, 480, 503, 603} {
		callee, caller := newUA(t, Options{}), newUA(t, Options{})
		callee.OnInvite(func(c *Call) { _ = c.Reject(code, "") })
		_, err := caller.Invite(testContext(t), InviteOptions{URI: "sip:1@" + callee.Addr()})
		var refused *StatusError
		if !errors.As(err, &refused) || refused.Status != code || refused.Cause.Q850 != CauseFromStatus(code) {
			t.Errorf("%d: %v", code, err)
		}
	}
}

func TestRefusedByCause(t *testing.T) {
	callee, caller := newUA(t, Options{}), newUA(t, Options{})
	callee.OnInvite(func(c *Call) { _ = c.Hangup(testContext(t), 34) })
	_, err := caller.Invite(testContext(t), InviteOptions{URI: "sip:1@" + callee.Addr()})
	var refused *StatusError
	if !errors.As(err, &refused) || refused.Status != 503 || refused.Cause.Q850 != 34 {
		t.Fatalf("%v", err)
	}
}

func TestUnansweredIsRefused(t *testing.T) {
	callee, caller := newUA(t, Options{}), newUA(t, Options{})
	callee.OnInvite(func(c *Call) { _ = c.Ringing() })
	_, err := caller.Invite(testContext(t), InviteOptions{URI: "sip:1@" + callee.Addr()})
	var refused *StatusError
	if !errors.As(err, &refused) || refused.Status != 480 {
		t.Fatalf("%v", err)
	}
}

func TestOverCapacity(t *testing.T) {
	callee, caller := newUA(t, Options{MaxCalls: 1}), newUA(t, Options{})
	connect(t, callee, caller, InviteOptions{})
	_, err := caller.Invite(testContext(t), InviteOptions{URI: "sip:1@" + callee.Addr()})
	var refused *StatusError
	if !errors.As(err, &refused) || refused.Status != 503 {
		t.Fatalf("%v", err)
	}
}

func TestCancel(t *testing.T) {
	callee, caller := newUA(t, Options{}), newUA(t, Options{})
	ended := make(chan Cause, 1)
	callee.OnInvite(func(c *Call) {
		_ = c.Ringing()
		<-c.Done()
		ended <- c.EndCause()
	})
	ctx, cancel := context.WithCancel(testContext(t))
	ringing := make(chan struct{})
	go func() {
		<-ringing
		cancel()
	}()
	_, err := caller.Invite(ctx, InviteOptions{URI: "sip:1@" + callee.Addr(), OnProgress: func(status int, _ bool) {
		if status == 180 {
			close(ringing)
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	select {
	case cause := <-ended:
		if cause.Status != 487 || !cause.ByRemote {
			t.Errorf("%+v", cause)
		}
	case <-time.After(patience):
		t.Fatal("callee not told")
	}
}

func TestByeRace(t *testing.T) {
	callee, caller := newUA(t, Options{}), newUA(t, Options{})
	for range 5 {
		uas, uac := connect(t, callee, caller, InviteOptions{})
		results := make(chan error, 2)
		go func() { results <- uas.Hangup(testContext(t), 16) }()
		go func() { results <- uac.Hangup(testContext(t), 17) }()
		for range 2 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		waitDone(testContext(t), t, uas)
		waitDone(testContext(t), t, uac)
	}
}

func TestHangupCarriesCause(t *testing.T) {
	callee, caller := newUA(t, Options{}), newUA(t, Options{})
	uas, uac := connect(t, callee, caller, InviteOptions{})
	if err := uas.Hangup(testContext(t), 41); err != nil {
		t.Fatal(err)
	}
	if err := uas.Hangup(testContext(t), 41); err != nil {
		t.Fatal("second hang-up:", err)
	}
	if cause := waitDone(testContext(t), t, uac); cause.Q850 != 41 {
		t.Errorf("%+v", cause)
	}
	if err := uac.WriteFrame(make([]int16, 160)); !errors.Is(err, ErrMediaClosed) {
		t.Errorf("write after end: %v", err)
	}
}

func TestEarlyMedia(t *testing.T) {
	ctx, cancel := context.WithCancel(testContext(t))
	callee, caller := newUA(t, Options{}), newUA(t, Options{})
	go1 := make(chan struct{})
	callee.OnInvite(func(c *Call) {
		if err := c.Progress(); err != nil {
			t.Error(err)
		}
		<-go1
		_ = c.Answer(ctx)
		play(ctx, c, audio.Tone(440, time.Second, 8000, 0.5))
	})
	flows := make(chan bool, 1)
	uac, err := caller.Invite(ctx, InviteOptions{URI: "sip:1@" + callee.Addr(), OnProgress: func(_ int, media bool) {
		flows <- media
		close(go1)
	}})
	if err != nil || !<-flows {
		t.Fatal("early media:", err)
	}
	listen(ctx, t, uac, 5)
	cancel()
}

func TestBadAddresses(t *testing.T) {
	u := newUA(t, Options{})
	for _, opts := range []InviteOptions{
		{URI: ""}, {URI: "nonsense"}, {URI: "sip:a@127.0.0.1\r\nX: y"},
		{URI: "sip:a@127.0.0.1", Headers: map[string]string{"X": "a\r\nb"}},
		{URI: "sip:a@127.0.0.1", Headers: map[string]string{"X y": "a"}},
		{URI: "sip:a@127.0.0.1", RTPIP: "nowhere"},
	} {
		if _, err := u.Invite(testContext(t), opts); !errors.Is(err, ErrAddress) {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

func TestRTPPortRange(t *testing.T) {
	callee := newUA(t, Options{RTPMin: 42000, RTPMax: 42100})
	uas, _ := connect(t, callee, newUA(t, Options{}), InviteOptions{})
	if port := uas.LocalRTP().Port(); port < 42000 || port > 42100 || port%2 != 0 {
		t.Errorf("port %d", port)
	}
}

// TestGarbage sends what is no RTP into a running call.
func TestGarbage(t *testing.T) {
	ctx := testContext(t)
	uas, uac := connect(t, newUA(t, Options{}), newUA(t, Options{}), InviteOptions{})
	conn, err := net.Dial("udp", uas.LocalRTP().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, packet := range [][]byte{{1}, make([]byte, 3000), []byte("hello, this is not RTP at all")} {
		if _, err := conn.Write(packet); err != nil {
			t.Fatal(err)
		}
	}
	for uas.MediaStats().Garbage < 3 {
		select {
		case <-ctx.Done():
			t.Fatalf("%+v", uas.MediaStats())
		case <-time.After(5 * time.Millisecond):
		}
	}
	if err := uac.WriteFrame(audio.Tone(440, 20*time.Millisecond, 8000, 0.5)); err != nil {
		t.Fatal(err)
	}
	listen(ctx, t, uas, 1)
}
