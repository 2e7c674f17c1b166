package download

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/internal/speechmodel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func digest(b string) string {
	h := sha256.Sum256([]byte(b))
	return hex.EncodeToString(h[:])
}

// answer is what the server does with one request.
type answer struct {
	content     string
	etag        string // with quotes; "": none, and no date either
	breakAfter  int    // bytes after which the connection breaks, 0: none
	stall       bool   // stands still after breakAfter bytes
	ignoreRange bool
	status      int
	retryAfter  string
	noLength    bool
}

// site answers the requests to each path one after the other, the last
// answer for ever.
type site struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string][]answer
	ranges  map[string][]string // of the requests
	release chan struct{}
}

func newSite(t *testing.T, answers map[string][]answer) *site {
	s := &site{answers: answers, ranges: map[string][]string{}, release: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() { close(s.release); s.Close() })
	return s
}

func (s *site) next(path, rng string) (answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ranges[path] = append(s.ranges[path], rng)
	list := s.answers[path]
	if len(list) == 0 {
		return answer{}, false
	}
	if len(list) > 1 {
		s.answers[path] = list[1:]
	}
	return list[0], true
}

// asked are the Range headers of the requests to a path.
func (s *site) asked(path string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.ranges[path]...)
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	a, ok := s.next(r.URL.RequestURI(), r.Header.Get("Range"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	if a.retryAfter != "" {
		w.Header().Set("Retry-After", a.retryAfter)
	}
	if a.status != 0 {
		http.Error(w, "no", a.status)
		return
	}
	if a.ignoreRange {
		r.Header.Del("Range")
	}
	if a.etag != "" {
		w.Header().Set("ETag", a.etag)
	}
	if a.noLength {
		_, _ = fmt.Fprint(w, a.content)
		w.(http.Flusher).Flush()
		return
	}
	if a.breakAfter > 0 {
		w = &breaking{ResponseWriter: w, left: a.breakAfter, stall: a.stall, release: s.release}
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(a.content))
}

// breaking ends the connection in the middle, or stands still.
type breaking struct {
	http.ResponseWriter
	left    int
	stall   bool
	release chan struct{}
}

func (b *breaking) Write(p []byte) (int, error) {
	n := min(len(p), b.left)
	_, _ = b.ResponseWriter.Write(p[:n])
	b.left -= n
	if b.left == 0 {
		b.ResponseWriter.(http.Flusher).Flush()
		if b.stall {
			<-b.release
		}
		panic(http.ErrAbortHandler)
	}
	return n, nil
}

// heard records what the user would see.
type heard struct {
	mu    sync.Mutex
	said  []string
	now   int64
	total int64
}

func (h *heard) Begin(_ string, total, done int64) {
	h.mu.Lock()
	h.total, h.now = total, done
	h.mu.Unlock()
}
func (h *heard) Add(n int64)     { h.mu.Lock(); h.now += n; h.mu.Unlock() }
func (h *heard) End()            {}
func (h *heard) Say(line string) { h.mu.Lock(); h.said = append(h.said, line); h.mu.Unlock() }

func (h *heard) heard(part string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Contains(strings.Join(h.said, "\n"), part)
}

func config(t *testing.T) speechmodel.Config {
	c := speechmodel.Defaults()
	c.Dir = t.TempDir()
	c.Attempts, c.MaxMB = 4, 1
	return c
}

func installer(t *testing.T, c speechmodel.Config) (*Installer, *heard) {
	h := &heard{}
	in := New(c, h)
	in.fetch.pause = func(int) time.Duration { return time.Millisecond }
	t.Cleanup(in.Close)
	return in, h
}

func entry(t *testing.T, manifest string) speechmodel.Entry {
	t.Helper()
	m, err := speechmodel.Parse([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	return speechmodel.Entry{Manifest: m, Text: []byte(manifest)}
}

const head = "name: quiet\nuse: vad\nkind: silero\nlicence: MIT\nsample_rate: 16000\n"
