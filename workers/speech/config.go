package speech

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/tidegate/tidegate/internal/config"
)

// Config is the part of a speech worker's configuration that engines have
// nothing to do with.
type Config struct {
	Listen       string        `koanf:"listen" help:"HOST:PORT of the speech websocket"`
	Advertise    string        `koanf:"advertise" help:"ws://HOST:PORT that bridges are told; empty is the address listened on"`
	Capacity     int           `koanf:"capacity" help:"calls served at once; at this number the worker no longer answers"`
	GrantTTL     time.Duration `koanf:"grant_ttl" help:"how long a granted place is kept for its connection"`
	StartTimeout time.Duration `koanf:"start_timeout" help:"how long a connection may wait before its start message"`
	MaxFrame     int64         `koanf:"max_frame" help:"bytes of one websocket message"`
	MaxMistakes  int           `koanf:"max_mistakes" help:"protocol errors after which a connection is closed"`
	PingInterval time.Duration `koanf:"ping_interval" help:"time between websocket pings"`
	PongTimeout  time.Duration `koanf:"pong_timeout" help:"silence after which a peer counts as dead"`
	WriteTimeout time.Duration `koanf:"write_timeout" help:"time limit of one websocket write"`
	Secret       config.Secret `koanf:"secret" help:"key of the connection tokens; empty makes one at start"`
}

// Defaults serve one machine.
func Defaults() Config {
	return Config{
		Listen: "127.0.0.1:0", Capacity: 200, GrantTTL: 10 * time.Second, StartTimeout: 5 * time.Second,
		MaxFrame: 256 << 10, MaxMistakes: 8,
		PingInterval: 5 * time.Second, PongTimeout: 15 * time.Second, WriteTimeout: 5 * time.Second,
	}
}

// minSecret is the least length of a configured key, as RFC 2104 advises for
// HMAC: no shorter than half the hash's output.
const minSecret = 16

// Validate reports every field that cannot work; prefix comes before each
// key, for configurations that hold this one under a name.
func (c Config) Validate(prefix string) error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf(prefix+key+": "+format, args...))
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		bad("listen", "%w", err)
	}
	if err == nil && c.Advertise == "" && unspecified(host) {
		bad("advertise", "is needed when listen names no host")
	}
	if c.Advertise != "" {
		if err := checkAdvertise(c.Advertise); err != nil {
			bad("advertise", "%w", err)
		}
	}
	if c.Capacity < 1 || c.Capacity > 100000 {
		bad("capacity", "must be 1 to 100000, is %d", c.Capacity)
	}
	if c.GrantTTL < time.Second {
		bad("grant_ttl", "must be at least 1s, is %s", c.GrantTTL)
	}
	if c.MaxFrame < 4096 || c.MaxFrame > 16<<20 {
		bad("max_frame", "must be 4096 to 16777216, is %d", c.MaxFrame)
	}
	if c.MaxMistakes < 1 {
		bad("max_mistakes", "must be at least 1, is %d", c.MaxMistakes)
	}
	positive := func(key string, d time.Duration) {
		if d <= 0 {
			bad(key, "must be more than 0, is %s", d)
		}
	}
	positive("start_timeout", c.StartTimeout)
	positive("ping_interval", c.PingInterval)
	positive("write_timeout", c.WriteTimeout)
	if c.PongTimeout <= c.PingInterval {
		bad("pong_timeout", "must be more than ping_interval, is %s", c.PongTimeout)
	}
	if n := len(c.Secret.Reveal()); n > 0 && n < minSecret {
		bad("secret", "must have at least %d characters", minSecret)
	}
	return errors.Join(errs...)
}

func unspecified(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

func checkAdvertise(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return err
	case u.Scheme != "ws" && u.Scheme != "wss":
		return errors.New("must begin with ws:// or wss://")
	case u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil:
		return errors.New("must be ws://HOST:PORT and nothing more")
	default:
		return nil
	}
}
