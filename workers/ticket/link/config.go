// Package link keeps the copies of tickets in the ticket systems that tenants
// have already. What is new of a ticket lies in our database, in order, and
// the work for it in the stream; what people change over there comes back by
// signed messages or by asking.
//
// A copy is made once: before a second try, the system is searched, unless it
// takes repeats for one. Changes of one ticket are told in their order, by one
// worker at a time.
package link

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/resilience"
	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/schemas"
)

// Config is how copies are kept.
type Config struct {
	Systems        []string          `koanf:"systems" help:"ticket systems that get copies of tickets: TENANT=FILE, or FILE for calls without a tenant"`
	Listen         string            `koanf:"listen" help:"address where ticket systems send what changed; used when a file has incoming"`
	PollInterval   time.Duration     `koanf:"poll_interval" help:"how often systems whose file has changes are asked for them"`
	PollOverlap    time.Duration     `koanf:"poll_overlap" help:"how far before the newest known change they are asked again"`
	MaxInFlight    int               `koanf:"max_in_flight" help:"tickets delivered at the same time, for each tenant"`
	DeliverTimeout time.Duration     `koanf:"deliver_timeout" help:"time for one attempt at what is new of a ticket"`
	AckWait        time.Duration     `koanf:"ack_wait" help:"a delivery not finished by then goes to another worker"`
	MaxAttempts    int               `koanf:"max_attempts" help:"attempts before a delivery that fails for other reasons than an absence goes to the dead letters"`
	RetryFirst     time.Duration     `koanf:"retry_first" help:"pause after the first failure; it doubles"`
	RetryMax       time.Duration     `koanf:"retry_max" help:"longest pause between attempts"`
	GiveUp         time.Duration     `koanf:"give_up" help:"how long a system may be away before deliveries go to the dead letters"`
	Guard          resilience.Config `koanf:"guard"`
}

// Defaults waits a week for a system that is away.
func Defaults() Config {
	return Config{
		Listen: "127.0.0.1:8096", PollInterval: 30 * time.Second, PollOverlap: 2 * time.Minute, MaxInFlight: 8,
		DeliverTimeout: 40 * time.Second, AckWait: time.Minute, MaxAttempts: 20,
		RetryFirst: 500 * time.Millisecond, RetryMax: time.Minute, GiveUp: 7 * 24 * time.Hour, Guard: resilience.Defaults(),
	}
}

// Files are the connections' files by tenant; "" is calls without one.
func (c Config) Files() (map[string]string, error) {
	return restcall.TenantFiles("systems", c.Systems)
}

// Validate names every key that is wrong.
func (c Config) Validate() error {
	_, err := c.Files()
	errs := []error{err}
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		bad("listen: must be HOST:PORT, is %q", c.Listen)
	}
	for _, d := range []struct {
		key           string
		is, low, high time.Duration
	}{
		{"poll_interval", c.PollInterval, 10 * time.Millisecond, 24 * time.Hour}, {"poll_overlap", c.PollOverlap, 0, 24 * time.Hour},
		{"deliver_timeout", c.DeliverTimeout, 10 * time.Millisecond, 10 * time.Minute}, {"ack_wait", c.AckWait, time.Second, time.Hour},
		{"retry_first", c.RetryFirst, time.Millisecond, time.Minute}, {"retry_max", c.RetryMax, c.RetryFirst, time.Hour},
		{"give_up", c.GiveUp, time.Second, 365 * 24 * time.Hour},
	} {
		if d.is < d.low || d.is > d.high {
			bad("%s: %v is not in %v..%v", d.key, d.is, d.low, d.high)
		}
	}
	if c.MaxInFlight < 1 || c.MaxInFlight > 1000 {
		bad("max_in_flight: %d is not in 1..1000", c.MaxInFlight)
	}
	if c.MaxAttempts < 1 || c.MaxAttempts > 100000 {
		bad("max_attempts: %d is not in 1..100000", c.MaxAttempts)
	}
	if c.DeliverTimeout >= c.AckWait {
		bad("deliver_timeout: %v must be below ack_wait %v", c.DeliverTimeout, c.AckWait)
	}
	if err := c.Guard.Validate(); err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			bad("guard.%s", line)
		}
	}
	return errors.Join(errs...)
}

// label is a tenant in metrics and log lines.
func label(tenant string) string { return schemas.TenantLabel(tenant) }
