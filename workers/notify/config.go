// Package notify tells callers by SMS or message what became of their request:
// a ticket's number, where to send the goods, a courier's pick-up code. What
// is said, when, and through which gateway of the company's stands in a YAML
// file for each tenant.
//
// Facts become rows, one for each ticket, event and channel, and rows become
// work in a stream. A row is sent once: one worker holds it at a time, notes
// that a request is about to be made before it makes it, and what became of it
// after. Where a worker died in between, or the answer was lost, nobody knows
// whether the caller was told; it is sent again only through a gateway that
// takes repeats for one.
package notify

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

// Config is how callers are told.
type Config struct {
	Connections   []string          `koanf:"connections" help:"files that say what callers are told by SMS or message, and how: TENANT=FILE, or FILE for calls without a tenant"`
	Listen        string            `koanf:"listen" help:"address where gateways send replies and shops pick-up codes; used when a file has replies or pickup_codes"`
	MaxInFlight   int               `koanf:"max_in_flight" help:"notifications sent at the same time, for each tenant"`
	SendTimeout   time.Duration     `koanf:"send_timeout" help:"time for one attempt at a notification"`
	AckWait       time.Duration     `koanf:"ack_wait" help:"a notification not finished by then goes to another worker"`
	MaxAttempts   int               `koanf:"max_attempts" help:"requests that a gateway may not take before a notification goes to the dead letters"`
	RetryFirst    time.Duration     `koanf:"retry_first" help:"pause after the first failure; it doubles"`
	RetryMax      time.Duration     `koanf:"retry_max" help:"longest pause between attempts"`
	GiveUp        time.Duration     `koanf:"give_up" help:"how old a notification may be and still be sent; quiet hours count"`
	SweepInterval time.Duration     `koanf:"sweep_interval" help:"how often notifications whose quiet hours are over are looked for"`
	Guard         resilience.Config `koanf:"guard"`
}

// Defaults gives a notification a day.
func Defaults() Config {
	guard := resilience.Defaults()
	guard.Retries = 0
	return Config{
		Listen: "127.0.0.1:8097", MaxInFlight: 8, SendTimeout: 20 * time.Second, AckWait: 40 * time.Second, MaxAttempts: 10,
		RetryFirst: 2 * time.Second, RetryMax: 5 * time.Minute, GiveUp: 24 * time.Hour, SweepInterval: 5 * time.Second, Guard: guard,
	}
}

// Files are the files by tenant; "" is calls without one.
func (c Config) Files() (map[string]string, error) {
	return restcall.TenantFiles("connections", c.Connections)
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
		{"send_timeout", c.SendTimeout, 10 * time.Millisecond, 10 * time.Minute}, {"ack_wait", c.AckWait, time.Second, time.Hour},
		{"retry_first", c.RetryFirst, time.Millisecond, time.Minute}, {"retry_max", c.RetryMax, c.RetryFirst, time.Hour},
		{"give_up", c.GiveUp, time.Second, 30 * 24 * time.Hour}, {"sweep_interval", c.SweepInterval, 10 * time.Millisecond, time.Hour},
	} {
		if d.is < d.low || d.is > d.high {
			bad("%s: %v is not in %v..%v", d.key, d.is, d.low, d.high)
		}
	}
	if c.MaxInFlight < 1 || c.MaxInFlight > 1000 {
		bad("max_in_flight: %d is not in 1..1000", c.MaxInFlight)
	}
	if c.MaxAttempts < 1 || c.MaxAttempts > 1000 {
		bad("max_attempts: %d is not in 1..1000", c.MaxAttempts)
	}
	if c.SendTimeout >= c.AckWait {
		bad("send_timeout: %v must be below ack_wait %v", c.SendTimeout, c.AckWait)
	}
	if err := c.Guard.Validate(); err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			bad("guard.%s", line)
		}
	}
	if c.Guard.Retries != 0 {
		bad("guard.retries: must be 0: whether a request is made again depends on what became of it")
	}
	return errors.Join(errs...)
}

// label is a tenant in metrics, subjects and log lines.
func label(tenant string) string { return schemas.TenantLabel(tenant) }
