package tts

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/openai"
	"github.com/tidegate/tidegate/workers/speech"
)

// OpenAIConfig says which server speaks, and how it is asked.
type OpenAIConfig struct {
	BaseURL      string            `koanf:"base_url" help:"address of the server, such as http://HOST:8000/v1"`
	APIKey       config.Secret     `koanf:"api_key" help:"key sent as bearer token; empty sends none"`
	Model        string            `koanf:"model" help:"model as the server names it"`
	Voice        string            `koanf:"voice" help:"voice used when a request names none"`
	Voices       []string          `koanf:"voices" help:"further voices that requests may name"`
	Languages    []string          `koanf:"languages" help:"languages that the model speaks; empty: any"`
	Instructions bool              `koanf:"instructions" help:"tell the model in words how to say it, by style; false: styles change the speed and the loudness only"`
	Styles       map[string]string `koanf:"styles" help:"instructions by style, where they are to be others than the built-in ones: {安抚: 轻声细语}"`
	SampleRate   int               `koanf:"sample_rate" help:"Hz of the server's PCM, where it does not tell itself"`
	SendRate     bool              `koanf:"send_rate" help:"ask for sample_rate in the field that Speaches knows"`
	Timeout      time.Duration     `koanf:"timeout" help:"time to the first sound of a sentence, and between two pieces of it"`
	CAFile       string            `koanf:"ca_file" help:"certificates (PEM) to trust besides the system's"`
	ServerName   string            `koanf:"server_name" help:"name in the server's certificate when it is not the address's"`
}

func openaiDefaults() OpenAIConfig {
	return OpenAIConfig{Instructions: true, SampleRate: openai.PCMRate, Timeout: 5 * time.Second}
}

// voices are all that requests may name.
func (c OpenAIConfig) voices() []string {
	if slices.Contains(c.Voices, c.Voice) {
		return c.Voices
	}
	return append([]string{c.Voice}, c.Voices...)
}

// maxInstructions bounds instructions, as OpenAI does, in bytes.
const maxInstructions = 4096

func (c OpenAIConfig) validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("openai."+key+": "+format, args...))
	}
	if c.BaseURL == "" {
		bad("base_url", "is needed by the engine %s", EngineOpenAI)
	} else if err := openai.CheckBaseURL(c.BaseURL); err != nil {
		bad("base_url", "%w", err)
	}
	if c.Model == "" {
		bad("model", "must be set")
	}
	if c.Voice == "" {
		bad("voice", "must be set")
	}
	if slices.Contains(c.Voices, "") {
		bad("voices", "holds an empty name")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Styles)) {
		if _, ok := ParseStyle(name); !ok {
			bad("styles", "%.40q is no style", name)
		}
		if n := len(c.Styles[name]); n > maxInstructions {
			bad("styles", "%.40q has %d bytes, at most %d", name, n, maxInstructions)
		}
	}
	if c.SampleRate < 8000 || c.SampleRate > 48000 {
		bad("sample_rate", "must be 8000 to 48000, is %d", c.SampleRate)
	}
	if c.Timeout < 100*time.Millisecond || c.Timeout > time.Minute {
		bad("timeout", "must be 100ms to 1m, is %s", c.Timeout)
	}
	if _, err := speech.TLS(c.CAFile, c.ServerName); err != nil {
		errs = append(errs, fmt.Errorf("openai.%w", err))
	}
	return errors.Join(errs...)
}
