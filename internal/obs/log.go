package obs

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// LogConfig says what is logged and how.
type LogConfig struct {
	Level  string `koanf:"level" help:"debug, info, warn or error"`
	Format string `koanf:"format" help:"text or json"`
}

// LogDefaults is text at level info.
func LogDefaults() LogConfig { return LogConfig{Level: "info", Format: "text"} }

// Validate reports every field that cannot work.
func (c LogConfig) Validate() error {
	var errs []error
	var l slog.Level
	if err := l.UnmarshalText([]byte(c.Level)); err != nil {
		errs = append(errs, fmt.Errorf("level: must be debug, info, warn or error, is %q", c.Level))
	}
	if c.Format != "text" && c.Format != "json" {
		errs = append(errs, fmt.Errorf("format: must be text or json, is %q", c.Format))
	}
	return errors.Join(errs...)
}

// NewLogger writes to w.
func NewLogger(w io.Writer, c LogConfig) *slog.Logger {
	var l slog.Level
	_ = l.UnmarshalText([]byte(c.Level))
	opts := &slog.HandlerOptions{Level: l}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
