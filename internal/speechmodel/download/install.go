package download

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/tidegate/tidegate/internal/speechmodel"
)

// stageName is the folder, beside the models, of what is not installed yet.
const stageName = ".partial"

// Installer puts models into the models' folder.
type Installer struct {
	cfg   speechmodel.Config
	store *speechmodel.Store
	fetch *fetcher
}

// New makes an installer; it opens nothing yet.
func New(cfg speechmodel.Config, progress Progress) *Installer {
	return &Installer{
		cfg: cfg, store: speechmodel.NewStore(cfg),
		fetch: &fetcher{cfg: cfg, client: newClient(cfg), progress: progress, pause: pause},
	}
}

// Close ends idle connections.
func (in *Installer) Close() { in.fetch.client.CloseIdleConnections() }

// Result is an installed model.
type Result struct {
	Dir       string
	Already   bool // it was there, and whole
	FirstSeen bool // for some file no checksum is published
}

// Pull downloads and installs a model. After an error what was loaded is
// kept, and the same call goes on with it, unless it is known to be wrong.
func (in *Installer) Pull(ctx context.Context, e speechmodel.Entry) (Result, error) {
	return in.install(ctx, e, func(s *stage) error {
		if in.cfg.From == speechmodel.FromHub && e.Hub != nil {
			return in.fromHub(ctx, s)
		}
		return in.fromArchive(ctx, s)
	})
}

// InstallFrom installs a model from a folder with its files, or from its
// archive with the files beside it that are not in it.
func (in *Installer) InstallFrom(ctx context.Context, e speechmodel.Entry, from string) (Result, error) {
	info, err := os.Stat(from)
	if err != nil {
		return Result{}, err
	}
	return in.install(ctx, e, func(s *stage) error {
		if info.IsDir() {
			return in.fromFolder(s, from)
		}
		return in.fromFile(ctx, s, from)
	})
}

// stage is a model on its way: its files come into new, which becomes the
// model's folder when all are there and right.
type stage struct {
	speechmodel.Entry
	dir  string // what is downloaded
	new  string
	root *os.Root // of new
	lock speechmodel.Lock
}

func (in *Installer) install(ctx context.Context, e speechmodel.Entry, fill func(*stage) error) (Result, error) {
	final, err := filepath.Abs(in.store.Dir(e.Name))
	if err != nil {
		return Result{}, err
	}
	dir := filepath.Join(filepath.Dir(final), stageName, e.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Result{}, err
	}
	unlock, err := lockFile(dir + ".lock")
	if err != nil {
		return Result{}, err
	}
	defer unlock()
	if res, ok := in.installed(e, final); ok {
		return res, os.RemoveAll(dir)
	}
	s := &stage{Entry: e, dir: dir, new: filepath.Join(dir, "new"), lock: speechmodel.Lock{Name: e.Name}}
	// The rest of an installation that was cut off; its downloads stay.
	if err := errors.Join(os.RemoveAll(s.new), os.Mkdir(s.new, 0o755)); err != nil {
		return Result{}, err
	}
	if s.root, err = os.OpenRoot(s.new); err != nil {
		return Result{}, err
	}
	err = fill(s)
	if err == nil {
		err = in.seal(s)
	}
	if err = errors.Join(err, s.root.Close()); err != nil {
		return Result{}, err
	}
	if ctx.Err() != nil {
		return Result{}, ErrInterrupted
	}
	if err := replace(s.new, final, filepath.Join(dir, "old")); err != nil {
		return Result{}, err
	}
	return Result{Dir: final, FirstSeen: s.lock.FirstSeen()}, os.RemoveAll(dir)
}

// installed says whether this very manifest's model is there already.
func (in *Installer) installed(e speechmodel.Entry, final string) (Result, bool) {
	if _, err := in.store.Open(e.Name); err != nil {
		return Result{}, false
	}
	there, err := os.ReadFile(filepath.Join(final, speechmodel.ManifestName))
	lock, lockErr := speechmodel.ReadLock(final)
	if err != nil || lockErr != nil || string(there) != string(e.Text) || in.cfg.RequirePublished && lock.FirstSeen() {
		return Result{}, false
	}
	return Result{Dir: final, Already: true, FirstSeen: lock.FirstSeen()}, true
}

// replace puts a new folder where an old one may be.
func replace(from, to, aside string) error {
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	if err := os.Rename(to, aside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return errors.Join(err, ignoreMissing(os.Rename(aside, to)))
	}
	return nil
}

// lockFile keeps a second process out.
func lockFile(name string) (func(), error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(ErrBusy, f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// take notes a file that has come into new: it has to be the one that the
// manifest describes, and else is published when sure says so.
func (in *Installer) take(s *stage, rel string, sure bool) error {
	sum, bytes, err := hashFile(filepath.Join(s.new, filepath.FromSlash(rel)))
	if err != nil {
		return err
	}
	origin := speechmodel.OriginFirstSeen
	if sure {
		origin = speechmodel.OriginPublished
	}
	if i := slices.IndexFunc(s.Files, func(f speechmodel.File) bool { return f.Path == rel }); i >= 0 {
		f := s.Files[i]
		if f.SHA256 != "" && f.SHA256 != sum {
			return wrongSum(rel, sum, f.SHA256)
		}
		if f.Bytes > 0 && f.Bytes != bytes {
			return fmt.Errorf("%w: %s has %d bytes, should have %d", speechmodel.ErrChecksum, rel, bytes, f.Bytes)
		}
		if f.SHA256 != "" {
			origin = speechmodel.OriginPublished
		}
	}
	if origin == speechmodel.OriginFirstSeen {
		if in.cfg.RequirePublished {
			return fmt.Errorf("%w of %s (models.require_published)", ErrUnpublished, rel)
		}
		in.fetch.progress.Say(rel + ": no published checksum: recorded as first seen")
	}
	s.lock.Files = append(s.lock.Files, speechmodel.LockedFile{Path: rel, Bytes: bytes, SHA256: sum, Origin: origin})
	return nil
}

// seal checks that every file has come and writes the manifest and the lock.
func (in *Installer) seal(s *stage) error {
	for _, f := range s.Files {
		if !slices.ContainsFunc(s.lock.Files, func(l speechmodel.LockedFile) bool {
			return l.Path == f.Path || f.Folder() && strings.HasPrefix(l.Path, f.Path)
		}) {
			return fmt.Errorf("%w: %s did not come with the model", speechmodel.ErrChecksum, f.Path)
		}
	}
	lock, err := s.lock.Encode()
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(s.new, speechmodel.ManifestName), s.Text, 0o644),
		os.WriteFile(filepath.Join(s.new, speechmodel.LockName), lock, 0o644),
	)
}

// wanted says whether the model needs a file of its publisher's folder: the
// parts in the manifest, and the papers that go with them.
func (s *stage) wanted(rel string) bool {
	for _, f := range s.Files {
		if f.URL == "" && (f.Path == rel || f.Folder() && strings.HasPrefix(rel, f.Path)) {
			return true
		}
	}
	return paper(rel)
}

// paper says whether a file tells of licences and origin.
func paper(rel string) bool {
	if strings.Contains(rel, "/") {
		return false
	}
	name := strings.ToUpper(strings.TrimSuffix(rel, path.Ext(rel)))
	return slices.Contains([]string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "README", "MODEL_CARD"}, name)
}
