package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/cli"
)

// This program is started again for the other processes; the variable says as
// what.
const (
	roleEnv     = "TICKETBENCH_ROLE"
	profileEnv  = "TICKETBENCH_PROFILE"
	roleNATS    = "nats"
	roleService = "service"
)

func play(role string, args []string) int {
	switch role {
	case roleNATS:
		return serveNATS(args)
	case roleService:
		return serve(args)
	}
	fmt.Fprintln(os.Stderr, "ticketbench: unknown role", role)
	return 2
}

// serveNATS runs a server in a directory until its input is closed.
func serveNATS(args []string) int {
	server, err := bus.StartEmbedded(bus.EmbeddedConfig{Listen: "127.0.0.1:0", StoreDir: args[0]})
	if err != nil {
		fmt.Fprintln(os.Stderr, "ticketbench:", err)
		return 1
	}
	fmt.Println(server.URL())
	_, _ = io.Copy(io.Discard, os.Stdin)
	server.Stop()
	return 0
}

// serve is tidegate itself, as its command line runs it.
func serve(args []string) int {
	if path := os.Getenv(profileEnv); path != "" {
		f, err := os.Create(path)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "ticketbench:", err)
			return 1
		}
		defer func() { pprof.StopCPUProfile(); _ = f.Close() }()
	}
	_ = os.Unsetenv(roleEnv)
	return cli.Run(context.Background(), args)
}

// child is a process of this bench.
type child struct {
	cmd   *exec.Cmd
	input io.Closer
	out   *bufio.Reader
}

// launch starts a role. What it logs goes to a file in dir.
func launch(dir, role string, env []string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(append(clean(os.Environ()), env...), roleEnv+"="+role)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(filepath.Join(dir, role+".log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	cmd.Stderr = log
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &child{cmd: cmd, input: in, out: bufio.NewReader(out)}, nil
}

// clean leaves out what would configure the services from the outside.
func clean(env []string) []string {
	var out []string
	for _, e := range env {
		if !strings.HasPrefix(e, "TIDEGATE_") {
			out = append(out, e)
		}
	}
	return out
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop asks it to end and waits.
func (c *child) stop() error {
	_ = c.input.Close()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	err := c.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && !exit.Exited() {
		return nil // NATS's own handler is off: the signal ended it
	}
	return err
}

// freeAddress finds a port for the service's operators.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// ready waits until a service says that it is.
func ready(ctx context.Context, ops string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+ops+"/readyz", nil)
		if err != nil {
			return err
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return errors.New("the service did not become ready; see its log")
		case <-time.After(50 * time.Millisecond):
		}
	}
}
