package oms

import (
	"errors"
	"fmt"
	"time"
)

// WritesConfig is how what callers want is written to order systems.
type WritesConfig struct {
	Enabled     bool          `koanf:"enabled" help:"create returns, cancel orders and stop parcels when their tickets are opened; off: people do it"`
	MaxInFlight int           `koanf:"max_in_flight" help:"writes worked on at the same time"`
	AckWait     time.Duration `koanf:"ack_wait" help:"a write not finished by then goes to another worker"`
	MaxAttempts int           `koanf:"max_attempts" help:"attempts before a write goes to the dead letters and its ticket to people"`
	RetryFirst  time.Duration `koanf:"retry_first" help:"pause after the first failure; it doubles"`
	RetryMax    time.Duration `koanf:"retry_max" help:"longest pause between attempts"`
}

// WritesDefaults keeps trying for about an hour and a half.
func WritesDefaults() WritesConfig {
	return WritesConfig{
		Enabled: true, MaxInFlight: 16, AckWait: time.Minute, MaxAttempts: 25, RetryFirst: 500 * time.Millisecond, RetryMax: 5 * time.Minute,
	}
}

// Validate names every key that is wrong.
func (c WritesConfig) Validate() error {
	var errs []error
	between := func(key string, d, low, high time.Duration) {
		if d < low || d > high {
			errs = append(errs, fmt.Errorf("%s: %v is not in %v..%v", key, d, low, high))
		}
	}
	between("ack_wait", c.AckWait, time.Second, time.Hour)
	between("retry_first", c.RetryFirst, time.Millisecond, time.Minute)
	between("retry_max", c.RetryMax, c.RetryFirst, time.Hour)
	if c.MaxInFlight < 1 || c.MaxInFlight > 10000 {
		errs = append(errs, fmt.Errorf("max_in_flight: %d is not in 1..10000", c.MaxInFlight))
	}
	if c.MaxAttempts < 1 || c.MaxAttempts > 100000 {
		errs = append(errs, fmt.Errorf("max_attempts: %d is not in 1..100000", c.MaxAttempts))
	}
	return errors.Join(errs...)
}
