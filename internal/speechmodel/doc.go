// Package speechmodel knows the speech models that run on this machine: what
// a model is for and of which files it is made (manifests, many of them
// built in), which are installed, and whether their files are the ones that
// they should be. An engine opens its model here, never by paths of its own:
// sherpa-onnx ends the process when a model's metadata is wrong, so a file
// reaches it only after its checksum was compared.
package speechmodel

import "errors"

// Errors of manifests and installed models.
var (
	// ErrNotInstalled: there is no such model in the models' folder.
	ErrNotInstalled = errors.New("speech model is not installed")
	// ErrChecksum: a file is not the one that was published or first seen,
	// or nothing says which one it should be.
	ErrChecksum = errors.New("speech model has a wrong file")
	// ErrManifest: a manifest cannot be read or describes no model.
	ErrManifest = errors.New("speech model manifest is not valid")
)
