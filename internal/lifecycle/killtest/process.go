package killtest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Command is the process of a worker, to be started. It is killed when ctx
// ends, and with the test's process at the latest.
func (d Death) Command(ctx context.Context) *exec.Cmd {
	told, err := json.Marshal(d)
	if err != nil {
		panic(err) // strings and a number
	}
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), envDeath+"="+string(told))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Getenv(envLog) != "" {
		cmd.Stderr = os.Stderr
	}
	return cmd
}

// Killed says whether a process that has ended was killed.
func Killed(cmd *exec.Cmd) bool {
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signal() == syscall.SIGKILL
}

// patience is how long a worker may take to its point.
const patience = 2 * time.Minute

// Start starts a worker. What it gives waits for its death, and fails the test
// when the worker ends otherwise.
func (d Death) Start(t testing.TB) (dies func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := d.Command(ctx)
	cmd.Stderr = os.Stderr // it says why, if it cannot begin
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := cmd.Wait(); ctx.Err() != nil || !Killed(cmd) {
			t.Fatalf("worker ended otherwise: %v", err)
		}
	}
}
