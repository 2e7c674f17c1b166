package speechmodel

import (
	"errors"
	"strings"
	"testing"
)

func TestParseNamesEveryError(t *testing.T) {
	_, err := Parse([]byte(`
name: ../x
use: asr-streaming
kind: zipformer-transducer
sample_rate: 4000
languages: [Chinese!]
dialects: [zh-atlantis]
licence_url: ftp://example.com
archive: {url: "", root: ../up, sha256: ABC, bytes: -1}
hub: {repository: nobody}
files:
  - {role: encoder, path: ../../etc/passwd}
  - {role: "Dec oder", path: d.onnx, url: "file:///etc/passwd"}
  - {role: joiner, path: manifest.yaml}
  - {role: tokens, path: data/, sha256: 00}
  - {role: tokens, path: data/}
`))
	if !errors.Is(err, ErrManifest) {
		t.Fatal(err)
	}
	for _, want := range []string{
		"name:", "sample_rate:", "languages:", "dialects:", "licence:", "licence_url:", "archive.url:", "archive.root:", "archive.sha256:",
		"hub.repository:", "files[0].path:", "files[1].role:", "files[1].url:", "files[2].path:", "files[3].path:", "files[3].sha256:", "files[4].path:",
		"needs one of role decoder",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named in:\n%v", want, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := vadHead + "files:\n  - {role: model, path: m.onnx}\n"
	if _, err := Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, doc := range map[string]string{
		"empty":               "",
		"unknown field":       good + "size: 3\n",
		"unknown use":         strings.Replace(good, "vad", "dance", 1),
		"kind of another use": strings.Replace(good, "silero", "vits", 1),
		"no files":            vadHead,
		"too large":           good + "description: " + strings.Repeat("x", maxManifest),
		"tag that panics":     "files: !!binary [a]\n",
	} {
		if _, err := Parse([]byte(doc)); !errors.Is(err, ErrManifest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(vadHead + "files:\n  - {role: model, path: m.onnx}\n"))
	f.Add([]byte(vadHead + "archive: {url: 'https://example.com/a.tar.bz2', root: a}\nhub: {repository: a/b}\nfiles:\n  - {role: model, path: d/}\n"))
	f.Add([]byte("files: !!binary [a]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrManifest) {
				t.Fatalf("%v is no ErrManifest", err)
			}
			return
		}
		for _, file := range m.Files {
			if !localPath(strings.TrimSuffix(file.Path, "/")) {
				t.Fatalf("path %q leaves the folder", file.Path)
			}
		}
	})
}

func FuzzParseLock(f *testing.F) {
	f.Add([]byte("name: quiet\nfiles:\n  - {path: m.onnx, bytes: 5, sha256: " + digest("m") + ", origin: first-seen}\n"))
	f.Add([]byte("files: !!binary [a]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ParseLock(b)
		if err != nil {
			if !errors.Is(err, ErrManifest) {
				t.Fatalf("%v is no ErrManifest", err)
			}
			return
		}
		encoded, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseLock(encoded); err != nil {
			t.Fatalf("%v in\n%s", err, encoded)
		}
	})
}
