package speech

import (
	"errors"

	"github.com/tidegate/tidegate/schemas"
)

// Errors of engines that the protocol tells apart; every other one has the
// code "engine" and may go away on another try.
var (
	// ErrUnsupported: the engine cannot do what was asked, now or later.
	ErrUnsupported = errors.New("not supported by the engine")
	// ErrOverloaded: the engine has no room now; another worker may have.
	ErrOverloaded = errors.New("engine is overloaded")
)

// Failure gives the code of an engine's error and whether trying again makes
// sense, as the fields of an error message.
func Failure(err error) schemas.SpeechMessage {
	switch {
	case errors.Is(err, ErrUnsupported):
		return schemas.SpeechMessage{Code: schemas.SpeechErrUnsupported}
	case errors.Is(err, ErrOverloaded):
		return schemas.SpeechMessage{Code: schemas.SpeechErrOverloaded, Retryable: true}
	default:
		return schemas.SpeechMessage{Code: schemas.SpeechErrEngine, Retryable: true}
	}
}
