package esl

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/tidegate/tidegate/internal/config"
)

// NodeConfig configures the link to one FreeSWITCH node.
type NodeConfig struct {
	Name             string        `koanf:"name" help:"name of the node in metrics and logs; empty: its address"`
	Address          string        `koanf:"address" help:"host:port of the node's event socket"`
	Password         config.Secret `koanf:"password" help:"password of the node's event socket"`
	ConnectTimeout   time.Duration `koanf:"connect_timeout" help:"time to connect and log in"`
	CommandTimeout   time.Duration `koanf:"command_timeout" help:"time for the reply to one command"`
	PingInterval     time.Duration `koanf:"ping_interval" help:"how often the command connection is tried"`
	HeartbeatTimeout time.Duration `koanf:"heartbeat_timeout" help:"longest silence of the event connection; FreeSWITCH beats every 20s"`
	BackoffMin       time.Duration `koanf:"backoff_min" help:"first pause before linking again"`
	BackoffMax       time.Duration `koanf:"backoff_max" help:"longest pause before linking again"`
	MaxOriginates    int           `koanf:"max_originates" help:"calls being placed at once"`
	QueueSize        int           `koanf:"queue_size" help:"node events that may wait; more are dropped and counted"`
	Events           []string      `koanf:"events" help:"further event names to subscribe to; only what no call's socket brings"`
}

// NodeDefaults are values for a production network; address and password are missing.
func NodeDefaults() NodeConfig {
	return NodeConfig{
		ConnectTimeout: 5 * time.Second, CommandTimeout: 10 * time.Second, PingInterval: 10 * time.Second,
		HeartbeatTimeout: 50 * time.Second, BackoffMin: 250 * time.Millisecond, BackoffMax: 15 * time.Second,
		MaxOriginates: 20, QueueSize: 1024,
	}
}

// Validate names every key that is wrong.
func (c NodeConfig) Validate() error {
	var errs []error
	bad := func(key, why string) { errs = append(errs, fmt.Errorf("%s: %s", key, why)) }
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		bad("address", err.Error())
	}
	if _, err := authenticate(c.Password.Reveal()); err != nil {
		bad("password", "must be set, without line ends")
	}
	for _, d := range []struct {
		key string
		is  time.Duration
	}{
		{"connect_timeout", c.ConnectTimeout}, {"command_timeout", c.CommandTimeout}, {"ping_interval", c.PingInterval},
		{"heartbeat_timeout", c.HeartbeatTimeout}, {"backoff_min", c.BackoffMin}, {"backoff_max", c.BackoffMax},
	} {
		if d.is <= 0 {
			bad(d.key, "must be positive")
		}
	}
	if c.BackoffMax < c.BackoffMin {
		bad("backoff_max", "must not be below backoff_min")
	}
	if c.MaxOriginates < 1 {
		bad("max_originates", "must be at least 1")
	}
	if c.QueueSize < 16 {
		bad("queue_size", "must be at least 16")
	}
	for _, e := range c.Events {
		if name("event", e, "_:") != nil {
			bad("events", "not an event name: "+e)
		}
	}
	return errors.Join(errs...)
}
