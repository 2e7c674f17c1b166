package download

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/tidegate/tidegate/internal/speechmodel"
)

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func TestInstallFromFiles(t *testing.T) {
	archive := packed(t)
	vocoder := "  - {role: vocoder, path: v.onnx, url: 'https://models.example.com/v.onnx', sha256: " + digest("vocoder") + "}\n"
	plain := packedManifest("https://models.example.com", "", "", "")
	sure := packedManifest("https://models.example.com", digest(archive), "", "") + vocoder
	stated := packedManifest("https://models.example.com", "", "", digest("model"))
	lock := "name: quiet\nfiles:\n  - {path: m.onnx, bytes: 5, sha256: " + digest("model") + ", origin: published}\n" +
		"  - {path: data/a/b, bytes: 1, sha256: " + digest("b") + ", origin: published}\n"
	cases := []struct {
		name, manifest string
		files          map[string]string // below the place that is given
		from           string
		want           error
		first          bool
	}{
		{"folder", plain, map[string]string{"m.onnx": "model", "data/a/b": "b", "rest": "x"}, "", nil, true},
		{"folder that was unpacked", plain, map[string]string{"quiet/m.onnx": "model", "quiet/data/a/b": "b"}, "", nil, true},
		{"folder of another machine", plain, map[string]string{"m.onnx": "model", "data/a/b": "b", speechmodel.LockName: lock}, "", nil, false},
		{"folder of another machine, spoilt", plain, map[string]string{"m.onnx": "modem", "data/a/b": "b", speechmodel.LockName: lock}, "", speechmodel.ErrChecksum, false},
		{"folder without a file", plain, map[string]string{"m.onnx": "model"}, "", speechmodel.ErrChecksum, false},
		{"wrong file", stated, map[string]string{"m.onnx": "modem", "data/a/b": "b"}, "", speechmodel.ErrChecksum, false},
		{"archive", plain, map[string]string{"a.tbz": archive}, "a.tbz", nil, true},
		{"archive and a file beside it", sure, map[string]string{"a.tbz": archive, "v.onnx": "vocoder"}, "a.tbz", nil, false},
		{"archive without the file beside it", sure, map[string]string{"a.tbz": archive}, "a.tbz", os.ErrNotExist, false},
		{"wrong archive", sure, map[string]string{"a.tbz": tarball(t, member{name: "quiet/m.onnx", content: "model"}), "v.onnx": "vocoder"}, "a.tbz", speechmodel.ErrChecksum, false},
		{"single file", single("https://models.example.com", digest("model"), 5), map[string]string{"any.onnx": "model"}, "any.onnx", nil, false},
		{"nothing", plain, nil, "nowhere", os.ErrNotExist, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range c.files {
				put(t, dir, name, content)
			}
			cfg := config(t)
			in, _ := installer(t, cfg)
			res, err := in.InstallFrom(t.Context(), entry(t, c.manifest), filepath.Join(dir, c.from))
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if err != nil {
				return
			}
			if m, err := speechmodel.NewStore(cfg).Open("quiet"); err != nil || res.FirstSeen != c.first {
				t.Errorf("%+v: %+v, %v", m, res, err)
			}
		})
	}
}

// A model that was spoilt on the disk is installed anew over what is there.
func TestPullReplacesASpoiltModel(t *testing.T) {
	s := newSite(t, map[string][]answer{"/m.onnx": {{content: content, etag: `"1"`}}})
	cfg := config(t)
	in, _ := installer(t, cfg)
	e := entry(t, single(s.URL, digest(content), 0))
	res, err := in.Pull(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	put(t, res.Dir, "m.onnx", "spoilt")
	put(t, res.Dir, "stray", "gone afterwards")
	if res, err = in.Pull(t.Context(), e); err != nil || res.Already {
		t.Fatalf("%+v %v", res, err)
	}
	if _, err := speechmodel.NewStore(cfg).Open("quiet"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(res.Dir, "stray")); err == nil {
		t.Error("the old folder's files are still there")
	}
}
