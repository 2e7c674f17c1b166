package cli

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechmodel"
)

const quiet = "name: quiet\nuse: vad\nkind: silero\nlicence: MIT\nsample_rate: 16000\nfiles:\n  - {role: model, path: m.onnx}\n"

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func TestModelsOfOnesOwn(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "own/"+speechmodel.ManifestName, quiet)
	write(t, "own/m.onnx", "model")
	out, err := execute(t, "models", "verify")
	if err != nil || !strings.Contains(out, "no model is installed in data/models") {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err = execute(t, "models", "pull", "--from=own")
	if err != nil || !strings.Contains(out, "recorded as first seen") || !strings.Contains(out, "installed in ") || !strings.Contains(out, "licence: MIT") {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err = execute(t, "models", "verify"); err != nil || out != "quiet: right\n" {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err = execute(t, "models", "list", "quiet", "--json")
	var listed []listedModel
	if err != nil || json.Unmarshal([]byte(out), &listed) != nil || len(listed) != 1 || !listed[0].Installed || !listed[0].FirstSeen || listed[0].BuiltIn {
		t.Fatalf("%v\n%s", err, out)
	}
	write(t, "data/models/quiet/m.onnx", "modem")
	out, err = execute(t, "models", "verify", "quiet")
	if !errors.Is(err, errSilent) || !strings.Contains(out, "quiet: ") || !strings.Contains(out, "m.onnx has SHA-256") {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err = execute(t, "models", "verify", "--models.dir=elsewhere", "quiet"); !errors.Is(err, errSilent) || !strings.Contains(out, "not installed") {
		t.Fatalf("%v\n%s", err, out)
	}
	write(t, "data/models/spoilt/"+speechmodel.ManifestName, "name: [")
	if out, err = execute(t, "models", "verify"); !errors.Is(err, errSilent) || !strings.Contains(out, "spoilt") {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err = execute(t, "models", "list"); err != nil || !strings.Contains(out, "spoilt") || !strings.Contains(out, "silero_vad") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestModelsList(t *testing.T) {
	t.Chdir(t.TempDir())
	out, err := execute(t, "models", "list")
	if err != nil {
		t.Fatal(err)
	}
	build := "sherpa-onnx " + sherpa.Version()
	if !sherpa.Available {
		build = "built without cgo: no sherpa-onnx"
	}
	for _, want := range []string{build, "silero_vad", "asr-streaming", "non-commercial", "22 dialects"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if version, err := execute(t, "--version"); err != nil || !strings.Contains(version, build) {
		t.Errorf("%v\n%s", err, version)
	}
	if out, err := execute(t, "models", "list", "matcha-icefall-zh-baker"); err != nil || !strings.Contains(out, "普通话女声") || !strings.Contains(out, "non-commercial use only") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestModelsPullFromAServer(t *testing.T) {
	t.Chdir(t.TempDir())
	answer := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("not the model")) }
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r) }))
	defer s.Close()
	out, err := execute(t, "models", "pull", "silero_vad", "--models.mirror="+s.URL, "--models.attempts=1")
	if !errors.Is(err, speechmodel.ErrChecksum) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v\n%s", err, out)
	}
	answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }
	if out, err = execute(t, "models", "pull", "silero_vad", "--models.mirror="+s.URL); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat("data/models/silero_vad"); err == nil {
		t.Error("a model that did not come is installed")
	}
}

func TestModelsStandWithTheData(t *testing.T) {
	t.Chdir(t.TempDir())
	for want, args := range map[string][]string{
		"dir: data/models\n":      nil,
		"dir: /srv/tide/models\n": {"--up.data_dir=/srv/tide"},
		"dir: /m\n":               {"--up.data_dir=/srv/tide", "--models.dir=/m"},
	} {
		out, err := execute(t, append([]string{"check-config"}, args...)...)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	_, err := execute(t, "check-config", "--models.mirror=ftp://x", "--models.from=moon", "--models.attempts=0", "--models.max_mb=0")
	for _, want := range []string{"models.mirror", "models.from", "models.attempts", "models.max_mb"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named: %v", want, err)
		}
	}
}

// The lines for logs name size and rate, and nothing moves in them.
func TestProgressInLines(t *testing.T) {
	var out strings.Builder
	p := &lines{out: &out}
	p.Begin("a.tar.bz2", 3_000_000, 1_000_000)
	p.Add(500_000)
	p.Say("unpacking")
	p.End()
	for _, want := range []string{"a.tar.bz2: 3.0 MB, 1.0 MB there already\n", "a.tar.bz2: 1.5 MB of 3.0 MB, ", "/s", "left\n", "unpacking\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
}
