package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/workers/tts"
)

func TestPromptLine(t *testing.T) {
	var terminal bytes.Buffer
	line := &promptLine{out: &terminal}
	line.show(tts.Progress{Done: 1, Total: 2})
	line.show(tts.Progress{Done: 2, Total: 2})
	line.end()
	line.show(tts.Progress{Done: 2, Total: 2}) // comes late, from the background
	got := terminal.String()
	if !strings.Contains(got, "[============            ] 1/2") || !strings.HasSuffix(got, "[========================] 2/2\n") {
		t.Errorf("shown %q", got)
	}
	// In a file or a pipe there is nothing to draw on.
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	line = newPromptLine(f)
	line.show(tts.Progress{Done: 1, Total: 2})
	line.end()
	if info, err := f.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("%d bytes written to a file, %v", info.Size(), err)
	}
}
