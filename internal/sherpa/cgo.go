//go:build cgo

package sherpa

import (
	"fmt"
	"maps"
	"os"
	"slices"

	lib "github.com/k2-fsa/sherpa-onnx-go/sherpa_onnx"
)

// Available says whether this build has the library.
const Available = true

// Version is the library's, empty without one.
func Version() string { return lib.GetVersion() }

// files refuses what is not there before the library sees it; an empty path
// is a part that the model does not have.
func files(paths ...string) error {
	for _, p := range paths {
		if p == "" {
			continue
		}
		if info, err := os.Stat(p); err != nil {
			return fmt.Errorf("%w: %w", ErrModel, err)
		} else if info.IsDir() {
			return fmt.Errorf("%w: %s is a folder", ErrModel, p)
		}
	}
	return nil
}

// needed refuses a model that lacks one of the parts of its kind, or whose
// file is not there.
func needed(parts map[string]string) error {
	for _, part := range slices.Sorted(maps.Keys(parts)) {
		if parts[part] == "" {
			return fmt.Errorf("%w: no %s named", ErrModel, part)
		}
		if err := files(parts[part]); err != nil {
			return err
		}
	}
	return nil
}
