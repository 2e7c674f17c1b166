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
	QueryTimeout time.Duration `koanf:"query_timeout" help:"time for one database query of the API"`
	MaxInFlight  int           `koanf:"max_in_flight" help:"facts written into the records at the same time"`
	MaxAttempts  int           `koanf:"max_attempts" help:"attempts before a fact that cannot be recorded goes to the dead letters"`
}

// Defaults serves this machine only.
func Defaults() Config {
	return Config{Listen: "127.0.0.1:8080", QueryTimeout: 5 * time.Second, MaxInFlight: 16, MaxAttempts: 20}
}

const minToken = 16

// Validate names every key that is wrong.
func (c Config) Validate() error {
	var errs []error
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		errs = append(errs, errors.New("listen: want HOST:PORT"))
	} else if c.Token == "" && !c.Anonymous && !loopback(host) {
		errs = append(errs, errors.New("token: needed, because listen is not this machine only (or set anonymous)"))
	}
	if n := len(c.Token.Reveal()); n > 0 && n < minToken {
		errs = append(errs, fmt.Errorf("token: shorter than %d characters", minToken))
	}
	if c.QueryTimeout <= 0 || c.QueryTimeout > time.Minute {
		errs = append(errs, fmt.Errorf("query_timeout: %v is not in 0s..1m", c.QueryTimeout))
	}
	if c.MaxInFlight < 1 || c.MaxInFlight > 1000 {
		errs = append(errs, fmt.Errorf("max_in_flight: %d is not in 1..1000", c.MaxInFlight))
	}
	if c.MaxAttempts < 1 || c.MaxAttempts > 100000 {
		errs = append(errs, fmt.Errorf("max_attempts: %d is not in 1..100000", c.MaxAttempts))
	}
	return errors.Join(errs...)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
