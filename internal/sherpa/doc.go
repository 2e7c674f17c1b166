// Package sherpa is the only importer of sherpa-onnx: recognition, synthesis,
// voice activity, denoising and punctuation by ONNX models on this machine.
// It needs cgo; in a build without, every constructor returns ErrNoCgo.
//
// A model with wrong metadata makes the library end the process, which
// nothing here can prevent: models are opened by package speechmodel, which
// checks their checksums, and files that do not exist are refused here.
package sherpa

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
)

// Errors of the constructors.
var (
	// ErrNoCgo: this program was built without cgo.
	ErrNoCgo = errors.New("built without cgo: no sherpa-onnx")
	// ErrModel: the library did not take the model.
	ErrModel = errors.New("sherpa-onnx did not take the model")
)

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
