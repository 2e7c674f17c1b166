package contract

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/sipua"
	"github.com/tidegate/tidegate/orchestrator/esl"
)

func nodeLink(t *testing.T, e *bench) {
	eventually(t, "the node link is up", func() bool { return e.node.State() == esl.NodeStateUp })
	if e.node.CoreUUID() == "" {
		t.Error("no Core-UUID")
	}
	status, err := e.node.API(t.Context(), esl.Status{})
	if err != nil || !strings.HasPrefix(status, "UP ") {
		t.Errorf("status %q %v", status, err)
	}
}

func nodePassword(t *testing.T, e *bench) {
	n := startNode(t, e.target.EventSocket, e.target.Password+"x")
	time.Sleep(300 * time.Millisecond)
	if n.State() == esl.NodeStateUp {
		t.Error("logged in with a wrong password")
	}
	if _, err := n.API(t.Context(), esl.Status{}); !errors.Is(err, esl.ErrNodeDown) {
		t.Error(err)
	}
}

// callee is a second phone that answers what reaches it.
func (e *bench) callee(t *testing.T) (uri string, calls <-chan *sipua.Call) {
	t.Helper()
	phone, err := sipua.New(sipua.Options{Listen: "127.0.0.1:0", UserAgent: "contract-callee"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = phone.Close() })
	taken := make(chan *sipua.Call, 4)
	phone.OnInvite(func(c *sipua.Call) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if strings.HasPrefix(c.To(), "busy") {
			_ = c.Reject(486, "Busy Here")
			return
		}
		if c.Answer(ctx) == nil {
			taken <- c
		}
	})
	return phone.Addr(), taken
}

func (e *bench) endpoint(user, address string) string {
	return esl.SIPEndpoint(e.target.Profile, "sip:"+user+"@"+address)
}

func await(t *testing.T, calls <-chan *sipua.Call) *caller {
	t.Helper()
	select {
	case c := <-calls:
		return talk(t, c)
	case <-time.After(patience):
		t.Fatal("nobody called the second phone")
		return nil
	}
}

func bridge(t *testing.T, e *bench) {
	ch, c := e.inCall(t)
	address, calls := e.callee(t)
	about := `{"intent":"退货","order":"A-1, 2; \"x\" $5 ${y}"}`
	r, err := ch.Do(t.Context(), esl.Bridge{
		Endpoint: e.endpoint("agent", address), CallerNumber: "13800000001", Timeout: 10 * time.Second,
		Headers: map[string]string{"X-Tidegate-Context": about, "X-Tidegate-Call": ch.ID()},
	})
	if err != nil {
		t.Fatal(err)
	}
	agent := await(t, calls)
	if got, _ := url.PathUnescape(agent.Header("X-Tidegate-Context")); got != about {
		t.Errorf("context header %q", agent.Header("X-Tidegate-Context"))
	}
	if agent.Header("X-Tidegate-Call") != ch.ID() || agent.From() != "13800000001" {
		t.Errorf("call header %q, from %q", agent.Header("X-Tidegate-Call"), agent.From())
	}
	b := expect[esl.Bridged](t, ch)
	if b.OtherID == "" || b.OtherID == ch.ID() {
		t.Errorf("%+v", b)
	}
	c.say(450)
	agent.say(800)
	eventually(t, "the agent hears the caller", func() bool { return agent.hears(450) })
	eventually(t, "the caller hears the agent", func() bool { return c.hears(800) })
	if err := agent.Hangup(t.Context(), sipua.CauseNormalClearing); err != nil {
		t.Fatal(err)
	}
	if u := expect[esl.Unbridged](t, ch); u.OtherID != b.OtherID {
		t.Errorf("unbridged from %q, bridged to %q", u.OtherID, b.OtherID)
	}
	_ = r
	if end := expect[esl.HangupComplete](t, ch); end.Cause != esl.CauseNormalClearing {
		t.Errorf("after the bridge: %s", end.Cause)
	}

	ch, _ = e.inCall(t)
	r, err = ch.Do(t.Context(), esl.Bridge{Endpoint: e.endpoint("busy", address), Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if x := expect(t, ch, func(x esl.ExecuteComplete) bool { return x.EventUUID == r.EventUUID }); x.Dialled != "USER_BUSY" {
		t.Errorf("busy agent: %+v", x)
	}
	if _, err := ch.Do(t.Context(), esl.UUIDExists{}); err != nil {
		t.Errorf("the call should go on after a failed bridge: %v", err)
	}
}

func bridgeChannels(t *testing.T, e *bench) {
	ch, c := e.inCall(t)
	address, calls := e.callee(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	id, err := e.node.Originate(ctx, esl.Originate{Endpoint: e.endpoint("agent", address), Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	agent := await(t, calls)
	if _, err := ch.Do(t.Context(), esl.BridgeChannels{Other: id}); err != nil {
		t.Fatal(err)
	}
	if b := expect[esl.Bridged](t, ch); b.OtherID != id {
		t.Errorf("%+v", b)
	}
	c.say(450)
	agent.say(800)
	eventually(t, "the agent hears the caller", func() bool { return agent.hears(450) })
	eventually(t, "the caller hears the agent", func() bool { return c.hears(800) })
	if _, err := e.node.API(t.Context(), esl.Hangup{UUID: id}); err != nil {
		t.Fatal(err)
	}
}

func channels(t *testing.T, e *bench) {
	ch, _ := e.inCall(t)
	var row esl.ChannelRow
	eventually(t, "the call is listed", func() bool { // the switch writes its list with some delay
		rows, err := e.node.ShowChannels(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, row = range rows {
			if row.UUID == ch.ID() && row.CallState == "ACTIVE" {
				return true
			}
		}
		return false
	})
	if row.Direction != "inbound" || row.CallerNumber != "13800000001" || row.Destination != "95000" || row.Created.IsZero() {
		t.Errorf("%+v", row)
	}
}

func originate(t *testing.T, e *bench) {
	address, calls := e.callee(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	id, err := e.node.Originate(ctx, esl.Originate{
		UUID: "0a0b0c0d-0000-4000-8000-000000000042", Endpoint: e.endpoint("agent", address), CallerNumber: "95000",
		Timeout: 10 * time.Second, Headers: map[string]string{"X-Tidegate-Campaign": "回访 1"},
	})
	if err != nil || id != "0a0b0c0d-0000-4000-8000-000000000042" {
		t.Fatal(id, err)
	}
	agent := await(t, calls)
	if got, _ := url.PathUnescape(agent.Header("X-Tidegate-Campaign")); got != "回访 1" || agent.From() != "95000" {
		t.Errorf("header %q from %q", got, agent.From())
	}
	dump, err := e.node.Dump(ctx, id)
	if err != nil || dump["Unique-ID"] != id {
		t.Errorf("dump %q %v", dump["Unique-ID"], err)
	}
	if _, err := e.node.API(ctx, esl.Hangup{UUID: id}); err != nil {
		t.Error(err)
	}
	_, err = e.node.Originate(ctx, esl.Originate{Endpoint: e.endpoint("busy", address), Timeout: 10 * time.Second})
	var refused *esl.RefusedError
	if !errors.As(err, &refused) || refused.Text != "-ERR USER_BUSY" {
		t.Errorf("busy: %v", err)
	}
}

func pause(t *testing.T, e *bench) {
	if _, err := e.node.API(t.Context(), esl.PauseInbound{}); err != nil {
		t.Fatal(err)
	}
	d := <-e.ring(t, nil)
	_, err := e.node.API(t.Context(), esl.ResumeInbound{})
	if err != nil {
		t.Fatal(err)
	}
	var refused *sipua.StatusError
	if !errors.As(d.err, &refused) || refused.Status != 503 {
		t.Errorf("paused: %v", d.err)
	}
	e.inCall(t)
}

func heartbeat(t *testing.T, e *bench) {
	deadline := time.Now().Add(30 * time.Second) // FreeSWITCH beats every 20 s
	for e.node.LastHeartbeat().Time.IsZero() {
		if time.Now().After(deadline) {
			t.Fatal("no heartbeat")
		}
		time.Sleep(50 * time.Millisecond)
	}
	b := e.node.LastHeartbeat()
	if b.CoreUUID != e.node.CoreUUID() || b.MaxSessions == 0 || b.Uptime == 0 {
		t.Errorf("%+v", b)
	}
}
