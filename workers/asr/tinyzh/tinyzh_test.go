//go:build cgo

package tinyzh_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/tidegate/tidegate/internal/speechmodel"
	"github.com/tidegate/tidegate/workers/asr/tinyzh"
)

func open(t *testing.T, dir string) *speechmodel.Model {
	t.Helper()
	m, err := speechmodel.NewStore(speechmodel.Config{Dir: t.TempDir()}).Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func install(t *testing.T, cache string) *tinyzh.Installed {
	t.Helper()
	i, err := tinyzh.Install(cache)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestInstalledModelOpens(t *testing.T) {
	m := open(t, install(t, t.TempDir()).Dir)
	if !m.Synthetic || m.Use != speechmodel.UseStreaming || m.Kind != "lstm-transducer" {
		t.Errorf("%+v", m.Manifest)
	}
	for _, role := range speechmodel.Roles(m.Use, m.Kind) {
		if m.File(role) == "" {
			t.Errorf("no file for %s", role)
		}
	}
}

func TestInstallAgainWritesNothing(t *testing.T) {
	cache := t.TempDir()
	dir := install(t, cache).Dir
	before, err := os.Stat(filepath.Join(dir, "encoder.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if again := install(t, cache).Dir; again != dir {
		t.Errorf("installed in %s, then in %s", dir, again)
	}
	after, err := os.Stat(filepath.Join(dir, "encoder.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Error("a file that was right is another one now")
	}
}

func TestInstallMendsWhatIsBroken(t *testing.T) {
	cache := t.TempDir()
	dir := install(t, cache).Dir
	if err := os.WriteFile(filepath.Join(dir, "encoder.onnx"), []byte("half of it"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "tokens.txt")); err != nil {
		t.Fatal(err)
	}
	open(t, install(t, cache).Dir)
}

func TestInstallAtTheSameTime(t *testing.T) {
	cache := t.TempDir()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := tinyzh.Install(cache); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	m := open(t, install(t, cache).Dir)
	entries, err := os.ReadDir(m.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := len(m.Files) + 1; len(entries) != want {
		t.Errorf("%d files in the folder, want %d: %v", len(entries), want, entries)
	}
}

func TestInstallWhereNothingCanBeWritten(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(cache, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	i := install(t, cache)
	open(t, i.Dir)
	if err := i.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(i.Dir); !os.IsNotExist(err) {
		t.Errorf("the temporary folder is left: %v", err)
	}
	kept := install(t, t.TempDir())
	if err := kept.Remove(); err != nil {
		t.Fatal(err)
	}
	open(t, kept.Dir)
}

func TestInstallNowhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", file)
	if i, err := tinyzh.Install(file); err == nil {
		t.Errorf("installed in %s", i.Dir)
	}
}
