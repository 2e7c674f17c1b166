// Package rttest runs a private Request Tracker 5 with an SQLite database,
// from the Debian packages request-tracker5, rt5-standalone and rt5-db-sqlite.
package rttest

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// The user that rt-setup-database makes.
const (
	User     = "root"
	Password = "password"
)

const (
	setup = "/usr/sbin/rt-setup-database-5"
	serve = "/usr/share/request-tracker5/libexec/rt-server"
)

// Server is one RT.
type Server struct{ URL string }

// Start runs an RT until the test ends. Where it is not installed the test is
// skipped.
func Start(t testing.TB) *Server {
	t.Helper()
	for _, file := range []string{setup, serve} {
		if _, err := os.Stat(file); err != nil {
			t.Skip("Request Tracker is not installed: make test installs it, or apt-get install --no-install-recommends request-tracker5 rt5-standalone rt5-db-sqlite dbconfig-no-thanks libdbd-sqlite3-perl nullmailer")
		}
	}
	dir := t.TempDir()
	port := freePort(t)
	site := filepath.Join(dir, "RT_SiteConfig.pm")
	text := fmt.Sprintf(`Set($rtname, 'tidegate');
Set($Organization, 'tidegate.test');
Set($WebDomain, '127.0.0.1');
Set($WebPort, %d);
Set($WebPath, '');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '%s');
Set($MailCommand, 'testfile');
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'error');
Set($Timezone, 'US/Eastern'); # as RT is installed
Set($RestrictReferrer, 0);
1;
`, port, filepath.Join(dir, "rt.sqlite"))
	extra := filepath.Join(dir, "site.d")
	if err := os.Mkdir(extra, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(site, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	// An empty folder in place of Debian's keeps this machine's own settings
	// out.
	env := append(os.Environ(), "RT_SITE_CONFIG="+site, "RT_SITE_CONFIG_DIR="+extra, "TMPDIR="+dir)
	cmd := exec.Command(setup, "--action", "init", "--skip-create")
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("set RT's database up: %v\n%s", err, out)
	}
	run(t, dir, env, port)
	return &Server{URL: fmt.Sprintf("http://127.0.0.1:%d", port)}
}

func run(t testing.TB, dir string, env []string, port int) {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(serve, "--server", "Starlet", "--host", "127.0.0.1", "--port", fmt.Sprint(port), "--max-workers", "4")
	cmd.Env, cmd.Stdout, cmd.Stderr = env, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it forks workers
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		_ = log.Close()
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
		if err == nil {
			_ = res.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			out, _ := os.ReadFile(log.Name())
			t.Fatalf("RT does not answer: %v\n%s", err, out)
		}
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}
