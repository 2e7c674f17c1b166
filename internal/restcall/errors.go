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

// Classes are a connector's own errors for what a call can end in.
type Classes struct{ Unavailable, Denied, Refused, Template, Garbled error }

// Of gives an error the connector's class beside its own, without saying it
// twice. What is no error of this package stays as it is.
func (c Classes) Of(err error) error {
	for from, to := range map[error]error{
		ErrUnavailable: c.Unavailable, ErrDenied: c.Denied, ErrRefused: c.Refused, ErrTemplate: c.Template, ErrGarbled: c.Garbled,
	} {
		if to != nil && errors.Is(err, from) {
			return &classed{to, err}
		}
	}
	return err
}

type classed struct{ class, err error }

func (e *classed) Error() string { return e.err.Error() }

func (e *classed) Unwrap() []error { return []error{e.class, e.err} }
