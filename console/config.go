package console

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/tidegate/tidegate/internal/config"
)

// Config is where the console listens and whom it lets in.
type Config struct {
	Listen       string        `koanf:"listen" help:"address of the page and the API, HOST:PORT"`
	Token        config.Secret `koanf:"token" help:"bearer token that the API asks for; empty: none"`
	Anonymous    bool          `koanf:"anonymous" help:"allow an address beyond this machine without a token"`
	RequireKey   bool          `koanf:"require_key" help:"ask every request for an API key (or the token), also on this machine"`
	QueryTimeout time.Duration `koanf:"query_timeout" help:"time for one database query of the API"`
	LongTimeout  time.Duration `koanf:"long_timeout" help:"time for the statistics, and for each batch of an export and its sending"`
	MaxExports   int           `koanf:"max_exports" help:"exports at the same time"`
	RateAddress  float64       `koanf:"rate_address" help:"requests a second from one address"`
	BurstAddress int           `koanf:"burst_address" help:"requests at once from one address"`
	RateKey      float64       `koanf:"rate_key" help:"requests a second with one API key"`
	BurstKey     int           `koanf:"burst_key" help:"requests at once with one API key"`
	MaxInFlight  int           `koanf:"max_in_flight" help:"facts written into the records at the same time"`
	MaxAttempts  int           `koanf:"max_attempts" help:"attempts before a fact that cannot be recorded goes to the dead letters"`
}

// Defaults serves this machine only.
func Defaults() Config {
	return Config{
		Listen: "127.0.0.1:8080", QueryTimeout: 5 * time.Second, LongTimeout: 30 * time.Second, MaxExports: 2,
		RateAddress: 50, BurstAddress: 100, RateKey: 50, BurstKey: 100,
		MaxInFlight: 16, MaxAttempts: 20,
	}
}

const minToken = 16

// Validate names every key that is wrong.
func (c Config) Validate() error {
	var errs []error
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		errs = append(errs, errors.New("listen: want HOST:PORT"))
	} else if !c.guarded() && !c.Anonymous && !loopback(host) {
		errs = append(errs, errors.New("token: needed, because listen is not this machine only (or set require_key or anonymous)"))
	}
	if c.RequireKey && c.Anonymous {
		errs = append(errs, errors.New("anonymous: cannot be with require_key"))
	}
	if n := len(c.Token.Reveal()); n > 0 && n < minToken {
		errs = append(errs, fmt.Errorf("token: shorter than %d characters", minToken))
	}
	errs = append(errs, c.bounds()...)
	return errors.Join(errs...)
}

func (c Config) bounds() []error {
	var errs []error
	count := func(key string, n, high int) {
		if n < 1 || n > high {
			errs = append(errs, fmt.Errorf("%s: %d is not in 1..%d", key, n, high))
		}
	}
	perSecond := func(key string, v float64) {
		if !(v >= 0.01 && v <= 1e6) {
			errs = append(errs, fmt.Errorf("%s: %v is not in 0.01..1000000", key, v))
		}
	}
	if c.QueryTimeout <= 0 || c.QueryTimeout > time.Minute {
		errs = append(errs, fmt.Errorf("query_timeout: %v is not in 0s..1m", c.QueryTimeout))
	}
	if c.LongTimeout < time.Second || c.LongTimeout > 10*time.Minute {
		errs = append(errs, fmt.Errorf("long_timeout: %v is not in 1s..10m", c.LongTimeout))
	}
	count("max_exports", c.MaxExports, 100)
	count("burst_address", c.BurstAddress, 1e6)
	count("burst_key", c.BurstKey, 1e6)
	count("max_in_flight", c.MaxInFlight, 1000)
	count("max_attempts", c.MaxAttempts, 100000)
	perSecond("rate_address", c.RateAddress)
	perSecond("rate_key", c.RateKey)
	return errs
}

// guarded: nobody is let in without a token or a key.
func (c Config) guarded() bool { return c.Token != "" || c.RequireKey }

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
