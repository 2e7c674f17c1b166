package speech

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/standalone"
	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/tts"
)

func TestMain(m *testing.M) {
	// Calls wait for speech most of their time: more of them fit side by side
	// than there are cores.
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = flag.Set("test.parallel", "8")
	}
	code := m.Run()
	if program.dir != "" {
		_ = os.RemoveAll(program.dir)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			slog.Error("goroutines are left", "error", err)
			code = 1
		}
	}
	os.Exit(code)
}

// program is the built tidegate.
var program struct {
	once      sync.Once
	dir, path string
	err       error
}

// start runs a tidegate of its own until the test ends. A test is skipped on
// a machine or in a build without what it takes to speak and to hear.
func start(t *testing.T, flags ...string) *standalone.Process {
	t.Helper()
	needSpeech(t)
	program.once.Do(func() {
		if program.dir, program.err = os.MkdirTemp("", "tidegate-speech-"); program.err == nil {
			program.path, program.err = standalone.Build(context.Background(), program.dir)
		}
	})
	if program.err != nil {
		t.Fatal(program.err)
	}
	p, err := standalone.Start(t.Context(), standalone.Options{
		Path: program.path, Dir: t.TempDir(), Flags: append([]string{"--asr.engine=sherpa", "--tts.engine=espeak"}, flags...),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("tidegate:\n%s", p.Output())
		}
	})
	return p
}

func needSpeech(t *testing.T) {
	t.Helper()
	if !sherpa.Available {
		t.Skip("built without cgo: nothing here recognises speech")
	}
	if _, err := exec.LookPath("espeak-ng"); err != nil {
		t.Skip("espeak-ng is not installed: nobody here speaks")
	}
}

// voice speaks for callers.
func voice(t *testing.T) tts.Engine {
	t.Helper()
	needSpeech(t)
	cfg := tts.Defaults()
	cfg.Engine = tts.EngineEspeak
	e, err := tts.NewEngine(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// ears hear for callers: the recogniser that is built in.
func ears(t *testing.T) asr.Engine {
	t.Helper()
	needSpeech(t)
	cfg := asr.Defaults()
	cfg.Engine, cfg.Denoise.Mode = asr.EngineSherpa, asr.DenoiseOff
	// Callers are not what is tested: they hear as cheaply as can be, and late
	// rather than not at all.
	cfg.Sherpa.Method, cfg.Sherpa.Queue, cfg.Sherpa.Buffer = "greedy_search", 10*time.Minute, time.Minute
	e, err := asr.NewEngine(cfg, asr.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// options of a call to a program.
func options(t *testing.T, p *standalone.Process) caller.Options {
	t.Helper()
	return caller.Options{Target: "sip:" + p.SIP, APIURL: "http://" + p.API, Engine: voice(t), Ears: ears(t)}
}
