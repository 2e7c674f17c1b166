package speechmodel

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
)

// LockName is the file in a model's folder that says which files were
// installed.
const LockName = "manifest.lock.yaml"

// Where a checksum comes from.
const (
	// OriginPublished: the file, or the archive that it was in, had the
	// checksum that its publisher states.
	OriginPublished = "published"
	// OriginFirstSeen: no checksum is published; this is that of the first
	// download.
	OriginFirstSeen = "first-seen"
)

// Lock is what was installed: every file with its checksum, those below
// folders included.
type Lock struct {
	Name    string       `yaml:"name"`
	Archive *LockedFile  `yaml:"archive,omitempty"` // the download that the files came in
	Files   []LockedFile `yaml:"files"`
}

// LockedFile is a file as it was installed.
type LockedFile struct {
	Path   string `yaml:"path"` // below the model's folder; of an archive: its address
	Bytes  int64  `yaml:"bytes"`
	SHA256 string `yaml:"sha256"`
	Origin string `yaml:"origin"` // OriginPublished or OriginFirstSeen
}

// FirstSeen says whether any file has no published checksum.
func (l Lock) FirstSeen() bool {
	for _, f := range l.Files {
		if f.Origin != OriginPublished {
			return true
		}
	}
	return false
}

func (l Lock) validate() error {
	for i, f := range l.Files {
		if !localPath(f.Path) || !shaForm.MatchString(f.SHA256) || f.Bytes < 0 || f.Origin != OriginPublished && f.Origin != OriginFirstSeen {
			return fmt.Errorf("%w: %s: files[%d] is not valid", ErrManifest, LockName, i)
		}
	}
	return nil
}

// ParseLock reads a lock file.
func ParseLock(b []byte) (l Lock, err error) {
	defer func() {
		if r := recover(); r != nil {
			l, err = Lock{}, fmt.Errorf("%w: %s cannot be read", ErrManifest, LockName)
		}
	}()
	if err := yaml.UnmarshalWithOptions(b, &l, yaml.Strict()); err != nil {
		return Lock{}, fmt.Errorf("%w: %s: %s", ErrManifest, LockName, yaml.FormatError(err, false, false))
	}
	return l, l.validate()
}

// ReadLock is the lock of a model's folder, empty when there is none.
func ReadLock(dir string) (Lock, error) {
	b, err := readBounded(filepath.Join(dir, LockName), 16<<20) // espeak-ng's data alone are 350 files
	if errors.Is(err, fs.ErrNotExist) {
		return Lock{}, nil
	}
	if err != nil {
		return Lock{}, err
	}
	return ParseLock(b)
}

// Encode writes the lock file.
func (l Lock) Encode() ([]byte, error) {
	b, err := yaml.Marshal(l)
	if err != nil {
		return nil, err
	}
	return append([]byte("# Written by 'tidegate models pull': what was installed, and where each checksum comes from.\n"), b...), nil
}

func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%w: %s has over %d bytes", ErrManifest, filepath.Base(path), limit)
	}
	return b, nil
}

// below lists the lock's files of a folder that the manifest names.
func (l Lock) below(folder string) []LockedFile {
	var out []LockedFile
	for _, f := range l.Files {
		if strings.HasPrefix(f.Path, folder) {
			out = append(out, f)
		}
	}
	return out
}

func (l Lock) file(path string) (LockedFile, bool) {
	for _, f := range l.Files {
		if f.Path == path {
			return f, true
		}
	}
	return LockedFile{}, false
}
