// Package download installs speech models: from their publishers, over lines
// that break, or from files that somebody brought. A model appears in the
// models' folder whole and verified, or not at all; what was loaded when a
// download broke off is kept and gone on with.
package download

import (
	"errors"
	"fmt"
	"net/http"
)

// Errors of downloads; ErrChecksum and ErrManifest are speechmodel's.
var (
	// ErrInterrupted: the context ended; what was loaded is kept.
	ErrInterrupted = errors.New("interrupted")
	// ErrTooLarge: more came than there may be.
	ErrTooLarge = errors.New("more than allowed")
	// ErrBroken: the connection ended or stood still too often.
	ErrBroken = errors.New("the download broke off")
	// ErrArchive: an archive cannot be unpacked, or should not be.
	ErrArchive = errors.New("the archive is not valid")
	// ErrUnpublished: models.require_published is set and nobody publishes
	// the checksum.
	ErrUnpublished = errors.New("no published checksum")
	// ErrBusy: another process installs the same model.
	ErrBusy = errors.New("another process is installing it")
	// ErrNoSource: the manifest does not say where a file comes from.
	ErrNoSource = errors.New("the manifest names no source")
)

// StatusError is an answer of a server that ends a download.
type StatusError struct {
	URL  string
	Code int
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s answered %d %s", e.URL, e.Code, http.StatusText(e.Code))
}

// passing says whether the same request may succeed later.
func (e *StatusError) passing() bool {
	return e.Code == http.StatusRequestTimeout || e.Code == http.StatusTooManyRequests || e.Code >= 500
}

// Progress is told how an installation goes.
type Progress interface {
	// Begin starts a download: its size when that is known, else 0, and how
	// much is there already.
	Begin(name string, total, done int64)
	// Add counts bytes that came; below 0 when the download starts again.
	Add(n int64)
	// End follows Begin, whatever happened.
	End()
	// Say is a line for the user.
	Say(line string)
}
