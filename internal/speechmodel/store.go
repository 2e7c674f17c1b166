package speechmodel

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Store is the folder of installed models. It is safe for concurrent use.
type Store struct {
	cfg      Config
	mu       sync.Mutex
	verified map[string]stamp // by absolute path
}

// stamp is a file whose checksum was compared; one that has changed since
// has another size or time.
type stamp struct {
	bytes int64
	mod   time.Time
	sha   string
}

// Model is an installed model whose files were verified.
type Model struct {
	Manifest
	Dir string // absolute
}

// NewStore looks for models in c.Dir; it opens nothing yet.
func NewStore(c Config) *Store { return &Store{cfg: c, verified: map[string]stamp{}} }

// Dir is the folder of a model of this name.
func (s *Store) Dir(name string) string { return filepath.Join(s.cfg.Dir, name) }

// Open finds an installed model by its name, or by the path of a folder that
// has a manifest.yaml, and compares the checksum of each of its files. A
// file is read once for that as long as it does not change. Errors are
// ErrNotInstalled, ErrManifest, and ErrChecksum for a file that is missing,
// is another one, or whose checksum nobody has stated.
func (s *Store) Open(name string) (*Model, error) {
	dir := name
	if !strings.ContainsAny(name, `/\`) {
		if !nameForm.MatchString(name) {
			return nil, fmt.Errorf("%w: %.60q is no name of one", ErrNotInstalled, name)
		}
		dir = s.Dir(name)
	}
	m, err := s.read(dir)
	if err != nil {
		return nil, err
	}
	if err := s.verify(m); err != nil {
		return nil, fmt.Errorf("model %s: %w", m.Name, err)
	}
	return m, nil
}

// read loads a folder's manifest without looking at its files.
func (s *Store) read(dir string) (*Model, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	b, err := readBounded(filepath.Join(dir, ManifestName), maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no %s (see 'tidegate models')", ErrNotInstalled, filepath.Join(dir, ManifestName))
	}
	if err != nil {
		return nil, err
	}
	m, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, ManifestName), err)
	}
	return &Model{Manifest: m, Dir: dir}, nil
}

// File is the absolute path of the first file of a role, "" when there is
// none; a folder's path has no slash at its end.
func (m *Model) File(role string) string {
	if all := m.Paths(role); len(all) > 0 {
		return all[0]
	}
	return ""
}

// Paths are the absolute paths of all files of a role, in the manifest's
// order: rule_fsts and lexicon may be several.
func (m *Model) Paths(role string) []string {
	var out []string
	for _, f := range m.All(role) {
		out = append(out, filepath.Join(m.Dir, filepath.FromSlash(f.Path)))
	}
	return out
}

// verify compares every file with the manifest, else with the lock.
func (s *Store) verify(m *Model) error {
	lock, err := ReadLock(m.Dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range m.Files {
		switch {
		case f.Folder():
			errs = append(errs, s.verifyFolder(m.Dir, f.Path, lock.below(f.Path)))
		case f.SHA256 != "":
			errs = append(errs, s.verifyFile(m.Dir, f.Path, f.SHA256))
		default:
			locked, ok := lock.file(f.Path)
			if !ok {
				errs = append(errs, fmt.Errorf("%w: %s: neither %s nor %s states its checksum", ErrChecksum, f.Path, ManifestName, LockName))
				continue
			}
			errs = append(errs, s.verifyLocked(m.Dir, locked))
		}
	}
	return errors.Join(errs...)
}

// verifyFolder compares all that is below a folder: each file must be known,
// since the engine may read any.
func (s *Store) verifyFolder(dir, folder string, locked []LockedFile) error {
	if len(locked) == 0 {
		return fmt.Errorf("%w: %s: %s states no checksum of what is in it", ErrChecksum, folder, LockName)
	}
	var errs []error
	for _, l := range locked {
		errs = append(errs, s.verifyLocked(dir, l))
	}
	root := filepath.Join(dir, filepath.FromSlash(folder))
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if !slices.ContainsFunc(locked, func(l LockedFile) bool { return l.Path == rel }) {
			errs = append(errs, fmt.Errorf("%w: %s was not installed with it", ErrChecksum, rel))
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // each missing file is named above
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (s *Store) verifyLocked(dir string, l LockedFile) error {
	if s.cfg.RequirePublished && l.Origin != OriginPublished {
		return fmt.Errorf("%w: %s has no published checksum (models.require_published)", ErrChecksum, l.Path)
	}
	return s.verifyFile(dir, l.Path, l.SHA256)
}

func (s *Store) verifyFile(dir, rel, want string) error {
	path := filepath.Join(dir, filepath.FromSlash(rel))
	got, err := s.checksum(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is missing", ErrChecksum, rel)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrChecksum, rel, err)
	}
	if got != want {
		return fmt.Errorf("%w: %s has SHA-256 %s, should have %s", ErrChecksum, rel, got, want)
	}
	return nil
}

// checksum is the file's SHA-256, from memory when the file has not changed.
func (s *Store) checksum(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("is no regular file")
	}
	s.mu.Lock()
	known, ok := s.verified[path]
	s.mu.Unlock()
	if ok && known.bytes == info.Size() && known.mod.Equal(info.ModTime()) {
		return known.sha, nil
	}
	sha, err := hashFile(path)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	s.verified[path] = stamp{info.Size(), info.ModTime(), sha}
	s.mu.Unlock()
	return sha, nil
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.CopyBuffer(h, f, make([]byte, 1<<20)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// List reads the manifests of what is installed, by name, without looking at
// the files. A folder whose manifest cannot be read is in the error, which
// does not keep the others from the list.
func (s *Store) List() ([]*Model, error) {
	names, err := filepath.Glob(filepath.Join(s.cfg.Dir, "*", ManifestName))
	if err != nil {
		return nil, err
	}
	var out []*Model
	var errs []error
	for _, name := range names {
		m, err := s.read(filepath.Dir(name))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, m)
	}
	return out, errors.Join(errs...)
}
