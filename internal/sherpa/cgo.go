//go:build cgo

package sherpa

import lib "github.com/k2-fsa/sherpa-onnx-go/sherpa_onnx"

// Available says whether this build has the library.
const Available = true

// Version is the library's, empty without one.
func Version() string { return lib.GetVersion() }
