package tts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tidegate/tidegate/internal/audio"
)

func diskForTest(t *testing.T, dir string, maxBytes int64) (*disk, *metrics) {
	t.Helper()
	m := newMetrics(nil)
	d, err := openDisk(dir, maxBytes, m, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return d, m
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestDiskSurvivesARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "prompts")
	engine := &slow{pieces: 3}
	fixed, private := Request{Text: "您好，请说订单号。", SampleRate: 8000}, Request{Text: "单号是一二三四", SampleRate: 8000}
	for restart := range 2 {
		d, m := diskForTest(t, dir, 1<<20)
		c := newCache(engine, 1<<20, d, m)
		res, err := c.prepare(t.Context(), fixed)
		if err != nil || res.Cached != (restart == 1) {
			t.Errorf("restart %d: prepared %+v, %v", restart, res, err)
		}
		var samples int
		if res, err := c.Synthesize(t.Context(), fixed, count(&samples)); err != nil || !res.Cached || samples != 300 {
			t.Errorf("restart %d: %d samples, %+v, %v", restart, samples, res, err)
		}
		if res, err := c.Synthesize(t.Context(), private, count(new(int))); err != nil || res.Cached {
			t.Errorf("restart %d: a text that is not fixed was kept: %+v, %v", restart, res, err)
		}
		wantHits := float64(restart)
		if got := testutil.ToFloat64(m.cacheRequests.WithLabelValues(levelDisk, cacheHit)); got != wantHits {
			t.Errorf("restart %d: %v hits on disk, want %v", restart, got, wantHits)
		}
		if got := testutil.ToFloat64(m.cacheEntries.WithLabelValues(levelDisk)); got != 1 {
			t.Errorf("restart %d: %v files", restart, got)
		}
		_ = c.Close()
	}
	if n := engine.runs.Load(); n != 3 { // the fixed one once, the private one in each run
		t.Errorf("%d syntheses", n)
	}
	names := files(t, dir)
	if len(names) != 1 {
		t.Fatalf("files %q", names)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, names[0]): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
	}
	// Any player plays it.
	f, err := os.Open(filepath.Join(dir, names[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if wav, err := audio.ReadWAV(f); err != nil || wav.Rate != 8000 || len(wav.Samples) != 300 {
		t.Errorf("file as WAV: %d Hz, %d samples, %v", wav.Rate, len(wav.Samples), err)
	}
}

// TestDiskBelongsToTheEngine: another voice does not speak from what the one
// before left.
func TestDiskBelongsToTheEngine(t *testing.T) {
	dir := t.TempDir()
	r := Request{Text: "您好", SampleRate: 8000}
	for i, e := range []Engine{&slow{pieces: 1}, tone{}, &slow{pieces: 1}} {
		d, m := diskForTest(t, dir, 1<<20)
		c := newCache(e, 0, d, m)
		if res, err := c.prepare(t.Context(), r); err != nil || res.Cached != (i == 2) {
			t.Errorf("engine %d: %+v, %v", i, res, err)
		}
		_ = c.Close()
	}
}

// substitute speaks for an engine that is gone.
type substitute struct{ slow }

func (s *substitute) Synthesize(_ context.Context, _ Request, emit Emit) (Result, error) {
	s.runs.Add(1)
	return Result{Samples: 100, Substitute: true}, emit(make([]int16, 100))
}

func TestSubstituteIsNotKept(t *testing.T) {
	dir := t.TempDir()
	d, m := diskForTest(t, dir, 1<<20)
	e := &substitute{}
	c := newCache(e, 1<<20, d, m)
	defer c.Close()
	for range 2 {
		if res, err := c.prepare(t.Context(), Request{Text: "您好", SampleRate: 8000}); err != nil || res.Cached {
			t.Errorf("%+v, %v", res, err)
		}
	}
	if n := e.runs.Load(); n != 2 || len(files(t, dir)) != 0 {
		t.Errorf("%d syntheses, files %q", n, files(t, dir))
	}
}

func TestDiskDropsWhatIsDamaged(t *testing.T) {
	pcm := audio.Tone(440, 200*time.Millisecond, 8000, 0.5)
	good, err := encodePrompt(8000, pcm)
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(good)
	flipped[200] ^= 1
	other, err := encodePrompt(16000, pcm)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"empty": nil, "short": good[:len(good)-1], "half": good[:len(good)/2], "bit": flipped, "rate": other, "text": []byte("no sound"),
		"no sum": good[:len(good)-sumBytes],
	} {
		t.Run(name, func(t *testing.T) {
			d, m := diskForTest(t, t.TempDir(), 1<<20)
			if err := os.WriteFile(d.path("x"), b, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, ok := d.get("x", 8000); ok {
				t.Error("taken")
			}
			if d.has("x") {
				t.Error("still there")
			}
			if got := testutil.ToFloat64(m.cacheErrors.WithLabelValues(cacheCorrupt)); got != 1 {
				t.Errorf("%v counted", got)
			}
			d.put("x", 8000, pcm)
			if got, ok := d.get("x", 8000); !ok || !slices.Equal(got, pcm) {
				t.Error("not written anew")
			}
		})
	}
}

func TestDiskLeastRecentlyUsedLeaves(t *testing.T) {
	pcm := make([]int16, 1000)
	b, err := encodePrompt(8000, pcm)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(b))
	dir := t.TempDir()
	d, m := diskForTest(t, dir, 10*size)
	long := time.Now().Add(-time.Hour)
	for i := range 10 {
		name := fmt.Sprint(i)
		d.put(name, 8000, pcm)
		at := long.Add(time.Duration(i) * time.Minute)
		if err := os.Chtimes(d.path(name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := d.get("0", 8000); !ok { // it is the newest now
		t.Fatal("not there")
	}
	d.put("10", 8000, pcm)
	want := []string{"0.wav", "10.wav", "3.wav", "4.wav", "5.wav", "6.wav", "7.wav", "8.wav", "9.wav"} // nine tenths
	if got := files(t, dir); !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	for what, v := range map[string][2]float64{
		"evictions": {testutil.ToFloat64(m.cacheEvictions.WithLabelValues(levelDisk)), 2},
		"bytes":     {testutil.ToFloat64(m.cacheBytes.WithLabelValues(levelDisk)), float64(9 * size)},
		"files":     {testutil.ToFloat64(m.cacheEntries.WithLabelValues(levelDisk)), 9},
	} {
		if v[0] != v[1] {
			t.Errorf("%s: %v, want %v", what, v[0], v[1])
		}
	}
	// What is longer than all may be is not written, and a smaller limit
	// holds from the start.
	d.put("huge", 8000, make([]int16, 11000))
	if d.has("huge") {
		t.Error("a file over the limit was written")
	}
	diskForTest(t, dir, 2*size)
	if got := files(t, dir); !slices.Equal(got, []string{"10.wav"}) && !slices.Equal(got, []string{"0.wav"}) {
		t.Errorf("files after a start with room for two: %q", got)
	}
}

// TestDiskIsShared: several caches on one folder read, write and evict at
// once; nobody gets a wrong sound.
func TestDiskIsShared(t *testing.T) {
	dir := t.TempDir()
	sound := func(i int) []int16 { return slices.Repeat([]int16{int16(i + 1)}, 500+i) }
	b, err := encodePrompt(8000, sound(0))
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		d, _ := diskForTest(t, dir, 6*int64(len(b)))
		group.Go(func() {
			for round := range 200 {
				i := round % 9
				name := fmt.Sprint(i)
				if pcm, ok := d.get(name, 8000); !ok {
					d.put(name, 8000, sound(i))
				} else if !slices.Equal(pcm, sound(i)) {
					t.Errorf("sound %d is another one", i)
				}
			}
		})
	}
	group.Wait()
	for _, name := range files(t, dir) {
		if filepath.Ext(name) != diskEnding {
			t.Errorf("%s was left", name)
		}
	}
}

func TestDiskStart(t *testing.T) {
	if d, err := openDisk("", 1, newMetrics(nil), nil); d != nil || err != nil {
		t.Errorf("no folder: %v, %v", d, err)
	}
	if d, err := openDisk(t.TempDir(), 0, newMetrics(nil), nil); d != nil || err != nil {
		t.Errorf("no bytes: %v, %v", d, err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openDisk(file, 1, newMetrics(nil), nil); err == nil {
		t.Error("a file was taken for a folder")
	}
	// What a dead process left goes, what another is writing stays.
	dir := t.TempDir()
	for name, age := range map[string]time.Duration{"tmp-old": 2 * time.Hour, "tmp-new": 0} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	diskForTest(t, dir, 1<<20)
	if got := files(t, dir); !slices.Equal(got, []string{"tmp-new"}) {
		t.Errorf("files %q", got)
	}
}

// TestDiskFails: a folder that is gone costs a counter, no call.
func TestDiskFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "prompts")
	d, m := diskForTest(t, dir, 1<<20)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	c := newCache(&slow{pieces: 1}, 1<<20, d, m)
	defer c.Close()
	if res, err := c.prepare(t.Context(), Request{Text: "您好", SampleRate: 8000}); err != nil || res.Samples != 100 {
		t.Errorf("%+v, %v", res, err)
	}
	if got := testutil.ToFloat64(m.cacheErrors.WithLabelValues(cacheWrite)); got != 1 {
		t.Errorf("%v failures counted", got)
	}
}

func FuzzDecodePrompt(f *testing.F) {
	good, err := encodePrompt(8000, make([]int16, 10))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:sumBytes])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		pcm, err := decodePrompt(b, 8000)
		if (err == nil) != (len(pcm) > 0) || err != nil && !errors.Is(err, errPrompt) {
			t.Fatalf("%d samples, %v", len(pcm), err)
		}
	})
}
