package ticket

import (
	"errors"
	"fmt"
	"time"
)

// Config is how the worker works through requests.
type Config struct {
	MaxInFlight      int           `koanf:"max_in_flight" help:"requests worked on at the same time"`
	AckWait          time.Duration `koanf:"ack_wait" help:"a request not finished by then goes to another worker"`
	OpenTimeout      time.Duration `koanf:"open_timeout" help:"time for one attempt, database and publishing together"`
	MaxAttempts      int           `koanf:"max_attempts" help:"attempts before a request that fails for other reasons than an absence goes to the dead letters"`
	RetryFirst       time.Duration `koanf:"retry_first" help:"pause after the first failure; it doubles"`
	RetryMax         time.Duration `koanf:"retry_max" help:"longest pause between attempts"`
	SweepInterval    time.Duration `koanf:"sweep_interval" help:"how often facts left in the outbox are looked for"`
	SweepAge         time.Duration `koanf:"sweep_age" help:"how old a fact in the outbox is before the sweeper publishes it"`
	RulesFile        string        `koanf:"rules_file" help:"dispatch rules (YAML); empty for the built-in ones"`
	CalendarFile     string        `koanf:"calendar_file" help:"working hours and holidays (YAML) over the built-in ones of mainland China; empty for those"`
	EscalateInterval time.Duration `koanf:"escalate_interval" help:"how often tickets are looked for whose due time is near or over"`
}

// Defaults keeps retrying an absent database every half minute.
func Defaults() Config {
	return Config{
		MaxInFlight: 128, AckWait: 30 * time.Second, OpenTimeout: 10 * time.Second, MaxAttempts: 20,
		RetryFirst: 200 * time.Millisecond, RetryMax: 30 * time.Second,
		SweepInterval: 5 * time.Second, SweepAge: 15 * time.Second, EscalateInterval: 30 * time.Second,
	}
}

// Validate names every key that is wrong.
func (c Config) Validate() error {
	var errs []error
	between := func(key string, d, low, high time.Duration) {
		if d < low || d > high {
			errs = append(errs, fmt.Errorf("%s: %v is not in %v..%v", key, d, low, high))
		}
	}
	count := func(key string, n, low, high int) {
		if n < low || n > high {
			errs = append(errs, fmt.Errorf("%s: %d is not in %d..%d", key, n, low, high))
		}
	}
	count("max_in_flight", c.MaxInFlight, 1, 10000)
	count("max_attempts", c.MaxAttempts, 1, 100000)
	between("ack_wait", c.AckWait, time.Second, time.Hour)
	between("open_timeout", c.OpenTimeout, 10*time.Millisecond, time.Minute)
	between("retry_first", c.RetryFirst, time.Millisecond, time.Minute)
	between("retry_max", c.RetryMax, c.RetryFirst, time.Hour)
	between("sweep_interval", c.SweepInterval, 10*time.Millisecond, time.Hour)
	between("sweep_age", c.SweepAge, 0, time.Hour)
	between("escalate_interval", c.EscalateInterval, 10*time.Millisecond, time.Hour)
	if c.OpenTimeout >= c.AckWait {
		errs = append(errs, fmt.Errorf("open_timeout: %v must be below ack_wait %v", c.OpenTimeout, c.AckWait))
	}
	return errors.Join(errs...)
}
