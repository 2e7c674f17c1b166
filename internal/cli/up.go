package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/console"
	"github.com/tidegate/tidegate/devswitch"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/lifecycle"
	"github.com/tidegate/tidegate/mediabridge"
	"github.com/tidegate/tidegate/orchestrator"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/tts"

	"github.com/tidegate/tidegate/e2e/scenarios"
)

// up is a process with every service in it.
type up struct {
	*process
	out          io.Writer
	nats         *bus.Embedded
	lock         *os.File
	asr          *asr.Service
	tts          *tts.Service
	bridge       *mediabridge.Service
	console      *console.Service
	orchestrator *orchestrator.Service
	devswitch    *devswitch.Service
}

type demoFlags struct {
	demo, exit bool
}

func upCommand() *cobra.Command {
	var flags demoFlags
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run everything in one process, ready to be called",
		Long: `Run every service in one process: an embedded NATS server (JetStream in the
data directory), SQLite, and the stand-in switch, which any SIP phone can call.
A NATS cluster, PostgreSQL or FreeSWITCH is used by naming it: nats.url,
store.dsn, up.devswitch=false with orchestrator.nodes.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadValid(cmd, "up", func(c *Config) {
				upDefaults(c)
				if flags.demo {
					// The conversations are what is to be read.
					c.Log.Level = "warn"
				}
			})
			if err != nil {
				return err
			}
			if flags.exit && !flags.demo {
				return &usageError{cmd.CommandPath(), errors.New("--exit goes with --demo")}
			}
			if flags.demo && !cfg.Up.Devswitch {
				return &usageError{cmd.CommandPath(), errors.New("--demo calls the stand-in switch; up.devswitch is false")}
			}
			return runUp(cmd.Context(), cfg, flags, cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&flags.demo, "demo", false, "place a few simulated calls and show their conversations")
	cmd.Flags().BoolVar(&flags.exit, "exit", false, "with --demo: end after the calls; exit code 1 when one did not go as its scenario says")
	addConfigFlags(cmd, "up")
	return cmd
}

func runUp(parent context.Context, cfg *Config, flags demoFlags, out io.Writer) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	u := &up{process: newProcess(cfg), out: out}
	var demoErr error
	demoDone := make(chan struct{})
	err := u.run(ctx, u.start, func(ctx context.Context) {
		u.announce(out)
		if !flags.demo {
			close(demoDone)
			return
		}
		go func() {
			defer close(demoDone)
			demoErr = u.demo(ctx, out, !flags.exit)
			if flags.exit {
				cancel()
			}
		}()
	})
	if !flags.demo || ctx.Err() == nil {
		cancel()
	}
	if err == nil && flags.demo {
		<-demoDone
		if flags.exit {
			err = demoErr
		}
	}
	return err
}

func (u *up) start(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		u.lockData, u.startNATS,
		func(ctx context.Context) error { return u.startBus(ctx, "up") },
		u.startSpeech, u.startBridge,
		u.startOMS, u.startTicket, u.startTold, u.startPage, u.startCalls,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// errBusy: two processes on one data directory would spoil it.
var errBusy = errors.New("another tidegate uses the data directory")

func (u *up) lockData(ctx context.Context) error {
	dir := u.cfg.Up.DataDir
	return u.group.Start(ctx, lifecycle.Part{
		Name: "data",
		Start: func(context.Context) error {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
			f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
			if err != nil {
				return err
			}
			if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
				_ = f.Close()
				return fmt.Errorf("%w %s (set up.data_dir)", errBusy, dir)
			}
			u.lock = f
			return nil
		},
		Stop: func(context.Context) error { return u.lock.Close() },
	})
}

func (u *up) startNATS(ctx context.Context) error {
	if u.cfg.NATS.URL != "" {
		return nil
	}
	return u.group.Start(ctx, lifecycle.Part{
		Name: "embedded NATS",
		Start: func(context.Context) (err error) {
			u.nats, err = bus.StartEmbedded(bus.EmbeddedConfig{
				Listen: u.cfg.Up.NATSListen, StoreDir: filepath.Join(u.cfg.Up.DataDir, "nats"), Log: u.log,
			})
			if err == nil {
				u.cfg.NATS.URL = u.nats.URL()
			}
			return err
		},
		Stop: func(context.Context) error { u.nats.Stop(); return nil },
	})
}

func (u *up) startSpeech(ctx context.Context) (err error) {
	if err := u.suitCallers(); err != nil {
		return err
	}
	u.asr, err = asr.New(u.cfg.ASR, asr.Deps{Log: u.log, Registry: u.reg, Bus: u.bus, Lines: scenarios.Lines})
	if err = u.startService(ctx, "asr", u.asr, err); err != nil {
		return err
	}
	u.tts, err = tts.New(u.cfg.TTS, tts.Deps{Log: u.log, Registry: u.reg, Bus: u.bus})
	return u.startService(ctx, "tts", u.tts, err)
}

// suitCallers lets scenarios be played where nothing was configured and the
// simulated callers speak in tones: those only a script understands.
func (u *up) suitCallers() error {
	if c := u.cfg.ASR; c.Engine != asr.EngineAuto || c.Sherpa.Model != "" {
		return nil
	}
	voice, err := callersVoice(u.cfg.TTS)
	if err != nil {
		return fmt.Errorf("tts: %w", err)
	}
	if voice.Name() == tts.EngineTone {
		u.log.Warn("simulated callers speak in tones: recognition plays their scenarios")
		u.cfg.ASR.Engine = asr.EngineScripted
	}
	return voice.Close()
}

func (u *up) startBridge(ctx context.Context) (err error) {
	u.bridge, err = mediabridge.New(u.cfg.Mediabridge, mediabridge.Deps{Log: u.log, Registry: u.reg, Bus: u.bus, Models: u.models})
	if err = u.startService(ctx, "mediabridge", u.bridge, err); err != nil {
		return err
	}
	if o, def := &u.cfg.Orchestrator, Defaults(); equal(o.Fork.Bridges, def.Orchestrator.Fork.Bridges) {
		o.Fork.Bridges = []string{u.bridge.URL()}
	}
	return nil
}

// startTold tells callers what became of their requests, where that is
// configured.
func (u *up) startTold(ctx context.Context) error {
	if len(u.cfg.Notify.Connections) == 0 {
		return nil
	}
	return u.startNotify(ctx)
}

func (u *up) startPage(ctx context.Context) (err error) {
	u.console, err = u.newConsole()
	if err = u.startService(ctx, "console", u.console, err); err != nil {
		return err
	}
	if o := &u.cfg.Orchestrator; o.RecordURL == Defaults().Orchestrator.RecordURL {
		o.RecordURL = u.apiURL() + "calls/"
	}
	return nil
}

func (u *up) apiURL() string { return "http://" + u.console.Addr() + "/api/v1/" }

func (u *up) startCalls(ctx context.Context) (err error) {
	o := &u.cfg.Orchestrator
	if u.cfg.Up.Devswitch && len(o.Nodes) == 0 {
		o.Nodes, o.NodePassword = []string{u.cfg.Devswitch.EventSocketListen}, u.cfg.Devswitch.EventSocketPassword
	}
	if u.orchestrator, err = orchestrator.New(*o, orchestrator.Deps{Log: u.log, Registry: u.reg, Bus: u.bus}); err != nil {
		return fmt.Errorf("orchestrator: %w", err)
	}
	if err := u.prewarm(ctx); err != nil {
		return err
	}
	// The switch first, when it can know where to send calls: the
	// orchestrator's link to it then stands at once.
	_, port, _ := net.SplitHostPort(o.ESL.Listen)
	steps := []func(context.Context) error{
		func(ctx context.Context) error { return u.startSwitch(ctx, o.ESL.Listen) },
		func(ctx context.Context) error { return u.startService(ctx, "orchestrator", u.orchestrator, nil) },
	}
	if port == "0" {
		steps[0], steps[1] = steps[1], func(ctx context.Context) error { return u.startSwitch(ctx, u.orchestrator.Addr()) }
	}
	return errors.Join(steps[0](ctx), steps[1](ctx))
}

func (u *up) startSwitch(ctx context.Context, socket string) (err error) {
	if !u.cfg.Up.Devswitch {
		return nil
	}
	d := &u.cfg.Devswitch
	if equal(d.Sockets, Defaults().Devswitch.Sockets) {
		// Twice, as in the dialplan of a real node: after a crash the same
		// address may answer again.
		d.Sockets = []string{socket, socket}
	}
	u.devswitch, err = devswitch.New(*d, devswitch.Deps{Log: u.log, Registerer: u.reg})
	return u.startService(ctx, "devswitch", u.devswitch, err)
}

func equal(a, b []string) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

func (u *up) announce(out io.Writer) {
	p := func(format string, a ...any) { fmt.Fprintf(out, format+"\n", a...) }
	p("\nTidegate is up.")
	if u.devswitch != nil {
		p("  call      sip:4008@%s  (any SIP phone; the stand-in switch, for development)", u.devswitch.SIPAddr())
	} else {
		p("  calls     FreeSWITCH hands them to %s", u.orchestrator.Addr())
	}
	p("  page      http://%s/", u.console.Addr())
	p("  API       %scalls", u.apiURL())
	p("  metrics   http://%s/metrics", u.cfg.Ops.Listen)
	p("  NATS      %s", u.cfg.NATS.URL)
	p("  data      %s", u.cfg.Up.DataDir)
	p("  speech    recognition %s, synthesis %s", u.asr.Engine(), u.tts.Engine())
	if u.asr.Engine() == asr.EngineScripted {
		p("            simulated callers only: a live caller is heard, but understood by keypad alone")
	} else if u.asr.Synthetic() {
		p("            the built-in model understands simulated callers; a live caller needs another one (tidegate models), or the keypad")
	}
	p("  try       tidegate call return")
	p("Ctrl-C lets calls in progress end; twice hangs them up.\n")
}
