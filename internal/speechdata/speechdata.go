// Package speechdata finds the recordings and models that tests and
// measurements of real speech read and that are not part of this project.
package speechdata

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Env names the folder; without it the folder ../shared/speech beside the
// project is looked for.
const Env = "TIDEGATE_SPEECH_DATA"

// Find is the folder with the data, and whether it is there.
func Find() (dir string, ok bool) {
	dir = os.Getenv(Env)
	if dir == "" {
		_, file, _, _ := runtime.Caller(0)
		dir = filepath.Join(filepath.Dir(file), "..", "..", "..", "shared", "speech")
	}
	_, err := os.Stat(filepath.Join(dir, "README.md"))
	return dir, err == nil
}

// Dir is the folder with the data; a test without it is skipped.
func Dir(t testing.TB) string {
	t.Helper()
	dir, ok := Find()
	if !ok {
		t.Skipf("speech data is absent: set %s to its folder", Env)
	}
	return dir
}

// Path is a file or folder below Dir.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	return filepath.Join(append([]string{Dir(t)}, elem...)...)
}

// Recording is a WAV file and what is said in it.
type Recording struct {
	Path string
	Text string
}

// Recordings is Read of a folder of the data.
func Recordings(t testing.TB, folder string) []Recording {
	t.Helper()
	out, err := Read(Path(t, folder))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Read reads a folder with a transcripts.tsv (file, text, ...); lines whose
// text stands in parentheses have no transcript and are left out.
func Read(dir string) ([]Recording, error) {
	f, err := os.Open(filepath.Join(dir, "transcripts.tsv"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var out []Recording
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		fields := strings.Split(sc.Text(), "\t")
		if len(fields) < 2 || fields[0] == "file" || strings.HasPrefix(fields[1], "(") {
			continue
		}
		name := fields[0]
		if filepath.Ext(name) == "" {
			name += ".wav"
		}
		out = append(out, Recording{Path: filepath.Join(dir, name), Text: fields[1]})
	}
	if err := sc.Err(); err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s names no recording", dir)
	}
	return out, nil
}
