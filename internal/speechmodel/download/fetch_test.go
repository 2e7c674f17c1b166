package download

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/speechmodel"
)

var content = strings.Repeat("0123456789abcdef", 4096) // 64 KiB

func single(url, sum string, bytes int) string {
	m := head + "files:\n  - {role: model, path: m.onnx, url: '" + url + "/m.onnx'"
	if sum != "" {
		m += ", sha256: " + sum
	}
	if bytes > 0 {
		m += fmt.Sprintf(", bytes: %d", bytes)
	}
	return m + "}\n"
}

func TestPullOverALineThatBreaks(t *testing.T) {
	good := answer{content: content, etag: `"1"`}
	broken := answer{content: content, etag: `"1"`, breakAfter: 10000}
	stalled := answer{content: content, etag: `"1"`, breakAfter: 20000, stall: true}
	cases := []struct {
		name    string
		answers []answer
		sum     string // in the manifest
		ranges  []string
	}{
		{"whole", []answer{good}, digest(content), []string{""}},
		{"whole, no checksum published", []answer{good}, "", []string{""}},
		{"breaks off and goes on", []answer{broken, broken, good}, digest(content), []string{"", "bytes=10000-", "bytes=20000-"}},
		{"stands still and goes on", []answer{stalled, good}, digest(content), []string{"", "bytes=20000-"}},
		{"ranges are not known there", []answer{broken, {content: content, etag: `"1"`, ignoreRange: true}}, digest(content), []string{"", "bytes=10000-"}},
		{"the file changed in between", []answer{{content: strings.Repeat("x", 70000), etag: `"0"`, breakAfter: 10000}, good}, digest(content), []string{"", "bytes=10000-"}},
		// Without a version to name, going on is right only where a checksum tells.
		{"no version, checksum known", []answer{{content: content, breakAfter: 10000}, {content: content}}, digest(content), []string{"", "bytes=10000-"}},
		{"server errors pass", []answer{{status: 500}, {status: 503}, good}, digest(content), []string{"", "", ""}},
		{"too many requests pass", []answer{{status: 429, retryAfter: "0"}, good}, digest(content), []string{"", ""}},
		{"no length", []answer{{content: content, noLength: true}}, digest(content), []string{""}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, map[string][]answer{"/m.onnx": c.answers})
			cfg := config(t)
			cfg.StallTimeout = 300 * time.Millisecond
			in, h := installer(t, cfg)
			res, err := in.Pull(t.Context(), entry(t, single(s.URL, c.sum, 0)))
			if err != nil {
				t.Fatal(err)
			}
			if got := s.asked("/m.onnx"); !slices.Equal(got, c.ranges) {
				t.Errorf("asked for %q, want %q", got, c.ranges)
			}
			b, err := os.ReadFile(filepath.Join(res.Dir, "m.onnx"))
			if err != nil || string(b) != content {
				t.Errorf("%d bytes, %v", len(b), err)
			}
			if h.now != int64(len(content)) {
				t.Errorf("progress ended at %d of %d", h.now, len(content))
			}
			if first := c.sum == ""; res.FirstSeen != first || h.heard("no published checksum: recorded as first seen") != first {
				t.Errorf("first seen %v, said %q", res.FirstSeen, h.said)
			}
			if _, err := speechmodel.NewStore(cfg).Open("quiet"); err != nil {
				t.Error(err)
			}
			left, _ := filepath.Glob(filepath.Join(cfg.Dir, stageName, "*", "*"))
			if len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestPullFails(t *testing.T) {
	cases := []struct {
		name     string
		answer   answer
		bytes    int
		want     error
		requests int
		kept     bool
	}{
		{"not there", answer{status: 404}, 0, &StatusError{}, 1, false},
		{"forbidden", answer{status: 403}, 0, &StatusError{}, 1, false},
		{"server error for good", answer{status: 500}, 0, ErrBroken, 4, false},
		{"wrong bytes", answer{content: strings.Repeat("x", len(content)), etag: `"1"`}, 0, speechmodel.ErrChecksum, 1, false},
		{"wrong size", answer{content: content[:100], etag: `"1"`}, len(content), speechmodel.ErrChecksum, 1, false},
		{"too many bytes, told", answer{content: strings.Repeat("x", 1<<20+1), etag: `"1"`}, 0, ErrTooLarge, 1, false},
		{"too many bytes, not told", answer{content: strings.Repeat("x", 1<<20+5000), noLength: true}, 0, ErrTooLarge, 1, false},
		{"more than the manifest says, not told", answer{content: content + "x", noLength: true}, len(content), ErrTooLarge, 1, false},
		{"breaks off for good", answer{content: content, etag: `"1"`, breakAfter: 1000}, 0, ErrBroken, 4, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, map[string][]answer{"/m.onnx": {c.answer}})
			cfg := config(t)
			in, _ := installer(t, cfg)
			_, err := in.Pull(t.Context(), entry(t, single(s.URL, digest(content), c.bytes)))
			if status := (*StatusError)(nil); errors.As(c.want, &status) {
				if !errors.As(err, &status) {
					t.Fatalf("error %v", err)
				}
			} else if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a line: %v", err)
			}
			if n := len(s.asked("/m.onnx")); n != c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
			if _, err := speechmodel.NewStore(cfg).Open("quiet"); !errors.Is(err, speechmodel.ErrNotInstalled) {
				t.Errorf("half a model is installed: %v", err)
			}
			part, err := os.Stat(filepath.Join(cfg.Dir, stageName, "quiet", "files", "m.onnx.part"))
			if kept := err == nil && part.Size() > 0; kept != c.kept {
				t.Errorf("the part is kept: %v, want %v", kept, c.kept)
			}
		})
	}
}

// A pull that was interrupted keeps what it has; the next one goes on, in
// another process too.
func TestPullGoesOnAfterAnInterruption(t *testing.T) {
	s := newSite(t, map[string][]answer{"/m.onnx": {
		{content: content, etag: `"1"`, breakAfter: 30000, stall: true}, {content: content, etag: `"1"`},
	}})
	cfg := config(t)
	in, h := installer(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for { // the bytes have come: interrupt
			h.mu.Lock()
			n := h.now
			h.mu.Unlock()
			if n >= 30000 {
				cancel()
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	e := entry(t, single(s.URL, digest(content), len(content)))
	if _, err := in.Pull(ctx, e); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("error %v", err)
	}
	again, _ := installer(t, cfg)
	if _, err := again.Pull(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if got := s.asked("/m.onnx"); !slices.Equal(got, []string{"", "bytes=30000-"}) {
		t.Errorf("asked for %q", got)
	}
	res, err := again.Pull(t.Context(), e)
	if err != nil || !res.Already || len(s.asked("/m.onnx")) != 2 {
		t.Errorf("pulled again: %+v %v", res, err)
	}
}

func TestPullOfABusyModel(t *testing.T) {
	cfg := config(t)
	in, _ := installer(t, cfg)
	if err := os.MkdirAll(filepath.Join(cfg.Dir, stageName), 0o755); err != nil {
		t.Fatal(err)
	}
	unlock, err := lockFile(filepath.Join(cfg.Dir, stageName, "quiet.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := in.Pull(t.Context(), entry(t, single("http://localhost:1", "", 0))); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v", err)
	}
}

func TestPullWithoutRoomOnTheDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full here")
	}
	s := newSite(t, map[string][]answer{"/m.onnx": {{content: content, etag: `"1"`}}})
	cfg := config(t)
	in, _ := installer(t, cfg)
	dir := filepath.Join(cfg.Dir, stageName, "quiet", "files")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.Symlink("/dev/full", filepath.Join(dir, "m.onnx.part"))); err != nil {
		t.Fatal(err)
	}
	_, err := in.Pull(t.Context(), entry(t, single(s.URL, digest(content), 0)))
	if err == nil || !strings.Contains(err.Error(), "no space left on device") || len(s.asked("/m.onnx")) != 1 {
		t.Errorf("error %v after %d requests", err, len(s.asked("/m.onnx")))
	}
}

func TestPullFromAMirror(t *testing.T) {
	e := func() speechmodel.Entry {
		return entry(t, single("https://models.example.com/a/b", digest(content), len(content)))
	}
	for pattern, path := range map[string]string{
		"":               "/a/b/m.onnx",
		"/pub/":          "/pub/a/b/m.onnx",
		"/{host}/{path}": "/models.example.com/a/b/m.onnx",
		"/proxy?{url}":   "/proxy?https://models.example.com/a/b/m.onnx",
	} {
		s := newSite(t, map[string][]answer{path: {{content: content, etag: `"1"`}}})
		cfg := config(t)
		cfg.Mirror = s.URL + pattern
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		in, _ := installer(t, cfg)
		if _, err := in.Pull(t.Context(), e()); err != nil || len(s.asked(path)) != 1 {
			t.Errorf("%q: %v, %v", pattern, err, s.ranges)
		}
	}
}
