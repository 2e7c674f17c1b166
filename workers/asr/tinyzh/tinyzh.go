// Package tinyzh is the recogniser that is built into the program: a small
// streaming model of Mandarin callers' sentences about returns, trained from
// nothing on the synthetic speech of espeak-ng (training/README.md). It lets
// a demonstration and the tests be really recognised without a download. It
// does not understand people; results.md has its figures.
//
// The library reads models from files, so the embedded ones are written into
// a folder of the user's cache once.
package tinyzh

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tidegate/tidegate/internal/speechmodel"
)

// ErrAbsent: this program was built without the model, as builds without cgo
// are, which could not use it.
var ErrAbsent = errors.New("the built-in recogniser is only in builds with cgo")

// Installed is the model as files.
type Installed struct {
	Dir       string // holds manifest.yaml and what it names
	temporary bool
}

// Install writes the model's files into a folder below cache, unless they are
// there. Where cache is empty, it is the user's cache folder; where nothing
// can be written there, a temporary folder takes its place. Processes may do
// it at the same time: each file is written beside its place, read back, and
// moved.
func Install(cache string) (*Installed, error) {
	if !Present {
		return nil, ErrAbsent
	}
	b, err := fs.ReadFile(files, speechmodel.ManifestName)
	if err != nil {
		return nil, err
	}
	m, err := speechmodel.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("built-in recogniser: %w", err)
	}
	version := sha256.Sum256(b)
	dir, err := place(cache, m.Name+"-"+hex.EncodeToString(version[:4]))
	if err == nil {
		if err = write(dir, m); err == nil {
			return &Installed{Dir: dir}, nil
		}
	}
	temp, tempErr := os.MkdirTemp("", "tidegate-"+m.Name+"-")
	if tempErr == nil {
		tempErr = write(temp, m)
	}
	if tempErr != nil {
		return nil, fmt.Errorf("built-in recogniser cannot be written: %w", errors.Join(err, tempErr))
	}
	return &Installed{Dir: temp, temporary: true}, nil
}

// Remove deletes the files when they lie in a temporary folder.
func (i *Installed) Remove() error {
	if i == nil || !i.temporary {
		return nil
	}
	return os.RemoveAll(i.Dir)
}

// place is the absolute path of the model's folder.
func place(cache, name string) (string, error) {
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(user, "tidegate")
	}
	return filepath.Abs(filepath.Join(cache, name))
}

func write(dir string, m speechmodel.Manifest) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, f := range m.Files {
		if err := writeFile(dir, f.Path, f.SHA256); err != nil {
			return err
		}
	}
	// The manifest last: a folder without one is no model.
	return writeFile(dir, speechmodel.ManifestName, "")
}

var errWritten = errors.New("has other bytes than were written")

// writeFile puts one embedded file into dir. One that is there already and
// right stays, so that a folder that cannot be written to will do.
func writeFile(dir, name, sum string) (err error) {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	if got := sha256.Sum256(content); sum != "" && hex.EncodeToString(got[:]) != sum {
		return fmt.Errorf("%w: embedded %s", speechmodel.ErrChecksum, name)
	}
	path := filepath.Join(dir, name)
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, content) {
		return nil
	}
	f, err := os.CreateTemp(dir, "."+name+"-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if there, err := os.ReadFile(f.Name()); err != nil {
		return err
	} else if !bytes.Equal(there, content) {
		return fmt.Errorf("%s %w", f.Name(), errWritten)
	}
	return os.Rename(f.Name(), path)
}
