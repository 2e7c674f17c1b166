package speechdata

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/speechmodel"
)

// Folder makes a model's folder of files that lie elsewhere, by role, with a
// manifest that states their checksums; m needs no files. The folder's path
// names the model to a store.
func Folder(t testing.TB, m speechmodel.Manifest, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if m.Licence == "" {
		m.Licence = "for tests"
	}
	for role, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		m.Files = append(m.Files, speechmodel.File{Role: role, Path: name, Bytes: int64(len(content)), SHA256: hex.EncodeToString(sum[:])})
	}
	b, err := yaml.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, speechmodel.ManifestName), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Denoiser is the folder of the GTCRN speech enhancement model.
func Denoiser(t testing.TB) string {
	t.Helper()
	return Folder(t, speechmodel.Manifest{Name: "gtcrn_simple", Use: speechmodel.UseDenoise, Kind: "gtcrn", SampleRate: 16000},
		map[string]string{"model": Path(t, "denoise", "gtcrn_simple.onnx")})
}

// VAD is the folder of the Silero voice activity model.
func VAD(t testing.TB) string {
	t.Helper()
	return Folder(t, speechmodel.Manifest{Name: "silero_vad", Use: speechmodel.UseVAD, Kind: "silero", SampleRate: 16000},
		map[string]string{"model": Path(t, "vad", "silero_vad.onnx")})
}

// Sound reads a WAV file as one channel at a rate in Hz.
func Sound(t testing.TB, path string, rate int) []int16 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	wav, err := audio.ReadWAV(f)
	if err != nil {
		t.Fatal(err)
	}
	return audio.Resample(wav.Mono(), wav.Rate, rate)
}
