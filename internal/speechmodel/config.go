package speechmodel

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Where pulls take files from.
const (
	FromArchive = "archive" // the publisher's archive
	FromHub     = "hub"     // file by file from Hugging Face, where the manifest names a repository
)

// Config is the configuration section "models".
type Config struct {
	Dir              string        `koanf:"dir" help:"folder of the installed speech models, one folder each; in up.data_dir when that is another"`
	Mirror           string        `koanf:"mirror" help:"address that 'models pull' downloads from instead: it replaces scheme and host, or is a pattern with {url}, {host} and {path}"`
	From             string        `koanf:"from" help:"what 'models pull' downloads: archive (the publisher's), or hub (single files from Hugging Face, where a manifest names them there)"`
	RequirePublished bool          `koanf:"require_published" help:"refuse models of which any checksum is not published"`
	MaxMB            int           `koanf:"max_mb" help:"largest download, and largest model unpacked, in MB"`
	ConnectTimeout   time.Duration `koanf:"connect_timeout" help:"how long a server may take to answer a download"`
	StallTimeout     time.Duration `koanf:"stall_timeout" help:"how long a download may stand still before it is tried again"`
	Attempts         int           `koanf:"attempts" help:"how often a download that breaks off is gone on with"`
}

// Defaults look for models where 'up' keeps its data.
func Defaults() Config {
	return Config{
		Dir: "data/models", From: FromArchive, MaxMB: 4096,
		ConnectTimeout: 20 * time.Second, StallTimeout: 30 * time.Second, Attempts: 8,
	}
}

// Validate reports every field that cannot work.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if c.Dir == "" {
		bad("dir: must be set")
	}
	if c.Mirror != "" && !webAddress(mirrored(c.Mirror, "https://example.com/a/b")) {
		bad("mirror: %.80q makes no address on the web", c.Mirror)
	}
	if !slices.Contains([]string{FromArchive, FromHub}, c.From) {
		bad("from: must be %s or %s, is %.40q", FromArchive, FromHub, c.From)
	}
	if c.MaxMB < 1 {
		bad("max_mb: must be at least 1, is %d", c.MaxMB)
	}
	if c.ConnectTimeout <= 0 {
		bad("connect_timeout: must be more than 0")
	}
	if c.StallTimeout <= 0 {
		bad("stall_timeout: must be more than 0")
	}
	if c.Attempts < 1 {
		bad("attempts: must be at least 1, is %d", c.Attempts)
	}
	return errors.Join(errs...)
}

// MaxBytes is the limit of a download.
func (c Config) MaxBytes() int64 { return int64(c.MaxMB) << 20 }

// Mirrored is the address that is asked for address.
func (c Config) Mirrored(address string) string {
	if c.Mirror == "" {
		return address
	}
	return mirrored(c.Mirror, address)
}

func mirrored(mirror, address string) string {
	_, rest, _ := strings.Cut(address, "://")
	host, path, _ := strings.Cut(rest, "/")
	if !strings.Contains(mirror, "{") {
		return strings.TrimSuffix(mirror, "/") + "/" + path
	}
	return strings.NewReplacer("{url}", address, "{host}", host, "{path}", path).Replace(mirror)
}
