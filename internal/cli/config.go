package cli

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/console"
	"github.com/tidegate/tidegate/devswitch"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/internal/retention"
	"github.com/tidegate/tidegate/internal/speechmodel"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/mediabridge"
	"github.com/tidegate/tidegate/orchestrator"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/notify"
	"github.com/tidegate/tidegate/workers/oms"
	"github.com/tidegate/tidegate/workers/ticket"
	"github.com/tidegate/tidegate/workers/ticket/link"
	"github.com/tidegate/tidegate/workers/tts"
)

// Config is the whole configuration; one file serves every service, and each
// reads its own sections.
type Config struct {
	Log          obs.LogConfig       `koanf:"log"`
	Ops          OpsConfig           `koanf:"ops"`
	NATS         bus.Config          `koanf:"nats"`
	Store        store.Config        `koanf:"store"`
	Orchestrator orchestrator.Config `koanf:"orchestrator"`
	Mediabridge  mediabridge.Config  `koanf:"mediabridge"`
	Models       speechmodel.Config  `koanf:"models"`
	ASR          asr.Config          `koanf:"asr"`
	TTS          tts.Config          `koanf:"tts"`
	OMS          oms.Config          `koanf:"oms"`
	Ticket       ticket.Config       `koanf:"ticket"`
	TicketLink   link.Config         `koanf:"ticket_link"`
	Notify       notify.Config       `koanf:"notify"`
	Retention    retention.Config    `koanf:"retention"`
	Console      console.Config      `koanf:"console"`
	Devswitch    devswitch.Config    `koanf:"devswitch"`
	Up           UpConfig            `koanf:"up"`
}

// OpsConfig is what operators see and how a process ends.
type OpsConfig struct {
	Listen     string        `koanf:"listen" help:"address of /metrics, /healthz and /readyz"`
	DrainLimit time.Duration `koanf:"drain_limit" help:"after the first signal, how long calls in progress may take to end"`
	StopLimit  time.Duration `koanf:"stop_limit" help:"how long everything may take to stop after draining"`
}

// Validate reports every field that cannot work.
func (c OpsConfig) Validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		errs = append(errs, fmt.Errorf("listen: must be HOST:PORT, is %q", c.Listen))
	}
	if c.DrainLimit <= 0 {
		errs = append(errs, errors.New("drain_limit: must be more than 0"))
	}
	if c.StopLimit <= 0 {
		errs = append(errs, errors.New("stop_limit: must be more than 0"))
	}
	return errors.Join(errs...)
}

// UpConfig is what 'tidegate up' adds.
type UpConfig struct {
	DataDir    string `koanf:"data_dir" help:"directory of the embedded NATS, the SQLite database and its keys, the spool, the fixed prompts and the speech models"`
	NATSListen string `koanf:"nats_listen" help:"address of the embedded NATS server, used when nats.url is empty"`
	Devswitch  bool   `koanf:"devswitch" help:"run the stand-in switch; false: a FreeSWITCH hands calls to orchestrator.esl.listen"`
}

// Validate reports every field that cannot work.
func (c UpConfig) Validate() error {
	var errs []error
	if c.DataDir == "" {
		errs = append(errs, errors.New("data_dir: must be set"))
	}
	if _, _, err := net.SplitHostPort(c.NATSListen); err != nil {
		errs = append(errs, fmt.Errorf("nats_listen: must be HOST:PORT, is %q", c.NATSListen))
	}
	return errors.Join(errs...)
}

// Defaults is the configuration before any source was read.
func Defaults() Config {
	return Config{
		Log:  obs.LogDefaults(),
		Ops:  OpsConfig{Listen: "127.0.0.1:9464", DrainLimit: 10 * time.Minute, StopLimit: 20 * time.Second},
		NATS: bus.Defaults(), Store: store.Defaults(), Orchestrator: orchestrator.Defaults(), Mediabridge: mediabridge.Defaults(),
		Models: speechmodel.Defaults(), ASR: asr.Defaults(), TTS: tts.Defaults(), OMS: oms.Defaults(), Ticket: ticket.Defaults(), TicketLink: link.Defaults(),
		Notify: notify.Defaults(), Retention: retention.Defaults(), Console: console.Defaults(),
		Devswitch: devswitch.Defaults(),
		Up:        UpConfig{DataDir: "data", NATSListen: "127.0.0.1:0", Devswitch: true},
	}
}

// sections lists every section with its check, in the file's order.
func (c *Config) sections() []section {
	return []section{
		{"log", c.Log.Validate}, {"ops", c.Ops.Validate}, {"nats", c.NATS.Validate}, {"store", c.validateStore},
		{"orchestrator", c.Orchestrator.Validate}, {"mediabridge", c.Mediabridge.Validate}, {"models", c.Models.Validate}, {"asr", c.ASR.Validate},
		{"tts", c.TTS.Validate}, {"oms", c.OMS.Validate}, {"ticket", c.Ticket.Validate}, {"ticket_link", c.TicketLink.Validate},
		{"notify", c.Notify.Validate}, {"retention", c.Retention.Validate}, {"console", c.Console.Validate},
		{"devswitch", c.Devswitch.Validate}, {"up", c.Up.Validate},
	}
}

type section struct {
	name     string
	validate func() error
}

// needs lists the sections that a subcommand reads besides log and ops.
var needs = map[string][]string{
	"orchestrator": {"nats", "orchestrator"},
	"mediabridge":  {"nats", "mediabridge", "models"},
	"asr":          {"nats", "models", "asr"},
	"tts":          {"nats", "models", "tts"},
	"oms":          {"nats", "store", "oms"},
	"ticket":       {"nats", "store", "ticket", "ticket_link", "retention"},
	"notify":       {"nats", "store", "notify"},
	"console":      {"nats", "store", "console"},
	"up":           {"nats", "store", "orchestrator", "mediabridge", "models", "asr", "tts", "oms", "ticket", "ticket_link", "notify", "retention", "console", "devswitch", "up"},
}

func sectionsOf(service string) []string { return append([]string{"log", "ops"}, needs[service]...) }

// validate checks the named sections and names every error by its full key.
func (c *Config) validate(names []string) error {
	var errs []error
	for _, s := range c.sections() {
		if !slices.Contains(names, s.name) {
			continue
		}
		for _, e := range config.Errors(s.validate()) {
			if !strings.HasPrefix(e.Error(), s.name+".") {
				e = fmt.Errorf("%s.%w", s.name, e)
			}
			errs = append(errs, e)
		}
	}
	return errors.Join(errs...)
}

// load reads all sources into the defaults that prepare has adjusted.
func load(cmd *cobra.Command, prepare func(*Config)) (*Config, error) {
	cfg := Defaults()
	if prepare != nil {
		prepare(&cfg)
	}
	file, _ := cmd.Flags().GetString("config")
	if file == "" {
		file = config.DefaultFile()
	}
	err := config.Load(&cfg, config.Source{File: file, Env: os.Environ(), Flags: cmd.Flags()})
	cfg.tieModels()
	return &cfg, err
}

// loadValid is load and validate, with the errors of both at once.
func loadValid(cmd *cobra.Command, service string, prepare func(*Config)) (*Config, error) {
	cfg, err := load(cmd, prepare)
	if service == "up" {
		cfg.forUp()
	}
	if err = errors.Join(err, cfg.validate(sectionsOf(service))); err != nil {
		return nil, &configError{err}
	}
	return cfg, nil
}

// configError prints one problem per line.
type configError struct{ err error }

func (e *configError) Unwrap() error { return e.err }

func (e *configError) Error() string {
	var b strings.Builder
	b.WriteString("the configuration cannot work:")
	for _, err := range config.Errors(e.err) {
		b.WriteString("\n  " + err.Error())
	}
	return b.String()
}

// upDefaults are the defaults that 'up' has of its own.
func upDefaults(c *Config) {
	c.NATS.URL = ""
	c.OMS.Seed = true
}

// forUp ties the services of one process together: what was not configured
// and cannot have a default of its own.
func (c *Config) forUp() {
	random := func(s *config.Secret) {
		if *s == "" {
			*s = config.Secret(randomKey())
		}
	}
	// One secret between the switch's dialplan and the orchestrator, one
	// between the orchestrator and the bridge.
	share := func(a, b *config.Secret) {
		if *a == "" {
			*a = *b
		}
		random(a)
		*b = *a
	}
	share(&c.Orchestrator.ESL.Secret, &c.Devswitch.Secret)
	share(&c.Orchestrator.Fork.Secret, &c.Mediabridge.ForkSecret)
	def := Defaults()
	if c.Store.DSN == def.Store.DSN {
		c.Store.DSN = config.Secret("sqlite:" + filepath.Join(c.Up.DataDir, "tidegate.db"))
	}
	if c.TTS.CacheDir == "" {
		c.TTS.CacheDir = filepath.Join(c.Up.DataDir, "prompts")
	}
	if c.Orchestrator.Spool.Dir == def.Orchestrator.Spool.Dir {
		c.Orchestrator.Spool.Dir = filepath.Join(c.Up.DataDir, "spool")
	}
}
