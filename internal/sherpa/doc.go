// Package sherpa is the only importer of sherpa-onnx: recognition, synthesis,
// voice activity, denoising and punctuation by ONNX models on this machine.
// It needs cgo; in a build without, every constructor returns ErrNoCgo.
//
// A model with wrong metadata makes the library end the process, which
// nothing here can prevent: models are opened by package speechmodel, which
// checks their checksums, and files that do not exist are refused here.
package sherpa

import "errors"

// Errors of the constructors.
var (
	// ErrNoCgo: this program was built without cgo.
	ErrNoCgo = errors.New("built without cgo: no sherpa-onnx")
	// ErrModel: the library did not take the model.
	ErrModel = errors.New("sherpa-onnx did not take the model")
)
