package vault

import (
	"errors"
	"fmt"

	"github.com/tidegate/tidegate/internal/config"
)

// Config says where the keys are.
type Config struct {
	Keys       config.Secret `koanf:"keys" help:"keys that personal data is encrypted with (YAML: active, keys, active_index, index_keys); see docs/privacy.md"`
	KeysFile   string        `koanf:"keys_file" help:"file with the same, mode 0600; both empty: with SQLite, keys.yaml is made beside the database, with PostgreSQL services do not start"`
	AllowPlain bool          `koanf:"allow_plain" help:"run on PostgreSQL without keys, telephone numbers, names and addresses unencrypted"`
}

// Configured reports whether keys are named.
func (c Config) Configured() bool { return c.Keys != "" || c.KeysFile != "" }

// Validate checks what can be checked without reading a file.
func (c Config) Validate() error {
	var errs []error
	if c.Keys != "" && c.KeysFile != "" {
		errs = append(errs, errors.New("vault.keys: give these or vault.keys_file, not both"))
	}
	if c.Keys != "" {
		if _, err := ParseKeys([]byte(c.Keys.Reveal())); err != nil {
			for _, e := range config.Errors(err) {
				errs = append(errs, fmt.Errorf("vault.keys: %w", e))
			}
		}
	}
	return errors.Join(errs...)
}

// Load reads the configured keys.
func (c Config) Load() (Keys, error) {
	if c.Keys != "" {
		return ParseKeys([]byte(c.Keys.Reveal()))
	}
	return ReadFile(c.KeysFile)
}
