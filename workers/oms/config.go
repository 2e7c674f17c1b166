package oms

import (
	"errors"
	"fmt"
	"time"

	"github.com/tidegate/tidegate/internal/config"
)

// Config is how patient and how wide the worker is.
type Config struct {
	Budget      time.Duration `koanf:"budget" help:"time for a look-up whose asker names none"`
	MaxBudget   time.Duration `koanf:"max_budget" help:"time for a look-up at most, whatever its asker names"`
	Patience    time.Duration `koanf:"patience" help:"how long a look-up goes on for those who ask again, its attempts together"`
	MaxInFlight int           `koanf:"max_in_flight" help:"look-ups at the same time; more are refused at once"`
	Systems     []string      `koanf:"systems" help:"order systems of tenants, TENANT=FILE (a REST description, docs/connect-your-oms.md) or TENANT=builtin; other tenants have the built-in database"`
	Seed        bool          `koanf:"seed" help:"fill the built-in shop with its example customers and orders at start; on in 'up'"`
	System      GuardConfig   `koanf:"system"`
	Cache       CacheConfig   `koanf:"cache"`
	Writes      WritesConfig  `koanf:"writes"`
}

// Defaults fits a dialogue that goes on talking after 800 ms, and asks again.
func Defaults() Config {
	return Config{
		Budget: 800 * time.Millisecond, MaxBudget: 5 * time.Second, Patience: 8 * time.Second, MaxInFlight: 256,
		System: GuardDefaults(), Cache: CacheDefaults(), Writes: WritesDefaults(),
	}
}

// Validate names every key that is wrong.
func (c Config) Validate() error {
	var errs []error
	if c.Budget <= 0 {
		errs = append(errs, fmt.Errorf("budget: %v is not above 0s", c.Budget))
	}
	if c.MaxBudget < c.Budget || c.MaxBudget > time.Minute {
		errs = append(errs, fmt.Errorf("max_budget: %v is not between budget and 1m", c.MaxBudget))
	}
	if c.Patience < c.Budget || c.Patience > time.Minute {
		errs = append(errs, fmt.Errorf("patience: %v is not between budget and 1m", c.Patience))
	}
	if c.MaxInFlight < 1 || c.MaxInFlight > 10000 {
		errs = append(errs, fmt.Errorf("max_in_flight: %d is not in 1..10000", c.MaxInFlight))
	}
	if c.Writes.AckWait <= c.System.WriteTimeout {
		errs = append(errs, fmt.Errorf("writes.ack_wait: %v is not above system.write_timeout", c.Writes.AckWait))
	}
	for prefix, err := range map[string]error{"system": c.System.Validate(), "cache": c.Cache.Validate(), "writes": c.Writes.Validate()} {
		for _, e := range config.Errors(err) {
			errs = append(errs, fmt.Errorf("%s.%w", prefix, e))
		}
	}
	if _, err := c.TenantSystems(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
