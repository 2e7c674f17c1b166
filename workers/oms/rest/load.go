package rest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/restcall"
)

// ErrFile: a description cannot be used; the text names every mistake with
// file and line.
var ErrFile = errors.New("order system's description")

// Options are what a System uses of its surroundings. All may be left out.
type Options struct {
	Now func() time.Time
	// Transport sends; a copy of net/http's own when nil.
	Transport http.RoundTripper
	// Observe is told of every exchange, on the goroutine that makes it.
	Observe func(Exchange)
	// WithoutSecrets checks a file where its secrets are not.
	WithoutSecrets bool
}

// Load reads a system's description from a file.
func Load(name string, opts Options) (*System, error) {
	b, err := restcall.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return Parse(name, b, opts)
}

// Parse reads a description; name is for its errors.
func Parse(name string, b []byte, opts Options) (*System, error) {
	c := &compiler{file: name, text: b}
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, fmt.Errorf("%w: %s: is empty", ErrFile, name)
	}
	if err := restcall.Decode(name, b, &c.spec); err != nil {
		return nil, described(err)
	}
	s := c.compile()
	if !opts.WithoutSecrets {
		c.there()
	}
	if len(c.problems) > 0 {
		return nil, described(errors.Join(c.problems...))
	}
	end := c.spec.Endpoint
	end.Transport, end.Now = opts.Transport, opts.Now
	if end.Timeout == 0 {
		end.Timeout = defaultTimeout
	}
	var err error
	if s.client, err = restcall.NewClient(end, nil); err != nil {
		return nil, described(err)
	}
	s.observe = opts.Observe
	return s, nil
}

// described puts the class before every mistake of a file.
func described(err error) error {
	var errs []error
	for _, e := range config.Errors(err) {
		errs = append(errs, fmt.Errorf("%w: %w", ErrFile, e))
	}
	return errors.Join(errs...)
}
