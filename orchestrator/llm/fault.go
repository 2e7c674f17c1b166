package llm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/ssestream"
)

// Errors of questions; errors.Is finds them. None of them quotes what was said.
var (
	ErrTimeout     = errors.New("language model took too long")
	ErrBusy        = errors.New("too many questions at once")
	ErrOpen        = errors.New("language model failed before, and rests")
	ErrLimited     = errors.New("language model's server is busy")         // 429, 503, 529
	ErrDenied      = errors.New("language model's server refuses us")      // other 4xx
	ErrFailed      = errors.New("language model's server failed")          // 5xx, or an error in a stream
	ErrUnreachable = errors.New("language model's server not reached")     // no connection, or a broken one
	ErrRefused     = errors.New("language model refuses to answer")        // its own refusal
	ErrAnswer      = errors.New("language model's answer is of no use")    // not what was asked for, or over its bounds
	ErrCutOff      = errors.New("language model's answer broke off early") // a stream without its end
)

// result is an error's name in metrics.
func result(err error) string {
	if err == nil {
		return "ok"
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.name
		}
	}
	return "canceled"
}

var kinds = []struct {
	err  error
	name string
}{
	{ErrTimeout, "timeout"}, {ErrBusy, "busy"}, {ErrOpen, "open"}, {ErrLimited, "limited"}, {ErrDenied, "denied"}, {ErrFailed, "failed"},
	{ErrUnreachable, "unreachable"}, {ErrRefused, "refused"}, {ErrAnswer, "unusable"}, {ErrCutOff, "cut_off"},
}

// results lists every name, for metrics pre-set to 0.
func results() []string {
	out := []string{"ok", "canceled"}
	for _, k := range kinds {
		out = append(out, k.name)
	}
	return out
}

// classify makes of what a library returns one of the errors above. Texts of
// servers stay out: they may repeat what the caller said.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	for _, k := range kinds {
		if !errors.Is(err, k.err) {
			continue
		}
		if address := (*url.Error)(nil); errors.As(err, &address) {
			return k.err // without the address
		}
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var status *openai.Error
	if errors.As(err, &status) {
		return fmt.Errorf("%w: status %d", statusKind(status.StatusCode), status.StatusCode)
	}
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err // without the address
	}
	var network net.Error
	var op *net.OpError
	if errors.As(err, &network) || errors.As(err, &op) || errors.Is(err, errConnection) {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return ErrAnswer
}

func statusKind(status int) error {
	switch {
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || status == 529: // 529: overloaded, as some say
		return ErrLimited
	case status >= 500:
		return ErrFailed
	}
	return ErrDenied
}

// noVerdict: these say nothing of the server's health.
func noVerdict(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, ErrBusy) || errors.Is(err, ErrRefused)
}

// streamError tells an error that the server put into a stream, and one over
// its bounds, from a connection that broke.
func streamError(err error) error {
	var told *ssestream.StreamError
	switch {
	case errors.As(err, &told):
		return fmt.Errorf("%w: error in the stream", ErrFailed)
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("%w: an event is too long", ErrAnswer)
	}
	return err
}
