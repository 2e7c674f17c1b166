package caller_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/sipua"
	"github.com/tidegate/tidegate/workers/tts"
)

// agent is the other end of a test's call.
type agent struct {
	t    *testing.T
	call *sipua.Call
	ctx  context.Context

	mu     sync.Mutex
	digits string
	loud   time.Time // last loud frame of the caller
	spoken int       // turns of the caller that have begun
	quiet  bool
}

// listen hears the caller until the call ends.
func (a *agent) listen() {
	run := 0
	a.quiet = true
	for f := range a.call.Frames() {
		a.mu.Lock()
		switch loud := audio.DBFS(f.PCM) > -40; {
		case loud:
			if run++; a.quiet && run >= 3 {
				a.spoken++
				a.quiet = false
			}
			a.loud = time.Now()
		default:
			run = 0
			if time.Since(a.loud) > 300*time.Millisecond {
				a.quiet = true
			}
		}
		a.mu.Unlock()
	}
}

func (a *agent) until(what string, is func() bool) bool {
	for {
		a.mu.Lock()
		done := is()
		a.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-a.call.Done():
			return false
		case <-a.ctx.Done():
			a.t.Errorf("the agent waits for %s", what)
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// turn waits for the end of the caller's n-th turn.
func (a *agent) turn(n int) bool {
	return a.until(fmt.Sprintf("turn %d", n), func() bool { return a.spoken >= n && a.quiet })
}

func (a *agent) keys(want string) bool {
	return a.until("keys "+want, func() bool { return a.digits == want })
}

// prompt speaks for so long, or until stop says so.
func (a *agent) prompt(d time.Duration, stop func() bool) {
	pcm := audio.Tone(agentHz, d, 8000, 0.4)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for at := 0; at+160 <= len(pcm); at += 160 {
		a.mu.Lock()
		cut := stop != nil && stop()
		a.mu.Unlock()
		if cut || a.call.WriteFrame(pcm[at:at+160]) != nil {
			return
		}
		<-ticker.C
	}
}

func (a *agent) hangup() { _ = a.call.Hangup(a.ctx, sipua.CauseNormalClearing) }

// answer starts an agent that answers every call and then behaves; its
// address is returned.
func answer(t *testing.T, behave func(*agent)) string {
	t.Helper()
	return take(t, func(ctx context.Context, c *sipua.Call) {
		a := &agent{t: t, call: c, ctx: ctx}
		if err := c.Answer(ctx); err != nil {
			t.Error(err)
			return
		}
		var ears sync.WaitGroup
		ears.Go(a.listen)
		ears.Go(func() {
			for d := range c.Digits() {
				a.mu.Lock()
				a.digits += string(d.Digit)
				a.mu.Unlock()
			}
		})
		behave(a)
		select {
		case <-c.Done():
		case <-ctx.Done():
			a.hangup()
		}
		ears.Wait()
	})
}

func take(t *testing.T, behave func(context.Context, *sipua.Call)) string {
	t.Helper()
	ua, err := sipua.New(sipua.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(func() {
		cancel()
		if err := ua.Close(); err != nil {
			t.Error(err)
		}
	})
	ua.OnInvite(func(c *sipua.Call) { behave(ctx, c) })
	return ua.Addr()
}

// office is the records' API of a test.
type office struct {
	*httptest.Server
	mu      sync.Mutex
	token   string
	detail  map[string]any
	tickets []map[string]any
	asked   int
	// Answers before this one say that the call goes on.
	endsAt int
}

func records(t *testing.T, detail map[string]any, tickets ...map[string]any) *office {
	t.Helper()
	o := &office{detail: detail, tickets: tickets}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/calls", func(w http.ResponseWriter, r *http.Request) {
		calls := []map[string]any{}
		since, err := time.Parse(time.RFC3339, r.FormValue("since"))
		if err != nil || r.FormValue("caller") != "13800138001" {
			http.Error(w, "bad query", http.StatusBadRequest)
			return
		}
		if detail != nil {
			began := since.Add(2100 * time.Millisecond).Format(time.RFC3339Nano)
			earlier := since.Add(-time.Hour).Format(time.RFC3339Nano)
			calls = append(calls,
				map[string]any{"id": "earlier", "called": "4008", "started_at": earlier},
				map[string]any{"id": "call-1", "called": "4008", "started_at": began},
				map[string]any{"id": "other", "called": "4009", "started_at": began})
		}
		o.answer(w, r, map[string]any{"calls": calls})
	})
	mux.HandleFunc("GET /api/v1/calls/call-1", func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		o.asked++
		d := map[string]any{"status": "in_progress", "id": "call-1"}
		if o.asked >= o.endsAt {
			for k, v := range o.detail {
				d[k] = v
			}
			d["status"] = "ended"
		}
		o.mu.Unlock()
		o.answer(w, r, d)
	})
	mux.HandleFunc("GET /api/v1/tickets", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("call_id") != "call-1" {
			http.Error(w, "bad query", http.StatusBadRequest)
			return
		}
		list := o.tickets
		if list == nil {
			list = []map[string]any{}
		}
		o.answer(w, r, map[string]any{"tickets": list})
	})
	o.Server = httptest.NewServer(mux)
	t.Cleanup(o.Close)
	return o
}

func (o *office) answer(w http.ResponseWriter, r *http.Request, v any) {
	if o.token != "" && r.Header.Get("Authorization") != "Bearer "+o.token {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	_ = json.NewEncoder(w).Encode(v)
}

func engine(t *testing.T) tts.Engine {
	t.Helper()
	cfg := tts.Defaults()
	cfg.Engine = tts.EngineTone
	e, err := tts.NewEngine(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// scenario reads one whose WAV files lie beside it.
func scenario(t *testing.T, text string) scenarios.Scenario {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "test.yaml")
	text = "from: \"13800138001\"\nto: \"4008\"\ntimeout: 50s\n" + text
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "tone.wav"))
	if err != nil {
		t.Fatal(err)
	}
	pcm := append(audio.Tone(callerHz, 600*time.Millisecond, 16000, 0.4), audio.Silence(200*time.Millisecond, 16000)...)
	if err := errors.Join(audio.WriteWAV(f, audio.WAV{Rate: 16000, Channels: 1, Samples: pcm}), f.Close()); err != nil {
		t.Fatal(err)
	}
	s, err := scenarios.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t *testing.T, o caller.Options) (caller.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if o.Engine == nil {
		o.Engine = engine(t)
	}
	return caller.Run(ctx, o)
}
