// Package standalone runs `tidegate up` as a process of its own, as its users
// start it: built from this source, told what to do by flags, spoken to over
// SIP and HTTP.
package standalone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tidegate/tidegate/internal/loopback"
)

// Program is the import path of what Build builds.
const Program = "github.com/tidegate/tidegate"

// Build builds the program into a folder and gives its path.
func Build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "tidegate")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, Program).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
}

// Options of a process.
type Options struct {
	Path string // of the program
	Dir  string // its data directory
	// Flags come after those that give every listener an address of its own.
	Flags []string
	Env   []string // NAME=VALUE beside this process's own
}

// Process is one running `tidegate up`.
type Process struct {
	SIP, API, Ops string // HOST:PORT
	NATS          string // nats://HOST:PORT

	cmd  *exec.Cmd
	out  *output
	done chan struct{}
	err  error // of the process, after done
}

// Limits of a process's life. A machine that is busy with others is slow.
const (
	startLimit = time.Minute
	stopLimit  = 30 * time.Second
)

// up is what the program says when it can be called.
const up = "Tidegate is up."

// ErrStart is wrapped when the program does not come up.
var ErrStart = errors.New("tidegate did not come up")

// Start returns when the program can be called. The caller ends it.
func Start(ctx context.Context, o Options) (*Process, error) {
	var at [7]string
	for i := range at {
		var err error
		if at[i], err = loopback.Free(); err != nil {
			return nil, err
		}
	}
	p := &Process{SIP: at[0], API: at[1], Ops: at[2], NATS: "nats://" + at[3], out: &output{}, done: make(chan struct{})}
	flags := []string{
		"up", "--up.data_dir=" + o.Dir, "--devswitch.sip_listen=" + p.SIP, "--console.listen=" + p.API, "--ops.listen=" + p.Ops,
		"--up.nats_listen=" + at[3], "--devswitch.event_socket_listen=" + at[4], "--orchestrator.esl.listen=" + at[5],
		"--mediabridge.listen=" + at[6], "--asr.server.listen=127.0.0.1:0", "--tts.server.listen=127.0.0.1:0",
	}
	p.cmd = exec.Command(o.Path, append(flags, o.Flags...)...)
	p.cmd.Env = append(os.Environ(), o.Env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStart, err)
	}
	go func() { defer close(p.done); p.err = p.cmd.Wait() }()
	if err := p.await(ctx); err != nil {
		p.Kill()
		return nil, fmt.Errorf("%w: %w\n%s", ErrStart, err, p.Output())
	}
	return p, nil
}

func (p *Process) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !strings.Contains(p.Output(), up) {
		select {
		case <-ticker.C:
		case <-p.done:
			return fmt.Errorf("it ended: %w", p.err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Output is what the program has printed, at most its last megabyte.
func (p *Process) Output() string { return p.out.String() }

// Interrupt ends the program as Ctrl-C does, which lets calls end first, and
// gives its error.
func (p *Process) Interrupt() error {
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return p.err
	case <-time.After(stopLimit):
		p.Kill()
		return fmt.Errorf("tidegate went on for %s after an interrupt", stopLimit)
	}
}

// Kill ends the program at once; it may be called again.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // fails only when it has ended
	<-p.done
}

// maxOutput bounds what is kept of a program's output.
const maxOutput = 1 << 20

// output keeps the end of what is written.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

var _ io.Writer = (*output)(nil)

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if over := o.buf.Len() + len(b) - maxOutput; over > 0 {
		o.buf.Next(over)
	}
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
