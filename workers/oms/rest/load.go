package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// ErrFile: a description cannot be used; the text names every mistake with
// file and line.
var ErrFile = errors.New("order system's description")

const (
	maxFile   = 256 << 10
	maxSecret = 16 << 10
)

// Options are what a System uses of its surroundings. All may be left out.
type Options struct {
	// Getenv finds secrets; os.Getenv when nil.
	Getenv func(string) string
	Now    func() time.Time
	// Transport sends; a copy of net/http's own when nil.
	Transport http.RoundTripper
	// Observe is told of every exchange, on the goroutine that makes it.
	Observe func(Exchange)
	// WithoutSecrets takes a secret that is not there for a made-up one, so
	// that a file can be checked where the secrets are not.
	WithoutSecrets bool
}

// Load reads a system's description from a file.
func Load(name string, opts Options) (*System, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return Parse(name, b, opts)
}

// Parse reads a description; name is for its errors.
func Parse(name string, b []byte, opts Options) (*System, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("%w: %s: over %d bytes", ErrFile, name, maxFile)
	}
	tree, sp, err := readYAML(b)
	if err != nil {
		return nil, located(name, err)
	}
	c := &compiler{spec: sp, opts: opts}
	s := c.compile()
	if len(c.problems) == 0 {
		return s, nil
	}
	var errs []error
	for _, p := range c.problems {
		errs = append(errs, fmt.Errorf("%w: %s: %s", ErrFile, place(name, tree, p.keys), p))
	}
	return nil, errors.Join(errs...)
}

var errYAML = errors.New("the YAML cannot be read")

func readYAML(b []byte) (tree *ast.File, sp spec, err error) {
	defer func() { // goccy/go-yaml 1.19 panics on some sequences of a wrong tag
		if recover() != nil {
			err = errYAML
		}
	}()
	if tree, err = parser.ParseBytes(b, 0); err != nil {
		return nil, sp, err
	}
	if len(bytes.TrimSpace(b)) == 0 || len(tree.Docs) != 1 {
		return nil, sp, errors.New("one YAML document is needed")
	}
	return tree, sp, yaml.UnmarshalWithOptions(b, &sp, yaml.Strict())
}

// located puts file and line before a YAML error's bare message.
func located(name string, err error) error {
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil && y.GetToken().Position != nil {
		return fmt.Errorf("%w: %s:%d: %s", ErrFile, name, y.GetToken().Position.Line, y.GetMessage())
	}
	return fmt.Errorf("%w: %s: %w", ErrFile, name, err)
}

// place is the line of a mistake, or of the nearest that is there above it.
func place(name string, tree *ast.File, keys []string) string {
	for ; len(keys) > 0; keys = keys[:len(keys)-1] {
		b := (&yaml.PathBuilder{}).Root()
		for _, k := range keys {
			if i, err := strconv.ParseUint(k, 10, 16); err == nil {
				b = b.Index(uint(i))
			} else {
				b = b.Child(k)
			}
		}
		if node, err := b.Build().FilterFile(tree); err == nil && node != nil && node.GetToken() != nil {
			return fmt.Sprintf("%s:%d", name, node.GetToken().Position.Line)
		}
	}
	return name
}

// secret reads one from where the file says it is.
func (o Options) secret(sp secretSpec) (string, error) {
	if (sp.Env == "") == (sp.File == "") {
		return "", errors.New("say env or file, one of the two")
	}
	var v string
	if sp.Env != "" {
		get := o.Getenv
		if get == nil {
			get = os.Getenv
		}
		v = get(sp.Env)
	} else {
		b, err := os.ReadFile(sp.File)
		if err != nil && !o.WithoutSecrets {
			return "", errors.New("the file cannot be read")
		}
		if len(b) > maxSecret {
			return "", fmt.Errorf("over %d bytes", maxSecret)
		}
		v = strings.TrimRight(string(b), "\r\n")
	}
	if v == "" && o.WithoutSecrets {
		return "made-up-secret", nil
	}
	if v == "" {
		return "", errors.New("is not set")
	}
	return v, nil
}
