package asr

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"

	"github.com/goccy/go-yaml"
)

// Script gives the lines of a named scenario, in the order in which the
// caller says them.
type Script func(name string) ([]string, error)

// Errors of scripts.
var (
	ErrScenarioName    = errors.New("scenario name is not one")
	ErrScenarioMissing = errors.New("no such scenario")
	ErrScenarioInvalid = errors.New("scenario file is not valid")
)

// maxScenarioBytes bounds a scenario file.
const maxScenarioBytes = 256 << 10

// scenarioName keeps names from reaching outside the folder: they come from
// SIP headers.
var scenarioName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// ScriptFS reads NAME.yaml (or .yml) from a folder of scenarios: of the
// top-level list "caller", each item's "say" is a line; items without it
// (pauses, keypad digits) are none.
func ScriptFS(fsys fs.FS) Script {
	return func(name string) ([]string, error) {
		if !scenarioName.MatchString(name) {
			return nil, ErrScenarioName
		}
		b, err := readScenario(fsys, name)
		if err != nil {
			return nil, err
		}
		return ParseLines(b)
	}
}

func readScenario(fsys fs.FS, name string) ([]byte, error) {
	for _, ending := range []string{".yaml", ".yml"} {
		f, err := fsys.Open(name + ending)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("scenario: %w", err)
		}
		b, err := io.ReadAll(io.LimitReader(f, maxScenarioBytes+1))
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("scenario: %w", err)
		}
		if len(b) > maxScenarioBytes {
			return nil, fmt.Errorf("%w: over %d bytes", ErrScenarioInvalid, maxScenarioBytes)
		}
		return b, nil
	}
	return nil, ErrScenarioMissing
}

// ParseLines reads the lines out of a scenario file.
func ParseLines(b []byte) (lines []string, err error) {
	defer func() { // goccy/go-yaml 1.19 panics on some sequences of a wrong tag
		if recover() != nil {
			lines, err = nil, ErrScenarioInvalid
		}
	}()
	var doc struct {
		Caller []struct {
			Say *string `yaml:"say"`
		} `yaml:"caller"`
	}
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrScenarioInvalid, yaml.FormatError(err, false, false))
	}
	for _, item := range doc.Caller {
		if item.Say != nil {
			lines = append(lines, *item.Say)
		}
	}
	return lines, nil
}

// firstScript asks one script after the other; the first that has the
// scenario decides.
func firstScript(scripts ...Script) Script {
	return func(name string) ([]string, error) {
		for _, s := range scripts {
			lines, err := s(name)
			if !errors.Is(err, ErrScenarioMissing) && !errors.Is(err, fs.ErrNotExist) {
				return lines, err
			}
		}
		return nil, ErrScenarioMissing
	}
}
