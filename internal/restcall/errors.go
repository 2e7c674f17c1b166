package restcall

import (
	"errors"
	"fmt"
	"time"
)

// What a call can end in, beside an answer that was understood.
var (
	// ErrUnavailable: the other side is away, overloaded or too slow. Worth
	// another try.
	ErrUnavailable = errors.New("the other system is not available")
	// ErrDenied: it does not let us in (401, 403, 407): the credentials are
	// wrong or have run out.
	ErrDenied = errors.New("the other system does not let us in")
	// ErrRefused: it understood the request and does not want it (other 4xx).
	ErrRefused = errors.New("the other system refuses the request")
	// ErrGarbled: it answered what the file's mapping does not understand.
	ErrGarbled = errors.New("the answer is not understood")
	// ErrTemplate: the request could not be made of the data.
	ErrTemplate = errors.New("the request cannot be made")
	// ErrSecret: a secret that the file names is not there.
	ErrSecret = errors.New("secret missing")
)

// Error is a call that did not succeed. Its text holds no values but masked
// ones.
type Error struct {
	Call       string // the key of the call in the file: create, find, ...
	Status     int    // 0: no answer came
	Sent       bool   // the other side may have done what was asked
	RetryAfter time.Duration
	Detail     string
	class      error
	cause      error
}

// Error names the call, the class and the detail.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %v", e.Call, e.class)
	if e.Status > 0 {
		text += fmt.Sprintf(" (status %d)", e.Status)
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Unwrap gives the class, and what caused it.
func (e *Error) Unwrap() []error {
	if e.cause != nil {
		return []error{e.class, e.cause}
	}
	return []error{e.class}
}
