package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/tts"
)

type callFlags struct {
	target, api, record, engine string
	live                        bool
	token                       config.Secret
}

func callCommand() *cobra.Command {
	var flags callFlags
	cmd := &cobra.Command{
		Use:   "call SCENARIO",
		Short: "Place a simulated call and check what came of it",
		Long: `Place a simulated call over real SIP and RTP. SCENARIO is a YAML file, or one
of: ` + strings.Join(scenarios.Names(), ", ") + `.

Prints one JSON object: when the call was answered, when the first prompt was
heard, how long each answer took, and what the records say. Exit code 0: all as
the scenario expects; 1: not all; 2: the call could not be carried out.`,
		Args: exactly(1, "one SCENARIO"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := load(cmd, nil)
			if err == nil {
				err = cfg.validate([]string{"log", "asr", "tts"})
			}
			if err != nil {
				return &configError{err}
			}
			flags.complete(cfg)
			return runCall(cmd, cfg, flags, args[0])
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.target, "target", "", "SIP address to call; default the stand-in switch of this configuration")
	f.StringVar(&flags.api, "api", "", "base address of the records' API; default the console of this configuration")
	f.StringVar(&flags.record, "record", "", "write both sides into this stereo WAV file")
	f.StringVar(&flags.engine, "voice-engine", "", "synthesis engine that speaks for the caller; default tts.engine")
	f.BoolVar(&flags.live, "live", false, "show on standard error what happens, as it happens")
	addConfigFlagsOf(cmd, "log", "asr", "tts")
	return cmd
}

func (f *callFlags) complete(cfg *Config) {
	if f.target == "" {
		f.target = "sip:" + cfg.Devswitch.SIPListen
	}
	if f.api == "" {
		host, port, err := net.SplitHostPort(cfg.Console.Listen)
		if err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
			host = "127.0.0.1"
		}
		f.api = "http://" + net.JoinHostPort(host, port)
	}
	if f.engine != "" {
		cfg.TTS.Engine = f.engine
	}
	f.token = cfg.Console.Token
}

func runCall(cmd *cobra.Command, cfg *Config, flags callFlags, name string) error {
	sc, err := scenarios.Load(name)
	if err != nil {
		return &usageError{cmd.CommandPath(), err}
	}
	engine, err := tts.NewEngine(cfg.TTS)
	if err != nil {
		return err
	}
	defer func() { _ = engine.Close() }()
	ears, err := callersEars(cfg.ASR, sc)
	if err != nil {
		return err
	}
	if ears != nil {
		defer func() { _ = ears.Close() }()
	}
	stderr := visibleWriter{cmd.ErrOrStderr()}
	onEvent := func(caller.Event) {}
	if flags.live {
		onEvent = func(ev caller.Event) { showEvent(stderr, ev) }
	}
	res, err := caller.Run(cmd.Context(), caller.Options{
		Target: flags.target, Scenario: sc, Engine: engine, Ears: ears, RecordPath: flags.record, APIURL: flags.api,
		APIToken: flags.token.Reveal(), Log: obs.NewLogger(stderr, cfg.Log), OnEvent: onEvent,
	})
	if printErr := printJSON(visibleWriter{cmd.OutOrStdout()}, res); printErr != nil {
		return errors.Join(err, printErr)
	}
	switch code := caller.ExitCode(res, err); code {
	case caller.ExitOK:
		return nil
	case caller.ExitFailed:
		return errSilent
	default:
		return &exitError{code, err}
	}
}

// showEvent prints what happened on one line.
func showEvent(w io.Writer, ev caller.Event) {
	fmt.Fprintf(w, "%8.3fs %s %s\n", ev.At.Seconds(), line(string(ev.Kind)), line(ev.Text))
}

// errDeaf: a scenario whose caller answers to what it hears was to be run
// without a recogniser.
var errDeaf = errors.New("the scenario's caller listens, and there is no recogniser to listen with")

// callersEars are what the caller of a scenario hears with; nil for one who
// says its lines whatever it hears.
func callersEars(cfg asr.Config, sc scenarios.Scenario) (asr.Engine, error) {
	if !sc.Listens() {
		return nil, nil
	}
	engine, err := asr.NewEngine(cfg, asr.Deps{})
	if err == nil && engine.Name() == asr.EngineScripted {
		return nil, errors.Join(errDeaf, engine.Close())
	}
	return engine, err
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// exitError asks for an exit code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }
