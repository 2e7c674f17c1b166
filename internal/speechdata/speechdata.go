// Package speechdata finds the recordings and models that tests of real
// speech read and that are not part of this project.
package speechdata

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Env names the folder; without it the folder ../shared/speech beside the
// project is looked for.
const Env = "TIDEGATE_SPEECH_DATA"

// Dir is the folder with the data; a test without it is skipped.
func Dir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv(Env)
	if dir == "" {
		_, file, _, _ := runtime.Caller(0)
		dir = filepath.Join(filepath.Dir(file), "..", "..", "..", "shared", "speech")
	}
	if _, err := os.Stat(filepath.Join(dir, "README.md")); err != nil {
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

// Recordings reads a folder with a transcripts.tsv (file, text, ...); lines
// whose text stands in parentheses have no transcript and are left out.
func Recordings(t testing.TB, folder string) []Recording {
	t.Helper()
	dir := Path(t, folder)
	f, err := os.Open(filepath.Join(dir, "transcripts.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out []Recording
	for sc := bufio.NewScanner(f); sc.Scan(); {
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
	if len(out) == 0 {
		t.Fatalf("%s names no recording", dir)
	}
	return out
}
