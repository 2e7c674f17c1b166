package llm

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/openai"
)

// Formats of an answer that names a meaning: not every server knows schemas.
const (
	FormatSchema = "json_schema"
	FormatObject = "json_object"
	FormatText   = "text"
)

// Config of the language model.
type Config struct {
	BaseURL     string        `koanf:"base_url" help:"address of a server with OpenAI's chat completions, http(s)://HOST[:PORT]/v1; empty: no language model"`
	Model       string        `koanf:"model" help:"name of the model"`
	Key         config.Secret `koanf:"key" help:"key of the server; empty: none is sent"`
	Understand  bool          `koanf:"understand" help:"ask what a sentence means that nothing was made of"`
	Word        bool          `koanf:"word" help:"let it word answers of the knowledge base"`
	Mask        bool          `koanf:"mask" help:"mask numbers and addresses in what is sent"`
	Format      string        `koanf:"format" help:"how a meaning is asked for: json_schema, json_object or text, by what the server can"`
	Timeout     time.Duration `koanf:"timeout" help:"longest wait for a meaning, for the first sentence and for each next one"`
	Concurrency int           `koanf:"concurrency" help:"questions at once; one more goes on without the model"`
	Failures    int           `koanf:"failures" help:"failures in a row after which nothing is asked for a while"`
	Cooldown    time.Duration `koanf:"cooldown" help:"how long that is"`
}

// Defaults have no server.
func Defaults() Config {
	return Config{
		Understand: true, Word: true, Mask: true, Format: FormatSchema, Timeout: 1200 * time.Millisecond,
		Concurrency: 32, Failures: 5, Cooldown: 15 * time.Second,
	}
}

// Enabled says whether there is a language model.
func (c Config) Enabled() bool { return c.BaseURL != "" && (c.Understand || c.Word) }

// Validate reports every field that cannot work; prefix comes before each key.
func (c Config) Validate(prefix string) error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf(prefix+key+": "+format, args...))
	}
	if c.BaseURL != "" {
		if err := openai.CheckBaseURL(c.BaseURL); err != nil {
			bad("base_url", "%w", err)
		}
		if c.Model == "" {
			bad("model", "must be set when base_url is")
		}
	}
	if !slices.Contains([]string{FormatSchema, FormatObject, FormatText}, c.Format) {
		bad("format", "must be json_schema, json_object or text, is %q", c.Format)
	}
	if c.Timeout < 100*time.Millisecond || c.Timeout > 5*time.Second {
		bad("timeout", "must be 100ms to 5s, is %s", c.Timeout)
	}
	if c.Concurrency < 1 || c.Concurrency > 10000 {
		bad("concurrency", "must be 1 to 10000, is %d", c.Concurrency)
	}
	if c.Failures < 1 {
		bad("failures", "must be at least 1, is %d", c.Failures)
	}
	if c.Cooldown < time.Second {
		bad("cooldown", "must be at least 1s, is %s", c.Cooldown)
	}
	return errors.Join(errs...)
}
