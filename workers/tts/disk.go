package tts

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
)

// disk keeps the sound of fixed prompts in a folder, one WAV file each that
// any player plays. Its name is a hash of all that the sound depends on; a
// chunk at its end holds the checksum of what is before. Several processes
// may share a folder: files appear whole by a rename, and whoever finds one
// gone has missed it. The files used longest ago leave when there are too
// many bytes; a file's time is that of its last use.
type disk struct {
	dir     string
	max     int64
	metrics *metrics
	log     *slog.Logger

	mu    sync.Mutex
	bytes int64 // as last counted, and written since
	puts  int   // since

	warning sync.Mutex
	warned  time.Time
}

const (
	diskEnding = ".wav"
	diskTemp   = "tmp-"
	// touchAfter spares a write when a file was used a moment ago.
	touchAfter = time.Minute
	// staleTemp is when a file that was never finished belongs to a process
	// that is gone.
	staleTemp = time.Hour
	// countEvery is after how many writes the folder is counted anew: other
	// processes write too.
	countEvery = 64
	warnEvery  = time.Minute
)

// openDisk makes the folder and counts what is in it; "" is no folder.
func openDisk(dir string, maxBytes int64, m *metrics, log *slog.Logger) (*disk, error) {
	if dir == "" || maxBytes == 0 {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache_dir: %w", err)
	}
	probe, err := os.CreateTemp(dir, diskTemp)
	if err != nil {
		return nil, fmt.Errorf("cache_dir: %w", err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return nil, fmt.Errorf("cache_dir: %w", err)
	}
	d := &disk{dir: dir, max: maxBytes, metrics: m, log: log}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tidy()
	return d, nil
}

func (d *disk) path(name string) string { return filepath.Join(d.dir, name+diskEnding) }

// has says whether a sound is there, without looking at it.
func (d *disk) has(name string) bool {
	if d == nil {
		return false
	}
	_, err := os.Stat(d.path(name))
	return err == nil
}

// get reads a sound. One that is damaged is removed and counts as not there.
func (d *disk) get(name string, rate int) ([]int16, bool) {
	if d == nil {
		return nil, false
	}
	path := d.path(name)
	pcm, used, err := readPrompt(path, rate)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, errPrompt):
		d.failed(cacheCorrupt, err)
		_ = os.Remove(path) // somebody else may have
	case err != nil:
		d.failed(cacheRead, err)
	default:
		if now := time.Now(); now.Sub(used) > touchAfter {
			_ = os.Chtimes(path, now, now) // only the order of leaving depends on it
		}
		d.metrics.cacheRequests.WithLabelValues(levelDisk, cacheHit).Inc()
		return pcm, true
	}
	d.metrics.cacheRequests.WithLabelValues(levelDisk, cacheMiss).Inc()
	return nil, false
}

// put writes a sound; what goes wrong is counted, as a cache may fail.
func (d *disk) put(name string, rate int, pcm []int16) {
	if d == nil || len(pcm) == 0 {
		return
	}
	b, err := encodePrompt(rate, pcm)
	if err != nil || int64(len(b)) > d.max {
		return // longer than any file may be
	}
	if err := d.write(name, b); err != nil {
		d.failed(cacheWrite, err)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bytes += int64(len(b))
	if d.puts++; d.bytes > d.max || d.puts >= countEvery {
		d.tidy()
		return
	}
	d.metrics.cacheBytes.WithLabelValues(levelDisk).Set(float64(d.bytes))
	d.metrics.cacheEntries.WithLabelValues(levelDisk).Inc()
}

// write makes the file appear whole. Nothing is synced: a file that a power
// cut leaves short is found out by its checksum.
func (d *disk) write(name string, b []byte) error {
	f, err := os.CreateTemp(d.dir, diskTemp) // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), d.path(name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

type promptFile struct {
	name  string
	bytes int64
	used  time.Time
}

// tidy counts what is there and removes what is too much, down to nine
// tenths, and what dead processes left; d.mu is held.
func (d *disk) tidy() {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		d.failed(cacheRead, err)
		return
	}
	var files []promptFile
	d.bytes, d.puts = 0, 0
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		switch name := e.Name(); {
		case strings.HasPrefix(name, diskTemp) && time.Since(info.ModTime()) > staleTemp:
			_ = os.Remove(filepath.Join(d.dir, name))
		case strings.HasSuffix(name, diskEnding):
			files = append(files, promptFile{name, info.Size(), info.ModTime()})
			d.bytes += info.Size()
		}
	}
	if d.bytes > d.max {
		slices.SortFunc(files, func(a, b promptFile) int { return cmp.Or(a.used.Compare(b.used), strings.Compare(a.name, b.name)) })
		for len(files) > 0 && d.bytes > d.max/10*9 {
			// Gone already is as good: another process tidies too.
			if err := os.Remove(filepath.Join(d.dir, files[0].name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				d.failed(cacheWrite, err)
			} else {
				d.metrics.cacheEvictions.WithLabelValues(levelDisk).Inc()
			}
			d.bytes -= files[0].bytes
			files = files[1:]
		}
	}
	d.metrics.cacheBytes.WithLabelValues(levelDisk).Set(float64(d.bytes))
	d.metrics.cacheEntries.WithLabelValues(levelDisk).Set(float64(len(files)))
}

// failed counts what went wrong and logs it now and then.
func (d *disk) failed(kind string, err error) {
	d.metrics.cacheErrors.WithLabelValues(kind).Inc()
	d.warning.Lock()
	defer d.warning.Unlock()
	if now := time.Now(); now.Sub(d.warned) > warnEvery {
		d.warned = now
		d.log.Warn("prompt cache on disk", "kind", kind, "error", err)
	}
}

// errPrompt: a file is not what was written.
var errPrompt = errors.New("prompt file is damaged")

// The last chunk of a prompt file: its name, its length, and the SHA-256 of
// all bytes before it.
const (
	sumChunk = "tgck"
	sumBytes = 8 + sha256.Size
)

func encodePrompt(rate int, pcm []int16) ([]byte, error) {
	var b bytes.Buffer
	if err := audio.WriteWAV(&b, audio.WAV{Rate: rate, Channels: 1, Samples: pcm}); err != nil {
		return nil, err
	}
	out := b.Bytes()
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)+sumBytes-8)) // RIFF: all after this field
	sum := sha256.Sum256(out)
	out = binary.LittleEndian.AppendUint32(append(out, sumChunk...), sha256.Size)
	return append(out, sum[:]...), nil
}

func decodePrompt(b []byte, rate int) ([]int16, error) {
	n := len(b) - sumBytes
	if n < 0 || string(b[n:n+4]) != sumChunk || binary.LittleEndian.Uint32(b[n+4:]) != sha256.Size {
		return nil, fmt.Errorf("%w: no checksum", errPrompt)
	}
	if sum := sha256.Sum256(b[:n]); !bytes.Equal(sum[:], b[n+8:]) {
		return nil, fmt.Errorf("%w: wrong checksum", errPrompt)
	}
	wav, err := audio.ReadWAV(bytes.NewReader(b[:n]))
	if err != nil || wav.Rate != rate || wav.Channels != 1 || len(wav.Samples) == 0 {
		return nil, fmt.Errorf("%w: not the sound it should be", errPrompt)
	}
	return wav.Samples, nil
}

// readPrompt reads a file and when it was used last.
func readPrompt(path string, rate int) ([]int16, time.Time, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, time.Time{}, err
	}
	if info.Size() > audio.MaxWAVBytes || !info.Mode().IsRegular() {
		return nil, time.Time{}, fmt.Errorf("%w: too large", errPrompt)
	}
	b := make([]byte, info.Size())
	if _, err := f.ReadAt(b, 0); err != nil && len(b) > 0 {
		return nil, time.Time{}, fmt.Errorf("%w: %w", errPrompt, err)
	}
	pcm, err := decodePrompt(b, rate)
	return pcm, info.ModTime(), err
}
