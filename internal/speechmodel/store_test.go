package speechmodel

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func digest(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

const vadHead = "name: quiet\nuse: vad\nkind: silero\nlicence: MIT\nsample_rate: 16000\n"

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpen(t *testing.T) {
	published := vadHead + "files:\n  - {role: model, path: m.onnx, sha256: " + digest("model") + "}\n"
	first := vadHead + "files:\n  - {role: model, path: m.onnx}\n"
	folder := vadHead + "files:\n  - {role: model, path: m.onnx, sha256: " + digest("model") + "}\n  - {role: data_dir, path: data/}\n"
	lock := "name: quiet\nfiles:\n  - {path: m.onnx, bytes: 5, sha256: " + digest("model") + ", origin: first-seen}\n" +
		"  - {path: data/a/b, bytes: 1, sha256: " + digest("b") + ", origin: published}\n"
	cases := []struct {
		name, manifest string
		files          map[string]string
		want           error
		names          string
	}{
		{"published", published, map[string]string{"m.onnx": "model"}, nil, ""},
		{"first seen", first, map[string]string{"m.onnx": "model", LockName: lock}, nil, ""},
		{"folder", folder, map[string]string{"m.onnx": "model", "data/a/b": "b", LockName: lock}, nil, ""},
		{"nobody states the checksum", first, map[string]string{"m.onnx": "model"}, ErrChecksum, "m.onnx"},
		{"another file", published, map[string]string{"m.onnx": "mödel"}, ErrChecksum, "m.onnx"},
		{"another file than first seen", first, map[string]string{"m.onnx": "modem", LockName: lock}, ErrChecksum, "m.onnx"},
		{"missing", published, nil, ErrChecksum, "m.onnx"},
		{"missing in a folder", folder, map[string]string{"m.onnx": "model", LockName: lock}, ErrChecksum, "data/a/b"},
		{"unknown in a folder", folder, map[string]string{"m.onnx": "model", "data/a/b": "b", "data/c": "c", LockName: lock}, ErrChecksum, "data/c"},
		{"folder without lock", folder, map[string]string{"m.onnx": "model", "data/a/b": "b"}, ErrChecksum, "data/"},
		{"lock that leaves the folder", first, map[string]string{"m.onnx": "model", LockName: strings.ReplaceAll(lock, "m.onnx", "../m.onnx")}, ErrManifest, ""},
		{"no manifest", "", nil, ErrNotInstalled, "quiet"},
		{"bad manifest", "name: [", nil, ErrManifest, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			if c.manifest != "" {
				write(t, root, "quiet/"+ManifestName, c.manifest)
			}
			for name, content := range c.files {
				write(t, root, "quiet/"+name, content)
			}
			for _, name := range []string{"quiet", filepath.Join(root, "quiet")} {
				m, err := NewStore(Config{Dir: root}).Open(name)
				if !errors.Is(err, c.want) {
					t.Fatalf("Open(%q): %v, want %v", name, err, c.want)
				}
				if err != nil {
					if !strings.Contains(err.Error(), c.names) {
						t.Errorf("%v does not name %s", err, c.names)
					}
					continue
				}
				if got, want := m.File("model"), filepath.Join(root, "quiet", "m.onnx"); got != want {
					t.Errorf("file %s, want %s", got, want)
				}
				if m.File("tokens") != "" {
					t.Errorf("a role that is not there has the file %s", m.File("tokens"))
				}
			}
		})
	}
}

func TestOpenRefusesNamesOutsideTheFolder(t *testing.T) {
	for _, name := range []string{"", "..", ".", "-x", "a b"} {
		if _, err := NewStore(Config{Dir: t.TempDir()}).Open(name); !errors.Is(err, ErrNotInstalled) {
			t.Errorf("Open(%q): %v", name, err)
		}
	}
}

// A file is hashed once, and again when it has changed, not when a model is
// opened again.
func TestOpenHashesAChangedFileAgain(t *testing.T) {
	root := t.TempDir()
	write(t, root, "quiet/"+ManifestName, vadHead+"files:\n  - {role: model, path: m.onnx, sha256: "+digest("model")+"}\n")
	path := write(t, root, "quiet/m.onnx", "model")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	s := NewStore(Config{Dir: root})
	if _, err := s.Open("quiet"); err != nil {
		t.Fatal(err)
	}
	// Same size and time: what was verified is believed, nothing is read.
	write(t, root, "quiet/m.onnx", "modem")
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open("quiet"); err != nil {
		t.Fatalf("the file was read again: %v", err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open("quiet"); !errors.Is(err, ErrChecksum) {
		t.Fatalf("a changed file was not read again: %v", err)
	}
}
