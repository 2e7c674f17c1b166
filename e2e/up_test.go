package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/standalone"
	"github.com/tidegate/tidegate/internal/loopback"
	"github.com/tidegate/tidegate/internal/obs/obstest"
)

func startUp(t *testing.T, dir string) *standalone.Process {
	t.Helper()
	u, err := standalone.Start(t.Context(), standalone.Options{
		Path: tidegate(t), Dir: dir, Flags: []string{"--asr.engine=scripted", "--tts.engine=tone"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		u.Kill()
		if t.Failed() {
			t.Logf("up:\n%s", u.Output())
		}
	})
	return u
}

func fetch(t *testing.T, address, path string) (int, string) {
	t.Helper()
	resp, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close(); http.DefaultClient.CloseIdleConnections() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func interrupt(t *testing.T, u *standalone.Process) {
	t.Helper()
	if err := u.Interrupt(); err != nil {
		t.Errorf("up ended with %v", err)
	}
}

// TestUpAndCall is a newcomer's afternoon: up, a call from another terminal,
// the ticket in the API, Ctrl-C, up again on the same data.
func TestUpAndCall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	u := startUp(t, dir)
	// On a busy machine the fixed prompts may take longer to prepare than the
	// program needs to be up.
	eventually(t, "ready", func() bool { code, _ := fetch(t, u.Ops, "/readyz"); return code == http.StatusOK })
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if code, body := fetch(t, u.Ops, path); code != http.StatusOK {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	if code, body := fetch(t, u.API, "/"); code != http.StatusOK || !strings.Contains(body, "Tidegate") {
		t.Errorf("page: %d", code)
	}
	var stdout, stderr bytes.Buffer
	call := exec.Command(tidegate(t), "call", "scenarios/return-one-sentence.yaml", "--target=sip:"+u.SIP, "--api=http://"+u.API, "--voice-engine=tone")
	call.Env = append(os.Environ(), "TIDEGATE_LOG_LEVEL=debug")
	call.Stdout, call.Stderr = &stdout, &stderr
	err := call.Run()
	var res caller.Result
	if jsonErr := json.Unmarshal(stdout.Bytes(), &res); jsonErr != nil {
		t.Fatalf("output is not one JSON object: %v\n%s\n%s", jsonErr, stdout.String(), stderr.String())
	}
	if len(res.Failures) > 0 {
		// Only the clock may differ on a slow machine.
		for _, f := range res.Failures {
			if !strings.Contains(f, "latency") && !strings.Contains(f, "after") {
				t.Errorf("%v: %s", err, f)
			}
		}
	}
	if _, body := fetch(t, u.API, "/api/v1/tickets"); res.TicketNumber == "" || !strings.Contains(body, res.TicketNumber) {
		t.Errorf("ticket %q is not in %s", res.TicketNumber, body)
	}
	_, metrics := fetch(t, u.Ops, "/metrics")
	for _, want := range []string{
		`tidegate_call_ended_total{outcome="ticket_opened"} 1`, "tidegate_call_turn_latency_seconds_count", `tidegate_call_turns_total{role="caller"}`,
		"tidegate_mediabridge_queue_drops_total", "tidegate_ticket_requests_total", "tidegate_bus_connected 1",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	interrupt(t, u)
	again := startUp(t, dir)
	if _, body := fetch(t, again.API, "/api/v1/tickets"); !strings.Contains(body, res.TicketNumber) {
		t.Errorf("the ticket is gone after a restart: %s", body)
	}
	interrupt(t, again)
}

// TestInterruptedStart: a service that waits for NATS ends on Ctrl-C.
func TestInterruptedStart(t *testing.T) {
	t.Parallel()
	out, ops := &obstest.Log{}, loopback.Address(t)
	cmd := exec.Command(tidegate(t), "mediabridge", "--nats.url=nats://"+loopback.Address(t), "--ops.listen="+ops,
		"--mediabridge.listen=127.0.0.1:0", "--mediabridge.fork_secret="+forkSecret)
	cmd.Stderr = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()
	eventually(t, "waiting", func() bool { return strings.Contains(out.String(), "waiting for NATS") })
	resp, err := http.Get("http://" + ops + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("ready while starting: %d", resp.StatusCode)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatalf("still running:\n%s", out.String())
	}
	if !strings.Contains(out.String(), "interrupted") {
		t.Errorf("said:\n%s", out.String())
	}
}
