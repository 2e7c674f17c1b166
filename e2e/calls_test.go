package e2e_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/devswitch"
	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/loopback"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// TestReturnOnPostgreSQL is the first scenario with the production database.
func TestReturnOnPostgreSQL(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setup{dsn: storetest.Postgres(t)})
	if res := s.call("return-one-sentence", nil, nil); s.tickets(res.CallID) != 1 {
		t.Errorf("%d tickets", s.tickets(res.CallID))
	}
}

// TestReturnWithFilePlayout is the older audio fork module: sound comes as
// files that the orchestrator plays.
func TestReturnWithFilePlayout(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setup{file: true})
	res := s.call("return", nil, nil)
	f, err := os.Open(res.Recording)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	wav, err := audio.ReadWAV(f)
	if err != nil {
		t.Fatal(err)
	}
	if wav.Channels != 2 || wav.Rate != 8000 {
		t.Fatalf("recording has %d channels at %d Hz", wav.Channels, wav.Rate)
	}
}

// record is what the API says of a call, as far as the tests look.
type record struct {
	Outcome      string             `json:"outcome"`
	Orchestrator string             `json:"orchestrator"`
	Turns        []schemas.CallTurn `json:"turns"`
	Takeovers    []struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"takeovers"`
}

func (s *system) record(id string) record {
	s.t.Helper()
	var r record
	if err := json.Unmarshal([]byte(s.get("calls/"+id)), &r); err != nil {
		s.t.Fatal(err)
	}
	return r
}

// noneTwice fails when an agent's sentence was said twice.
func (r record) noneTwice(t *testing.T) {
	t.Helper()
	said := map[string]int{}
	for _, turn := range r.Turns {
		if turn.Role == schemas.RoleAgent && !turn.Interrupted {
			said[turn.Text]++
		}
	}
	for text, n := range said {
		if n > 1 {
			t.Errorf("said %d times: %s", n, text)
		}
	}
}

// afterSpeech calls f after the n-th utterance of the caller has ended.
func afterSpeech(f func(n int)) func(caller.Event) {
	n := 0
	return func(ev caller.Event) {
		if ev.Kind == caller.EventCallerSilent {
			n++
			f(n)
		}
	}
}

// TestTakeover kills the first orchestrator between two turns: the
// conversation goes on where it was, nothing is asked twice, one ticket.
func TestTakeover(t *testing.T) {
	t.Parallel()
	first, second := loopback.Address(t), loopback.Address(t)
	takeover(t, newSystem(t, setup{sockets: []string{first, second}}), first, second)
}

func takeover(t *testing.T, s *system, first, second string) {
	t.Helper()
	a := s.startProcess("first", first)
	s.startProcess("second", second)
	res := s.call("return", nil, afterSpeech(func(n int) {
		if n == 2 {
			a.kill()
		}
	}))
	if n := s.tickets(res.CallID); n != 1 {
		t.Errorf("%d tickets", n)
	}
	r := s.record(res.CallID)
	if len(r.Takeovers) != 1 || r.Takeovers[0].From != "first" || r.Takeovers[0].To != "second" {
		t.Errorf("takeovers %+v", r.Takeovers)
	}
	r.noneTwice(t)
}

// TestNATSRestartInMidCall: while NATS is away the call goes on through the
// switch; when it is back, so do tickets and records. One ticket.
func TestNATSRestartInMidCall(t *testing.T) {
	t.Parallel()
	natsRestart(t, newSystem(t, setup{}))
}

func natsRestart(t *testing.T, s *system) {
	t.Helper()
	res := s.call("return", nil, afterSpeech(func(n int) {
		switch n {
		case 2:
			go s.nats.Down()
		case 4:
			go s.nats.Up()
		}
	}))
	if n := s.tickets(res.CallID); n != 1 {
		t.Errorf("%d tickets", n)
	}
	s.record(res.CallID).noneTwice(t)
}

// TestNATSAwayUntilTheEnd: the caller hears that the number follows; the
// ticket is opened, once, when NATS is back.
func TestNATSAwayUntilTheEnd(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setup{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Its record comes after NATS has come back, which is after the call.
		_, _ = s.place("return", nil, afterSpeech(func(n int) {
			if n == 3 {
				go s.nats.Down()
			}
		}))
	}()
	eventuallyIn(t, wholeCall, "the call is over", func() bool { return s.sw.Channels() == 0 && !s.bus.Connected() })
	s.nats.Up()
	<-done
	var list struct {
		Calls []struct {
			ID      string `json:"id"`
			Outcome string `json:"outcome"`
		} `json:"calls"`
	}
	eventually(t, "the record", func() bool {
		return json.Unmarshal([]byte(s.get("calls")), &list) == nil && len(list.Calls) == 1 && list.Calls[0].Outcome == "ticket_opened"
	})
	eventually(t, "one ticket", func() bool { return s.tickets(list.Calls[0].ID) == 1 })
	said := ""
	for _, turn := range s.record(list.Calls[0].ID).Turns {
		said += turn.Text
	}
	if !strings.Contains(said, "短信") {
		t.Errorf("the caller was not told that the number follows: %s", said)
	}
}

// TestDatabaseAway: calls go on talking; the ticket waits in the stream and
// arrives once.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	cluster, dsn := storetest.OwnPostgres(t)
	s := newSystem(t, setup{dsn: dsn})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = s.place("return", nil, afterSpeech(func(n int) {
			if n == 3 {
				go func() { _ = cluster.Stop() }()
			}
		}))
	}()
	eventually(t, "the call is under way", func() bool { return s.sw.Channels() == 1 })
	eventuallyIn(t, wholeCall, "the call is over", func() bool { return s.sw.Channels() == 0 })
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	<-done
	eventually(t, "one ticket", func() bool { return strings.Count(s.get("tickets"), `"order_number":"20261112003378"`) == 1 })
}

// TestWrongSecret: a switch that does not know the secret gets no call in;
// the dialplan goes on, and the next orchestrator has the call.
func TestWrongSecret(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setup{devswitch: func(c *devswitch.Config) { c.Secret = "not the secret at all" }})
	res, _ := s.place("human", func(sc *scenarios.Scenario) { sc.Timeout = 5 * time.Second }, nil)
	if res.CallID != "" {
		t.Errorf("the call got in: %+v", res)
	}
	if logs := s.logs.String(); !strings.Contains(logs, "reason=secret") || strings.Contains(logs, "not the secret at all") {
		t.Errorf("log of the refusal:\n%s", tail(s.logs, 3000))
	}
	if list := s.get("calls"); strings.Contains(list, `"id"`) {
		t.Errorf("records %s", list)
	}
}
