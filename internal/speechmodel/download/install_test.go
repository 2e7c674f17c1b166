package download

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/speechmodel"
)

// packed reads an archive that holds quiet/ with m.onnx ("model"), data/a/b
// ("b"), LICENSE, a recording, and a link to nowhere beside it.
func packed(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/quiet.tar.bz2")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type member struct {
	name, content string
	kind          byte // of tar, 0: a file
}

func tarball(t *testing.T, members ...member) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.content)), Typeflag: tar.TypeReg}
		if m.kind != 0 {
			h.Typeflag, h.Linkname, h.Size = m.kind, m.content, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(m.content)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zipped(t *testing.T, members ...member) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate}
		if m.kind == tar.TypeSymlink {
			h.SetMode(os.ModeSymlink | 0o777)
		}
		f, err := w.CreateHeader(h)
		if err == nil {
			_, err = f.Write([]byte(m.content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// packedManifest describes the archive that the site has as /quiet.tar.bz2.
func packedManifest(url, sum, list, fileSum string) string {
	m := head + "archive:\n  url: '" + url + "/quiet.tar.bz2'\n  root: quiet\n"
	if sum != "" {
		m += "  sha256: " + sum + "\n"
	}
	if list != "" {
		m += "  checksums_url: '" + url + list + "'\n"
	}
	m += "files:\n  - {role: model, path: m.onnx"
	if fileSum != "" {
		m += ", sha256: " + fileSum
	}
	return m + "}\n  - {role: data_dir, path: data/}\n"
}

func TestPullAnArchive(t *testing.T) {
	archive := packed(t)
	sum, other := digest(archive), digest("another")
	cases := []struct {
		name          string
		sum, list     string // in the manifest: the archive's, the list's path
		file          string // checksum of m.onnx
		answer        string // the list
		require       bool
		want          error
		first         bool
		said          string
		requestsOfAll int
	}{
		{"checksum in the manifest", sum, "", "", "", true, nil, false, "", 1},
		{"checksum in the release's list", "", "/sums", "", "quiet.tar.bz2\t" + sum + "\n", true, nil, false, "", 2},
		{"list as sha256sum writes it", "", "/sums", "", sum + "  *quiet.tar.bz2\n", true, nil, false, "", 2},
		{"both, and the list is not asked", sum, "/sums", "", "", true, nil, false, "", 1},
		{"the release replaced its archive", other, "/sums", "", "quiet.tar.bz2 " + sum, true, nil, false, "has replaced it", 2},
		{"neither manifest nor list know it", other, "/sums", "", "quiet.tar.bz2 " + other, false, speechmodel.ErrChecksum, false, "", 2},
		{"wrong archive", other, "", "", "", false, speechmodel.ErrChecksum, false, "", 1},
		{"no checksum anywhere", "", "", "", "", false, nil, true, "m.onnx: no published checksum: recorded as first seen", 1},
		{"no checksum anywhere, and one is asked for", "", "", "", "", true, ErrUnpublished, false, "", 0},
		{"the list does not name it", "", "/sums", "", "other.tar.bz2 " + sum, false, nil, true, "first seen", 2},
		{"there is no list", "", "/nosums", "", "", false, nil, true, "no list of checksums", 2},
		{"wrong file in it", sum, "", other, "", false, speechmodel.ErrChecksum, false, "", 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, map[string][]answer{"/quiet.tar.bz2": {{content: archive, etag: `"1"`}}, "/sums": {{content: c.answer}}})
			cfg := config(t)
			cfg.RequirePublished = c.require
			in, h := installer(t, cfg)
			res, err := in.Pull(t.Context(), entry(t, packedManifest(s.URL, c.sum, c.list, c.file)))
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			var requests int
			for _, r := range s.ranges {
				requests += len(r)
			}
			if requests != c.requestsOfAll {
				t.Errorf("%d requests, want %d: %v", requests, c.requestsOfAll, s.ranges)
			}
			m, openErr := speechmodel.NewStore(cfg).Open("quiet")
			if err != nil {
				if !errors.Is(openErr, speechmodel.ErrNotInstalled) {
					t.Errorf("installed all the same: %v", openErr)
				}
				return
			}
			if openErr != nil {
				t.Fatal(openErr)
			}
			if res.FirstSeen != c.first || !h.heard(c.said) {
				t.Errorf("first seen %v, said %q", res.FirstSeen, h.said)
			}
			if b, err := os.ReadFile(filepath.Join(m.File("data_dir"), "a", "b")); err != nil || string(b) != "b" {
				t.Errorf("%q %v", b, err)
			}
			names, _ := filepath.Glob(filepath.Join(m.Dir, "*"))
			for i := range names {
				names[i] = filepath.Base(names[i])
			}
			if want := []string{"LICENSE", "data", "m.onnx", speechmodel.LockName, speechmodel.ManifestName}; !slices.Equal(names, want) {
				t.Errorf("installed %v, want %v", names, want)
			}
		})
	}
}

func TestPullRefusesArchives(t *testing.T) {
	model, data := member{name: "quiet/m.onnx", content: "model"}, member{name: "quiet/data/b", content: "b"}
	bomb := member{name: "quiet/test_wavs/0.wav", content: strings.Repeat("\x00", 3<<20)}
	cases := map[string]struct {
		archive string
		want    error
	}{
		"tar.gz":                      {tarball(t, model, data), nil},
		"zip":                         {zipped(t, model, data), nil},
		"path out of it":              {tarball(t, model, data, member{name: "quiet/../../m.onnx", content: "x"}), ErrArchive},
		"path out of it, zip":         {zipped(t, model, data, member{name: "../evil", content: "x"}), ErrArchive},
		"absolute path":               {tarball(t, model, data, member{name: "/etc/passwd", content: "x"}), ErrArchive},
		"backslashes":                 {zipped(t, model, data, member{name: `quiet\..\..\m.onnx`, content: "x"}), ErrArchive},
		"link for a file":             {tarball(t, member{name: "quiet/m.onnx", content: "/etc/passwd", kind: tar.TypeSymlink}, data), ErrArchive},
		"hard link for a file":        {tarball(t, member{name: "quiet/m.onnx", content: "/etc/passwd", kind: tar.TypeLink}, data), ErrArchive},
		"link for a file, zip":        {zipped(t, member{name: "quiet/m.onnx", content: "/etc/passwd", kind: tar.TypeSymlink}, data), ErrArchive},
		"link for a folder":           {tarball(t, model, member{name: "quiet/data", content: "/tmp", kind: tar.TypeSymlink}, data), nil},
		"a file twice":                {tarball(t, model, data, model), ErrArchive},
		"a file missing":              {tarball(t, data), speechmodel.ErrChecksum},
		"nothing in a folder":         {tarball(t, model, member{name: "quiet/data/", kind: tar.TypeDir}), speechmodel.ErrChecksum},
		"too much, not even wanted":   {tarball(t, model, data, bomb), ErrTooLarge},
		"cut off":                     {tarball(t, model, data)[:60], ErrArchive},
		"no archive":                  {"<html>please log in</html>", ErrArchive},
		"empty":                       {"", ErrArchive},
		"spoilt in the middle of bz2": {packed(t)[:200] + "????" + packed(t)[204:], ErrArchive},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, map[string][]answer{"/quiet.tar.bz2": {{content: c.archive, etag: `"1"`}}})
			cfg := config(t)
			in, _ := installer(t, cfg)
			_, err := in.Pull(t.Context(), entry(t, packedManifest(s.URL, "", "", "")))
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if _, openErr := speechmodel.NewStore(cfg).Open("quiet"); (openErr == nil) != (err == nil) {
				t.Errorf("opening after %v: %v", err, openErr)
			}
			for _, outside := range []string{"m.onnx", "evil"} {
				found, _ := filepath.Glob(filepath.Join(cfg.Dir, outside))
				staged, _ := filepath.Glob(filepath.Join(cfg.Dir, stageName, outside))
				if len(found)+len(staged) > 0 {
					t.Errorf("written outside: %v %v", found, staged)
				}
			}
			if errors.Is(c.want, ErrArchive) { // the next pull loads it anew
				if _, err := os.Stat(filepath.Join(cfg.Dir, stageName, "quiet", "quiet.tar.bz2")); err == nil {
					t.Error("the bad archive is kept")
				}
			}
		})
	}
}

func hubManifest(url string) string {
	return head + "hub: {repository: someone/quiet}\nfiles:\n  - {role: model, path: m.onnx}\n  - {role: data_dir, path: data/}\n" +
		"  - {role: vocoder, path: v.onnx, url: '" + url + "/v.onnx', sha256: " + digest("vocoder") + "}\n"
}

func git(content string) string {
	h := sha1.Sum([]byte(fmt.Sprintf("blob %d\x00%s", len(content), content)))
	return hex.EncodeToString(h[:])
}

func TestPullFromTheHub(t *testing.T) {
	list := func(model, b string) []answer {
		return []answer{{content: fmt.Sprintf(`[{"type":"directory","path":"data","oid":"x"},
			{"type":"file","path":"m.onnx","size":5,"oid":"x","lfs":{"oid":"%s","size":5}},
			{"type":"file","path":"data/b","size":1,"oid":"%s"},{"type":"file","path":"unwanted.wav","size":9,"oid":"x"}]`, model, b)}}
	}
	api := "/api/models/someone/quiet/tree/main?recursive=true"
	for name, c := range map[string]struct {
		list []answer
		want error
	}{
		"good":          {list(digest("model"), git("b")), nil},
		"wrong in LFS":  {list(digest("modem"), git("b")), speechmodel.ErrChecksum},
		"wrong in git":  {list(digest("model"), git("c")), speechmodel.ErrChecksum},
		"list is HTML":  {[]answer{{content: "<html>"}}, errAny},
		"list is empty": {[]answer{{content: "[]"}}, speechmodel.ErrChecksum},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, map[string][]answer{
				api: c.list, "/someone/quiet/resolve/main/m.onnx": {{content: "model", etag: `"1"`, breakAfter: 2}, {content: "model", etag: `"1"`}},
				"/someone/quiet/resolve/main/data/b": {{content: "b"}}, "/v.onnx": {{content: "vocoder"}},
			})
			cfg := config(t)
			cfg.From, cfg.Mirror, cfg.RequirePublished = speechmodel.FromHub, s.URL, true
			in, _ := installer(t, cfg)
			res, err := in.Pull(t.Context(), entry(t, hubManifest(s.URL)))
			if c.want == errAny && err != nil {
				return
			}
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if err != nil {
				return
			}
			if _, err := speechmodel.NewStore(cfg).Open("quiet"); err != nil || res.FirstSeen {
				t.Errorf("%+v, %v", res, err)
			}
			if s.asked("/unwanted.wav") != nil {
				t.Error("downloaded what the model does not need")
			}
		})
	}
}

var errAny = errors.New("any error")

func TestNextPage(t *testing.T) {
	for link, want := range map[string]string{
		"": "", `<https://huggingface.co/api/models/a/b/tree/main?cursor=c&limit=9>; rel="next"`: hubHost + "/api/models/a/b/tree/main?cursor=c&limit=9",
		`<https://x.example/1>; rel="prev", <https://mirror.example/2?c=d>; rel="next"`: hubHost + "/2?c=d", `<%zz>; rel="next"`: "",
	} {
		if got := nextPage(link); got != want {
			t.Errorf("%s: %s, want %s", link, got, want)
		}
	}
}
