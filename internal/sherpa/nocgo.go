//go:build !cgo

package sherpa

// Available says whether this build has the library.
const Available = false

// Version is the library's, empty without one.
func Version() string { return "" }
