//go:build cgo

package tinyzh

import "embed"

// Present says whether this build holds the model.
const Present = true

//go:embed manifest.yaml encoder.onnx decoder.onnx joiner.onnx tokens.txt
var files embed.FS
