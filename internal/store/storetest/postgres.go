// Package storetest gives tests real databases: SQLite files, and a private
// PostgreSQL cluster that lives as long as the test process.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// ErrNotInstalled: this machine has no PostgreSQL server.
var ErrNotInstalled = errors.New("PostgreSQL is not installed: apt-get install -y postgresql")

// Cluster is a private PostgreSQL server on a unix socket, without fsync:
// what was committed survives the server, not the machine.
type Cluster struct {
	bin, dir string
	options  []string // of the server, after the usual ones
	cred     *syscall.Credential
	mu       sync.Mutex
	cmd      *exec.Cmd
	exited   chan struct{}
	names    atomic.Int64
}

// NewCluster makes and starts a cluster. The server refuses to run as root,
// so that root runs it as the user postgres, which the package brings.
// Options of the server (NAME=VALUE) come after the usual ones.
func NewCluster(options ...string) (*Cluster, error) {
	bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(bins) == 0 {
		return nil, ErrNotInstalled
	}
	slices.Sort(bins)
	dir, err := os.MkdirTemp("", "tidegate-pg-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{bin: filepath.Dir(bins[len(bins)-1]), dir: dir, options: options}
	if err := c.ownDirectory(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := c.run("initdb", "-D", c.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := c.Start(); err != nil {
		return nil, errors.Join(err, c.Remove())
	}
	return c, nil
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) ownDirectory() error {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return err
	}
	c.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(c.dir, int(uid), int(gid))
}

func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	// SIGQUIT ends the server at once when the test process dies.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.cred, Pdeathsig: syscall.SIGQUIT}
	return cmd
}

func (c *Cluster) run(name string, args ...string) error {
	out, err := c.command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return nil
}

// Start starts the server, after Stop on the same data, and waits until it
// takes connections.
func (c *Cluster) Start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd != nil {
		return nil
	}
	args := []string{"-D", c.data(), "-k", c.dir, "-c", "listen_addresses=", "-c", "fsync=off",
		"-c", "full_page_writes=off", "-c", "max_connections=60", "-c", "shared_buffers=32MB"}
	for _, o := range c.options {
		args = append(args, "-c", o)
	}
	cmd := c.command("postgres", args...)
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	c.cmd, c.exited = cmd, exited
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if c.run("pg_isready", "-q", "-h", c.dir, "-U", "postgres") == nil {
			return nil
		}
		select {
		case <-exited:
			c.cmd = nil
			return errors.New("PostgreSQL ended while starting")
		case <-time.After(50 * time.Millisecond):
		}
	}
	return errors.New("PostgreSQL did not take connections within a minute")
}

// Stop ends the server as a crash would, connections cut; the data stay.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd == nil {
		return nil
	}
	if err := c.cmd.Process.Signal(syscall.SIGQUIT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-c.exited
	c.cmd = nil
	return nil
}

// PID is the server's process, the parent of those of its connections; 0 while
// it is stopped.
func (c *Cluster) PID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd == nil {
		return 0
	}
	return c.cmd.Process.Pid
}

// Remove stops the server and deletes its data.
func (c *Cluster) Remove() error { return errors.Join(c.Stop(), os.RemoveAll(c.dir)) }

// Database makes an empty database and gives its DSN.
func (c *Cluster) Database() (string, error) {
	name := fmt.Sprintf("test_%d", c.names.Add(1))
	if err := c.run("createdb", "-h", c.dir, "-U", "postgres", name); err != nil {
		return "", err
	}
	return fmt.Sprintf("postgres://postgres@/%s?host=%s&sslmode=disable", name, c.dir), nil
}

var (
	sharedOnce    sync.Once
	sharedCluster *Cluster
	errShared     error
)

// Postgres gives the DSN of an empty database in the cluster of this test
// process. Packages that use it run their tests through Main.
func Postgres(t testing.TB) string {
	t.Helper()
	sharedOnce.Do(func() { sharedCluster, errShared = NewCluster() })
	if errors.Is(errShared, ErrNotInstalled) {
		t.Skip(errShared)
	}
	if errShared != nil {
		t.Fatal(errShared)
	}
	dsn, err := sharedCluster.Database()
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

// OwnPostgres gives a cluster of the test's own, to be stopped and started,
// with the DSN of an empty database.
func OwnPostgres(t testing.TB) (*Cluster, string) {
	t.Helper()
	c, err := NewCluster()
	if errors.Is(err, ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Remove(); err != nil {
			t.Error(err)
		}
	})
	dsn, err := c.Database()
	if err != nil {
		t.Fatal(err)
	}
	return c, dsn
}

// SQLite gives the DSN of a new file.
func SQLite(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "tidegate.db")
}

// Main runs a package's tests, removes the cluster, and fails when goroutines
// are left: `func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }`.
func Main(m *testing.M) int {
	code := m.Run()
	if sharedCluster != nil {
		if err := sharedCluster.Remove(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

// Databases names each kind of database with a function that makes one.
func Databases() map[string]func(testing.TB) string {
	return map[string]func(testing.TB) string{"sqlite": SQLite, "postgres": Postgres}
}

// Context gives a context that ends before the test's own deadline.
func Context(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
