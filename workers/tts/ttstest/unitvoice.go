package ttstest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechdata"
	"github.com/tidegate/tidegate/internal/speechmodel"
	"github.com/tidegate/tidegate/workers/tts"
)

// UnitVoice is a folder with the model tts-unit-zh of the speech data, as an
// installed model: a VITS voice of one speaker at 8 kHz that knows Chinese
// characters only. A test is skipped where the data or cgo is absent.
func UnitVoice(t testing.TB) string {
	t.Helper()
	if !sherpa.Available {
		t.Skip("this build has no sherpa-onnx: cgo is off")
	}
	from, to := speechdata.Path(t, "tts-unit-zh"), t.TempDir()
	var files strings.Builder
	for _, name := range []string{"model.onnx", "tokens.txt", "lexicon.txt"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		fmt.Fprintf(&files, "  - {role: %s, path: %s, sha256: %s}\n", strings.TrimSuffix(name, filepath.Ext(name)), name, hex.EncodeToString(sum[:]))
	}
	manifest := "name: tts-unit-zh\nuse: tts\nkind: vits\ndescription: syllables of one speaker\nlanguages: [zh]\nsample_rate: 8000\n" +
		"licence: CC-BY-SA-3.0\nfiles:\n" + files.String()
	if err := os.WriteFile(filepath.Join(to, speechmodel.ManifestName), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// UnitVoiceConfig is the configuration of a worker that speaks with
// UnitVoice.
func UnitVoiceConfig(t testing.TB) tts.Config {
	t.Helper()
	cfg := tts.Defaults()
	cfg.Engine, cfg.Sherpa.Model = tts.EngineSherpa, UnitVoice(t)
	return cfg
}
