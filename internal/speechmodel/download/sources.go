package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/tidegate/tidegate/internal/speechmodel"
)

// maxHashed bounds the files that are read at once for git's name of them.
const maxHashed = 64 << 20

// fromArchive downloads the publisher's archive and the files that have an
// address of their own.
func (in *Installer) fromArchive(ctx context.Context, s *stage) error {
	for _, f := range s.Files {
		if s.Archive == nil && f.URL == "" {
			return fmt.Errorf("%w of %s (models pull --from installs it from files)", ErrNoSource, f.Path)
		}
	}
	if a := s.Archive; a != nil {
		file, sure, err := in.loadArchive(ctx, s, a)
		if err != nil {
			return err
		}
		if err := in.unpackArchive(ctx, s, file, a.Root, sure); err != nil {
			if errors.Is(err, ErrArchive) || errors.Is(err, speechmodel.ErrChecksum) {
				err = errors.Join(err, os.Remove(file)) // it would be found again
			}
			return err
		}
	}
	return in.singles(ctx, s)
}

// loadArchive downloads an archive and says whether its publisher states
// that checksum.
func (in *Installer) loadArchive(ctx context.Context, s *stage, a *speechmodel.Archive) (file string, sure bool, err error) {
	name := baseOf(a.URL)
	it := item{name: name, url: a.URL, target: filepath.Join(s.dir, name), limit: in.cfg.MaxBytes()}
	want := a.SHA256
	if a.ChecksumsURL == "" {
		it.sha256, it.bytes = a.SHA256, a.Bytes
	} else if want == "" {
		if want, err = in.fetch.published(ctx, a.ChecksumsURL, name); err != nil {
			return "", false, err
		}
		it.sha256 = want
	}
	if want == "" && in.cfg.RequirePublished && !s.allStated() {
		return "", false, fmt.Errorf("%w of %s (models.require_published)", ErrUnpublished, name)
	}
	sum, err := in.fetch.fetch(ctx, it)
	if err != nil {
		return "", false, err
	}
	if want != "" && sum != want {
		// The release may have replaced it since the manifest was written.
		now, err := in.fetch.published(ctx, a.ChecksumsURL, name)
		if err != nil {
			return "", false, err
		}
		if sum != now {
			return "", false, errors.Join(wrongSum(in.cfg.Mirrored(a.URL), sum, want), os.Remove(it.target))
		}
		in.fetch.progress.Say(name + ": its publisher has replaced it since the manifest was written, and states this checksum")
	}
	info, err := os.Stat(it.target)
	if err != nil {
		return "", false, err
	}
	origin := speechmodel.OriginFirstSeen
	if want != "" {
		origin = speechmodel.OriginPublished
	}
	s.lock.Archive = &speechmodel.LockedFile{Path: a.URL, Bytes: info.Size(), SHA256: sum, Origin: origin}
	return it.target, want != "", nil
}

// allStated says whether the manifest has every file's checksum.
func (s *stage) allStated() bool {
	for _, f := range s.Files {
		if f.SHA256 == "" {
			return false
		}
	}
	return true
}

func baseOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "download" // the manifest was validated
	}
	name := path.Base(u.Path)
	if name == "/" || name == "." || name == "new" || name == "old" {
		return "download"
	}
	return name
}

func (in *Installer) unpackArchive(ctx context.Context, s *stage, file, root string, sure bool) error {
	in.fetch.progress.Say("unpacking " + filepath.Base(file))
	var came []string
	err := unpack(ctx, file, in.cfg.MaxBytes(), s.root, func(name string) (string, bool) {
		rel := name
		if root != "" {
			var ok bool
			if rel, ok = strings.CutPrefix(name, root+"/"); !ok {
				return "", false
			}
		}
		if !s.wanted(rel) {
			return "", false
		}
		came = append(came, rel)
		return rel, true
	})
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	for _, rel := range came {
		// Papers are not read by any engine: what the archive says is enough.
		if err := in.take(s, rel, sure || paper(rel)); err != nil {
			return err
		}
	}
	return nil
}

// singles downloads the files that have an address of their own.
func (in *Installer) singles(ctx context.Context, s *stage) error {
	for _, f := range s.Files {
		if f.URL == "" {
			continue
		}
		if f.SHA256 == "" && in.cfg.RequirePublished {
			return fmt.Errorf("%w of %s (models.require_published)", ErrUnpublished, f.Path)
		}
		if err := in.single(ctx, s, f.Path, f.URL, f.SHA256, f.Bytes, false); err != nil {
			return err
		}
	}
	return nil
}

func (in *Installer) single(ctx context.Context, s *stage, rel, address, sha256 string, bytes int64, sure bool) error {
	loaded := filepath.Join(s.dir, "files", filepath.FromSlash(rel))
	_, err := in.fetch.fetch(ctx, item{
		name: rel, url: address, target: loaded, bytes: bytes, sha256: sha256, limit: in.cfg.MaxBytes(),
	})
	if err != nil {
		return err
	}
	// A second name: the download stays until all of the model is there.
	placed := filepath.Join(s.new, filepath.FromSlash(rel))
	if err := os.MkdirAll(filepath.Dir(placed), 0o755); err != nil {
		return err
	}
	if os.Link(loaded, placed) != nil { // not every file system can
		if err := copyFile(s.root, loaded, rel); err != nil {
			return err
		}
	}
	return in.take(s, rel, sure)
}

// fromHub downloads file by file; Hugging Face states what each should be.
func (in *Installer) fromHub(ctx context.Context, s *stage) error {
	list, err := in.fetch.hubList(ctx, s.Hub)
	if err != nil {
		return err
	}
	for rel, h := range list {
		if !s.wanted(rel) || !filepath.IsLocal(filepath.FromSlash(rel)) {
			continue
		}
		address := fmt.Sprintf("%s/%s/resolve/%s/%s", hubHost, s.Hub.Repository, url.PathEscape(revision(s.Hub)), (&url.URL{Path: rel}).EscapedPath())
		if err := in.single(ctx, s, rel, address, h.sha256(), h.Size, true); err != nil {
			return err
		}
		if h.sha256() != "" {
			continue
		}
		if err := in.checkGitName(s, rel, h); err != nil {
			return err
		}
	}
	return in.singles(ctx, s)
}

func (in *Installer) checkGitName(s *stage, rel string, h hubFile) error {
	if h.Size > maxHashed {
		return fmt.Errorf("%w: %s of %d bytes has no checksum that can be compared", speechmodel.ErrChecksum, rel, h.Size)
	}
	name, err := gitName(filepath.Join(s.new, filepath.FromSlash(rel)))
	if err != nil {
		return err
	}
	if name != h.OID {
		loaded := filepath.Join(s.dir, "files", filepath.FromSlash(rel))
		return errors.Join(fmt.Errorf("%w: %s is %s in git, should be %s", speechmodel.ErrChecksum, rel, name, h.OID), ignoreMissing(os.Remove(loaded)))
	}
	return nil
}

// fromFile installs from an archive that is here, and from the files beside
// it that are not in it.
func (in *Installer) fromFile(ctx context.Context, s *stage, file string) error {
	root, sure := "", false
	if a := s.Archive; a != nil {
		root = a.Root
		if a.SHA256 != "" {
			sum, _, err := hashFile(file)
			if err != nil {
				return err
			}
			if sum != a.SHA256 {
				return wrongSum(file, sum, a.SHA256)
			}
			sure = true
		}
		if err := in.unpackArchive(ctx, s, file, root, sure); err != nil {
			return err
		}
	} else if len(s.Files) == 1 {
		if err := copyFile(s.root, file, s.Files[0].Path); err != nil {
			return err
		}
		return in.take(s, s.Files[0].Path, false)
	}
	for _, f := range s.Files {
		if f.URL == "" {
			continue
		}
		if err := copyFile(s.root, filepath.Join(filepath.Dir(file), path.Base(f.Path)), f.Path); err != nil {
			return err
		}
		if err := in.take(s, f.Path, false); err != nil {
			return err
		}
	}
	return nil
}

// fromFolder installs from a folder with the model's files, which may be an
// installed model of another machine: then its lock counts.
func (in *Installer) fromFolder(s *stage, dir string) error {
	if a := s.Archive; a != nil && a.Root != "" {
		if info, err := os.Stat(filepath.Join(dir, a.Root)); err == nil && info.IsDir() {
			dir = filepath.Join(dir, a.Root)
		}
	}
	lock, err := speechmodel.ReadLock(dir)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return fs.WalkDir(root.FS(), ".", func(rel string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !s.needs(rel) {
			return err
		}
		if err := copyFile(s.root, filepath.Join(dir, filepath.FromSlash(rel)), rel); err != nil {
			return err
		}
		sure := paper(rel)
		for _, l := range lock.Files {
			if l.Path != rel {
				continue
			}
			if sum, _, err := hashFile(filepath.Join(s.new, filepath.FromSlash(rel))); err != nil || sum != l.SHA256 {
				return errors.Join(err, wrongSum(rel, sum, l.SHA256))
			}
			sure = l.Origin == speechmodel.OriginPublished
		}
		return in.take(s, rel, sure)
	})
}

// needs is wanted, with the files that have an address of their own.
func (s *stage) needs(rel string) bool {
	for _, f := range s.Files {
		if f.Path == rel {
			return true
		}
	}
	return s.wanted(rel)
}

func copyFile(root *os.Root, from, rel string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if info, err := in.Stat(); err != nil || !info.Mode().IsRegular() {
		return errors.Join(err, fmt.Errorf("%s is no regular file", from))
	}
	rel = filepath.FromSlash(rel)
	if err := root.MkdirAll(filepath.Dir(rel), 0o755); err != nil {
		return err
	}
	out, err := root.OpenFile(rel, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
