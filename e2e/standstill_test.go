package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"
)

// standstill is how long this process may not run in the middle of a call
// whose caller says its lines, whatever it hears. After more, what the caller
// sends next is not late but lost, for the switch as for FreeSWITCH: a line
// has a hole in it, which ends a turn. Such a caller does not say it again.
const standstill = 120 * time.Millisecond

const heartbeat = 10 * time.Millisecond

// watch begins to look at whether this process runs. The function that it
// returns ends that, and gives the longest time for which it did not.
func watch() (end func() time.Duration) {
	over, longest := make(chan struct{}), make(chan time.Duration)
	last := time.Now()
	go func() {
		beat := time.NewTicker(heartbeat)
		defer beat.Stop()
		var most time.Duration
		for {
			select {
			case <-beat.C:
			case <-over:
				longest <- max(most, time.Since(last)-heartbeat)
				return
			}
			now := time.Now()
			most, last = max(most, now.Sub(last)-heartbeat), now
		}
	}()
	return func() time.Duration {
		close(over)
		return <-longest
	}
}

// TestWatch stops this very process for a while; no other test runs beside it.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := watch()
		time.Sleep(time.Second)
		if d := end(); d != 0 {
			t.Errorf("a process that ran stood still for %s", d)
		}
	})
	end := watch()
	pid := os.Getpid()
	if out, err := exec.Command("sh", "-c", fmt.Sprintf("kill -STOP %d; sleep 0.4; kill -CONT %d", pid, pid)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if d := end(); d < 2*standstill {
		t.Errorf("stopped for 400 ms, it stood still for %s", d)
	}
}
