package restcall

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/tidegate/tidegate/internal/config"
)

const maxSecretBytes = 64 << 10

// Secret says where a secret is: in an environment variable or a file, never
// in the YAML itself. A file is read at each use, so that it can be changed
// while the service runs.
type Secret struct {
	Env  string
	File string
	Line int
	err  error
}

// UnmarshalYAML takes {env: NAME} or {file: PATH}.
func (s *Secret) UnmarshalYAML(n ast.Node) error {
	s.Line = lineOf(n)
	var from struct {
		Env  string `yaml:"env"`
		File string `yaml:"file"`
	}
	wants := errors.New("wants {env: NAME} or {file: PATH}; a secret is not written here")
	if err := yaml.NodeToValue(n, &from, yaml.Strict()); err != nil || (from.Env == "") == (from.File == "") {
		s.err = wants // the decoder's own words would quote the secret
		return nil
	}
	s.Env, s.File = from.Env, from.File
	return nil
}

func (s Secret) wrong() (int, error) { return s.Line, s.err }

// Set says whether the file names one.
func (s Secret) Set() bool { return s.Env != "" || s.File != "" }

// Reveal reads the secret. Errors name the place only.
func (s Secret) Reveal() (config.Secret, error) {
	if s.Env != "" {
		if v := strings.TrimSpace(os.Getenv(s.Env)); v != "" {
			return config.Secret(v), nil
		}
		return "", fmt.Errorf("%w: the environment variable %s is not set", ErrSecret, s.Env)
	}
	f, err := os.Open(s.File)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSecret, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSecret, err)
	}
	v := strings.TrimSpace(string(b))
	if v == "" || len(b) > maxSecretBytes {
		return "", fmt.Errorf("%w: %s is empty or over %d bytes", ErrSecret, s.File, maxSecretBytes)
	}
	return config.Secret(v), nil
}
