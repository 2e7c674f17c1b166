package download

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
)

// partial is a download that may be incomplete: FILE.part, its checksum so
// far, and in FILE.part.json which version of what it is a part of.
type partial struct {
	path string
	file *os.File
	n    int64
	sum  hash.Hash
	meta version
}

// version identifies the bytes that a server gave.
type version struct {
	URL          string `json:"url"`
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
}

// validator is what If-Range takes; a weak ETag is none (RFC 9110, 13.1.5).
func (v version) validator() string {
	if v.ETag != "" && !strings.HasPrefix(v.ETag, "W/") {
		return v.ETag
	}
	return v.LastModified
}

// openPartial opens what is there of target, and reads it for its checksum.
// Without a validator and without a checksum to come it is not known to be a
// part of what the server has now, and is dropped.
func openPartial(target, url string, checksumKnown bool) (*partial, error) {
	p := &partial{path: target + ".part", sum: sha256.New()}
	if b, err := os.ReadFile(p.metaPath()); err == nil {
		_ = json.Unmarshal(b, &p.meta) // a spoilt one names another address
	}
	f, err := os.OpenFile(p.path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	p.file = f
	if p.meta.URL != url || p.meta.validator() == "" && !checksumKnown {
		return p, p.reset()
	}
	if p.n, err = io.CopyBuffer(p.sum, f, make([]byte, 1<<20)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return p, nil
}

func (p *partial) metaPath() string { return p.path + ".json" }

// reset drops what there is.
func (p *partial) reset() error {
	p.n, p.meta = 0, version{}
	p.sum.Reset()
	if info, err := p.file.Stat(); err == nil && info.Size() > 0 {
		if err := p.file.Truncate(0); err != nil {
			return err
		}
	}
	_, err := p.file.Seek(0, io.SeekStart)
	return err
}

// begin notes which version the bytes to come are of.
func (p *partial) begin(v version) error {
	p.meta = v
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(p.metaPath(), b, 0o644)
}

func (p *partial) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	p.n += int64(n)
	_, _ = p.sum.Write(b[:n]) // never fails
	if err != nil {
		return n, &diskError{err}
	}
	return n, nil
}

// diskError is a failure here, which trying again does not help.
type diskError struct{ err error }

func (e *diskError) Error() string { return e.err.Error() }
func (e *diskError) Unwrap() error { return e.err }

func (p *partial) checksum() string { return hex.EncodeToString(p.sum.Sum(nil)) }

// finish turns the part into the file.
func (p *partial) finish(target string) error {
	if err := errors.Join(p.file.Sync(), p.file.Close()); err != nil {
		return err
	}
	if err := os.Rename(p.path, target); err != nil {
		return err
	}
	return os.Remove(p.metaPath())
}

// discard removes the part: it is not a part of anything wanted.
func (p *partial) discard() error {
	return errors.Join(p.file.Close(), os.Remove(p.path), ignoreMissing(os.Remove(p.metaPath())))
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// hashFile is the checksum of a file that is there.
func hashFile(path string) (sum string, bytes int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if bytes, err = io.CopyBuffer(h, f, make([]byte, 1<<20)); err != nil {
		return "", 0, fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), bytes, nil
}
