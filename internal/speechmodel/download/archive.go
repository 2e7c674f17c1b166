package download

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// maxEntries bounds an archive's files.
const maxEntries = 100_000

// unpack writes the files of an archive that want accepts, under the names
// that it gives them, below root; the bytes that are unpacked, wanted or
// not, are bounded. An archive with a name that leads out of it is refused
// whole, and so is a link where a file is wanted.
func unpack(ctx context.Context, archive string, limit int64, root *os.Root, want func(name string) (string, bool)) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	x := extractor{root: root, want: want, left: limit, limit: limit, ctx: ctx}
	buffered := bufio.NewReaderSize(f, 1<<20)
	head, _ := buffered.Peek(512) // short: no kind matches
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return x.zip(f)
	case bytes.HasPrefix(head, []byte("BZh")):
		return x.tar(bzip2.NewReader(buffered))
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrArchive, err)
		}
		return x.tar(z)
	case len(head) == 512 && bytes.HasPrefix(head[257:], []byte("ustar")):
		return x.tar(buffered)
	default:
		return fmt.Errorf("%w: neither tar.bz2, tar.gz, tar nor zip", ErrArchive)
	}
}

type extractor struct {
	ctx   context.Context
	root  *os.Root
	want  func(name string) (string, bool)
	left  int64 // bytes that may still be unpacked
	limit int64
}

func (x *extractor) tar(r io.Reader) error {
	t := tar.NewReader(&bounded{x: x, r: r})
	for n := 0; ; n++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return broken(err)
		}
		if n >= maxEntries {
			return fmt.Errorf("%w: over %d files", ErrArchive, maxEntries)
		}
		if err := x.entry(h.Name, h.Typeflag == tar.TypeDir, h.Typeflag == tar.TypeReg, t); err != nil {
			return err
		}
	}
}

func (x *extractor) zip(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	z, err := zip.NewReader(f, info.Size())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	if len(z.File) > maxEntries {
		return fmt.Errorf("%w: over %d files", ErrArchive, maxEntries)
	}
	for _, e := range z.File {
		mode := e.Mode()
		r, err := e.Open()
		if err != nil {
			return broken(err)
		}
		err = x.entry(e.Name, mode.IsDir(), mode.IsRegular(), &bounded{x: x, r: r})
		if err = errors.Join(err, r.Close()); err != nil {
			return err
		}
	}
	return nil
}

// entry takes or passes one file.
func (x *extractor) entry(name string, dir, regular bool, content io.Reader) error {
	clean := path.Clean(strings.TrimSuffix(name, "/"))
	if clean == "." {
		return nil
	}
	if strings.ContainsAny(name, "\\\x00") || !filepath.IsLocal(filepath.FromSlash(clean)) || path.IsAbs(name) {
		return fmt.Errorf("%w: %.80q leads out of it", ErrArchive, name)
	}
	if dir {
		return nil
	}
	to, ok := x.want(clean)
	if !ok {
		return nil
	}
	if !regular {
		return fmt.Errorf("%w: %.80q is a link", ErrArchive, name)
	}
	return x.write(to, content)
}

func (x *extractor) write(to string, content io.Reader) error {
	to = filepath.FromSlash(to)
	if err := x.root.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	// Twice in one archive: nobody knows which one is meant.
	f, err := x.root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w: %s is there twice", ErrArchive, to)
	}
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(onlyWriter{diskWriter{f}}, content, make([]byte, 256<<10))
	return errors.Join(broken(err), f.Close())
}

// diskWriter tells failures here from those of the archive.
type diskWriter struct{ w io.Writer }

func (d diskWriter) Write(b []byte) (int, error) {
	n, err := d.w.Write(b)
	return n, wrapDisk(err)
}

// broken says that an archive cannot be read, unless the error is of
// another kind.
func broken(err error) error {
	var disk *diskError
	if err == nil || errors.As(err, &disk) || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrInterrupted) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrArchive, err)
}

// bounded counts what is unpacked, and ends with the context.
type bounded struct {
	x *extractor
	r io.Reader
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.x.ctx.Err() != nil {
		return 0, ErrInterrupted
	}
	n, err := b.r.Read(p)
	if b.x.left -= int64(n); b.x.left < 0 {
		return 0, fmt.Errorf("%w: unpacked it has over %d MB (models.max_mb)", ErrTooLarge, b.x.limit>>20)
	}
	return n, err
}
