//go:build !cgo

package tinyzh

import "embed"

// Present says whether this build holds the model.
const Present = false

var files embed.FS
