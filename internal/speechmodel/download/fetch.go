package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/speechmodel"
)

// item is one thing to download.
type item struct {
	name   string // what the user reads
	url    string // before the mirror
	target string // file
	bytes  int64  // exactly so many, 0: not known
	sha256 string // "": not known
	limit  int64  // at most so many
}

// fetcher downloads over lines that break.
type fetcher struct {
	cfg      speechmodel.Config
	client   *http.Client
	progress Progress
	pause    func(attempt int) time.Duration // before the next one
}

// pause doubles from one second to half a minute.
func pause(attempt int) time.Duration { return min(time.Second<<min(attempt, 5), 30*time.Second) }

// fetch downloads an item, going on with a part that is there; a whole file
// that is there already is only read. It returns the SHA-256.
func (f *fetcher) fetch(ctx context.Context, it item) (string, error) {
	if sum, bytes, err := hashFile(it.target); err == nil && (it.sha256 == "" || it.sha256 == sum) && (it.bytes == 0 || it.bytes == bytes) {
		return sum, nil
	}
	if err := os.MkdirAll(filepath.Dir(it.target), 0o755); err != nil {
		return "", err
	}
	address := f.cfg.Mirrored(it.url)
	p, err := openPartial(it.target, address, it.sha256 != "")
	if err != nil {
		return "", err
	}
	if err := f.persist(ctx, it, address, p); err != nil {
		if errors.Is(err, ErrTooLarge) || errors.Is(err, speechmodel.ErrChecksum) {
			return "", errors.Join(err, p.discard())
		}
		return "", errors.Join(err, p.file.Close())
	}
	sum := p.checksum()
	if it.sha256 != "" && sum != it.sha256 {
		return "", errors.Join(wrongSum(address, sum, it.sha256), p.discard())
	}
	return sum, p.finish(it.target)
}

func wrongSum(what, got, want string) error {
	return fmt.Errorf("%w: %s has SHA-256 %s, should have %s", speechmodel.ErrChecksum, what, got, want)
}

// persist tries until all is there, the same answer will come again, or
// nothing more came several times.
func (f *fetcher) persist(ctx context.Context, it item, address string, p *partial) error {
	begun := false
	defer func() {
		if begun {
			f.progress.End()
		}
	}()
	begin := func(total int64) {
		if !begun {
			begun = true
			f.progress.Begin(it.name, total, p.n)
		}
	}
	for attempt := 0; ; attempt++ {
		before := p.n
		wait, err := f.attempt(ctx, it, address, p, begin)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %s", ErrInterrupted, it.name)
		}
		if !passing(err) {
			return err
		}
		if p.n-before >= 1<<20 { // a line that breaks but carries
			attempt = 0
		}
		if attempt+1 >= f.cfg.Attempts {
			return fmt.Errorf("%w %d times: %w", ErrBroken, f.cfg.Attempts, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %s", ErrInterrupted, it.name)
		case <-time.After(max(wait, f.pause(attempt))):
		}
	}
}

func passing(err error) bool {
	var status *StatusError
	if errors.As(err, &status) {
		return status.passing()
	}
	var disk *diskError
	return !errors.As(err, &disk) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, speechmodel.ErrChecksum)
}

// attempt is one request; the time is what the server asks to wait.
func (f *fetcher) attempt(ctx context.Context, it item, address string, p *partial, begin func(total int64)) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, &diskError{err}
	}
	req.Header.Set("User-Agent", "tidegate")
	if p.n > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", p.n))
		if v := p.meta.validator(); v != "" {
			req.Header.Set("If-Range", v)
		}
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	done, err := f.accept(address, p, resp)
	if err != nil || done {
		return retryAfter(resp), err
	}
	total := it.bytes
	if resp.ContentLength >= 0 {
		total = p.n + resp.ContentLength
	}
	if it.bytes > 0 && total != it.bytes {
		return 0, fmt.Errorf("%w: %s has %d bytes, should have %d", speechmodel.ErrChecksum, address, total, it.bytes)
	}
	if total > it.limit {
		return 0, fmt.Errorf("%w: %s has %d bytes, models.max_mb allows %d", ErrTooLarge, address, total, it.limit)
	}
	begin(total)
	timer := time.AfterFunc(f.cfg.StallTimeout, func() { cancel(fmt.Errorf("nothing came for %s", f.cfg.StallTimeout)) })
	defer timer.Stop()
	body := &counted{body: resp.Body, alive: func(n int) { timer.Reset(f.cfg.StallTimeout); f.progress.Add(int64(n)) }}
	// One byte more than there may be tells too much from enough.
	_, err = io.CopyBuffer(onlyWriter{p}, io.LimitReader(body, it.most()-p.n+1), make([]byte, 256<<10))
	switch {
	case p.n > it.most():
		return 0, fmt.Errorf("%w: %s has more than %d bytes", ErrTooLarge, address, it.most())
	case err != nil && !passing(err):
		return 0, err
	case err != nil && context.Cause(ctx) != nil:
		return 0, fmt.Errorf("%s: %w", address, context.Cause(ctx))
	case err != nil:
		return 0, fmt.Errorf("%s: %w", address, err)
	case total > 0 && p.n < total:
		return 0, fmt.Errorf("%s: ended after %d of %d bytes", address, p.n, total)
	}
	return 0, nil
}

func (it item) most() int64 {
	if it.bytes > 0 {
		return it.bytes
	}
	return it.limit
}

// accept reads the head of an answer: whether the bytes go on from the part,
// start anew, or are all there already.
func (f *fetcher) accept(address string, p *partial, resp *http.Response) (done bool, err error) {
	v := version{URL: address, ETag: resp.Header.Get("ETag"), LastModified: resp.Header.Get("Last-Modified")}
	restart := func() error {
		f.progress.Add(-p.n)
		return wrapDisk(p.reset())
	}
	switch resp.StatusCode {
	case http.StatusOK:
		// The whole file: the first time, or the server knows no ranges, or
		// has another version now.
		return false, errors.Join(restart(), wrapDisk(p.begin(v)))
	case http.StatusPartialContent:
		start, ok := rangeStart(resp.Header.Get("Content-Range"))
		if !ok || start != p.n || v.ETag != "" && p.meta.ETag != "" && v.ETag != p.meta.ETag {
			return false, errors.Join(restart(), fmt.Errorf("%s: answered another range than asked for", address))
		}
		return false, nil
	case http.StatusRequestedRangeNotSatisfiable:
		if size, ok := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes */"); ok && size == strconv.FormatInt(p.n, 10) {
			return true, nil
		}
		return false, errors.Join(restart(), fmt.Errorf("%s: has another size now", address))
	default:
		return false, &StatusError{address, resp.StatusCode}
	}
}

func wrapDisk(err error) error {
	if err == nil {
		return nil
	}
	return &diskError{err}
}

func rangeStart(header string) (int64, bool) {
	rest, ok := strings.CutPrefix(header, "bytes ")
	if !ok {
		return 0, false
	}
	start, _, ok := strings.Cut(rest, "-")
	n, err := strconv.ParseInt(start, 10, 64)
	return n, ok && err == nil
}

// retryAfter is the server's wish in seconds, within reason.
func retryAfter(resp *http.Response) time.Duration {
	s, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || s < 0 {
		return 0
	}
	return min(time.Duration(s)*time.Second, 2*time.Minute)
}

// counted tells of every byte that comes.
type counted struct {
	body  io.Reader
	alive func(n int)
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.body.Read(b)
	if n > 0 {
		c.alive(n)
	}
	return n, err
}

// onlyWriter keeps io.Copy from looking for other methods.
type onlyWriter struct{ io.Writer }
