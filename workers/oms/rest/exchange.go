package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

var (
	// ErrDenied: the system does not let us in.
	ErrDenied = errors.New("order system does not let us in")
	// ErrFailed: the system says that it will not, and nothing says why.
	ErrFailed = errors.New("order system refused the request")
)

var classes = restcall.Classes{
	Unavailable: store.ErrUnavailable, Denied: ErrDenied, Refused: ErrFailed, Template: store.ErrInvalid, Garbled: ErrMapping,
}

// Exchange is one request and its answer, with secrets and personal values
// hidden, and what became of it.
type Exchange struct {
	restcall.Exchange
	Name string // operation and step
	Err  error
}

// refusal is an answer of the trade that a rule recognised: refused with a
// code, or done before.
type refusal struct {
	status schemas.WriteStatus
	code   schemas.RefusalCode
	reason string
}

func (r *refusal) Error() string { return "order system: " + string(r.status) + " " + string(r.code) }

// exchange sends a request and says what its answer means.
func (s *System) exchange(ctx context.Context, from request, req *restcall.Request, rules []rule) (answer any, header http.Header, err error) {
	var opts []restcall.Option
	if s.observe != nil {
		seen := Exchange{Name: from.name}
		opts = append(opts, restcall.Show(&seen.Exchange))
		defer func() {
			seen.Err = err
			s.observe(seen)
		}()
	}
	reply, err := s.client.Send(ctx, from.name, req, opts...)
	if err != nil {
		return nil, nil, outcome(err)
	}
	if answer, err = s.judge(reply, rules, from.quiet); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", from.name, err)
	}
	return answer, reply.Header, nil
}

// outcome says what a request that got no answer means: who asks has given
// up, or the system is away.
func outcome(err error) error {
	for _, gone := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, gone) {
			return gone
		}
	}
	return classes.Of(err)
}
