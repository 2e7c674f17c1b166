package scenarios

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// FS holds the scenarios that come with the program, NAME.yaml each.
//
//go:embed *.yaml
var FS embed.FS

// maxFile bounds a scenario file, in bytes.
const maxFile = 64 << 10

// ErrInvalid is wrapped by every error of a scenario's content.
var ErrInvalid = errors.New("invalid scenario")

// namePattern is also what recognition workers take as a scenario's name.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// Load reads one of the shipped scenarios by its name, or a file by its path:
// what ends in .yaml or .yml, or has a separator in it, is a path. Errors of
// its content come all at once, each with file and line.
func Load(nameOrPath string) (Scenario, error) {
	ending := strings.ToLower(filepath.Ext(nameOrPath))
	if ending == ".yaml" || ending == ".yml" || strings.ContainsAny(nameOrPath, `/\`) {
		folder, file := filepath.Split(nameOrPath)
		if folder == "" {
			folder = "."
		}
		return read(os.DirFS(folder), file, nameOrPath)
	}
	if !namePattern.MatchString(nameOrPath) {
		return Scenario{}, fmt.Errorf("scenario %.80q: %w: no such name", nameOrPath, fs.ErrNotExist)
	}
	s, err := read(FS, nameOrPath+".yaml", nameOrPath+".yaml")
	if errors.Is(err, fs.ErrNotExist) {
		return Scenario{}, fmt.Errorf("scenario %q: %w; there are %s", nameOrPath, fs.ErrNotExist, strings.Join(Names(), ", "))
	}
	return s, err
}

// Lines are the spoken lines of a shipped scenario. The error of an unknown
// name wraps fs.ErrNotExist.
func Lines(name string) ([]string, error) {
	if !namePattern.MatchString(name) {
		return nil, fmt.Errorf("scenario: %w", fs.ErrNotExist)
	}
	s, err := Load(name)
	if err != nil {
		return nil, err
	}
	return s.Lines(), nil
}

// Names lists the shipped scenarios in alphabetical order.
func Names() []string {
	files, err := fs.Glob(FS, "*.yaml")
	if err != nil {
		return nil // only a malformed pattern can fail
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(f, path.Ext(f))
	}
	slices.Sort(files)
	return files
}

func read(folder fs.FS, file, shown string) (Scenario, error) {
	f, err := folder.Open(file)
	if err != nil {
		return Scenario{}, fmt.Errorf("scenario: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return Scenario{}, fmt.Errorf("scenario: %w", err)
	}
	s, err := Parse(shown, b)
	if err != nil {
		return Scenario{}, err
	}
	s.folder = folder
	return s, s.findFiles(shown)
}

// findFiles makes sure that what is to be played is there.
func (s Scenario) findFiles(shown string) error {
	var errs []error
	for _, step := range s.Caller {
		if step.Play == "" {
			continue
		}
		if info, err := fs.Stat(s.folder, step.Play); err != nil || info.IsDir() {
			errs = append(errs, fmt.Errorf("%s:%d: play: no file %q beside the scenario", shown, step.Line, step.Play))
		}
	}
	return invalid(errs)
}

func invalid(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrInvalid, errors.Join(errs...))
}
