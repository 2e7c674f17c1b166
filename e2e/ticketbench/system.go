package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/internal/vault"
)

// system is what is measured, and who asks.
type system struct {
	options
	dir, dsn, ops string
	cluster       *storetest.Cluster
	vault         *vault.Vault // nil: plain
	keys          string
	nats, service *child
	bus           *bus.Bus // the askers'
	url           string
}

// startSystem starts everything but the service.
func startSystem(ctx context.Context, o options) (s *system, err error) {
	s = &system{options: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "tidegate-bench-"); err != nil {
		return nil, err
	}
	if err := s.makeKeys(); err != nil {
		return nil, err
	}
	settings := []string{"fsync=" + onOff(o.fsync), "full_page_writes=" + onOff(o.fsync), "shared_buffers=256MB", "max_wal_size=2GB"}
	if o.statements {
		settings = append(settings, "shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track_planning=on")
	}
	if s.cluster, err = storetest.NewCluster(settings...); err != nil {
		return nil, err
	}
	if s.dsn, err = s.cluster.Database(); err != nil {
		return nil, err
	}
	if s.nats, err = launch(s.dir, roleNATS, nil, filepath.Join(s.dir, "nats")); err != nil {
		return nil, err
	}
	line, err := s.nats.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("NATS: %w", err)
	}
	s.url = strings.TrimSpace(line)
	cfg := bus.Defaults()
	cfg.URL = s.url
	if s.bus, err = bus.Connect(ctx, cfg, bus.Deps{Source: "/tidegate/bench"}); err != nil {
		return nil, err
	}
	return s, s.makeTables(ctx)
}

func (s *system) makeKeys() (err error) {
	if s.plain {
		return nil
	}
	var k vault.Keys
	k.Generate(time.Now(), true)
	text, err := k.YAML()
	if err != nil {
		return err
	}
	s.keys = filepath.Join(s.dir, "keys.yaml")
	if err := os.WriteFile(s.keys, text, 0o600); err != nil {
		return err
	}
	s.vault, err = vault.New(k)
	return err
}

func (s *system) makeTables(ctx context.Context) error {
	cfg := store.Defaults()
	cfg.DSN = config.Secret(s.dsn)
	st, err := store.Open(ctx, cfg, store.Deps{Vault: s.vault})
	if err != nil {
		return err
	}
	return st.Close()
}

// startService starts a worker as the command line does, with its defaults
// but for what settings say.
func (s *system) startService(ctx context.Context, worker string, settings ...string) (err error) {
	if s.ops, err = freeAddress(); err != nil {
		return err
	}
	env := []string{
		"TIDEGATE_NATS_URL=" + s.url, "TIDEGATE_STORE_DSN=" + s.dsn, "TIDEGATE_OPS_LISTEN=" + s.ops,
		"TIDEGATE_STORE_MAX_OPEN=" + strconv.Itoa(s.connections),
	}
	if s.plain {
		env = append(env, "TIDEGATE_STORE_VAULT_ALLOW_PLAIN=true")
	} else {
		env = append(env, "TIDEGATE_STORE_VAULT_KEYS_FILE="+s.keys)
	}
	if s.profile != "" {
		path, err := filepath.Abs(s.profile)
		if err != nil {
			return err
		}
		env = append(env, profileEnv+"="+path)
	}
	if s.service, err = launch(s.dir, roleService, append(env, settings...), "worker", worker); err != nil {
		return err
	}
	if err := ready(ctx, s.ops); err != nil {
		log, _ := os.ReadFile(filepath.Join(s.dir, roleService+".log"))
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(log[max(0, len(log)-2000):]))
	}
	return nil
}

func (s *system) stop() error {
	var errs []error
	if s.service != nil {
		errs = append(errs, s.service.stop())
	}
	if s.bus != nil {
		errs = append(errs, s.bus.Close())
	}
	if s.nats != nil {
		errs = append(errs, s.nats.stop())
	}
	if s.cluster != nil {
		errs = append(errs, s.cluster.Remove())
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}
