// Package cli is the command line: a subcommand per service, and the tools.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// errSilent: the command has said what failed; only the exit code is left.
var errSilent = errors.New("failed")

// Run executes the command line and returns the exit code: 0 done, 1 failed,
// 2 wrong usage or configuration.
func Run(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var cfg *configError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSilent):
		return 1
	case errors.As(err, &cfg):
		fmt.Fprintln(os.Stderr, "tidegate:", err)
		return 2
	}
	fmt.Fprintln(os.Stderr, "tidegate:", err)
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.code
	}
	var usage *usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(os.Stderr, "see '%s --help'\n", usage.command)
		return 2
	}
	return 1
}

type usageError struct {
	command string
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "tidegate",
		Short: "An AI telephone agent for the returns surge of online shops",
		Long: `Tidegate answers an online shop's telephone: it understands what the caller
wants, finds the order, opens the ticket during the call, and hands over to a
human whenever the caller asks for one.

'tidegate up' runs everything in one process, ready to be called.`,
		SilenceUsage: true, SilenceErrors: true, Version: version(),
	}
	root.SetVersionTemplate("tidegate {{.Version}}\n" + engines() + "\n")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return &usageError{c.CommandPath(), err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	worker := &cobra.Command{Use: "worker", Short: "Run one worker: asr, tts, oms, ticket or notify", Args: unknownSubcommand, RunE: needSubcommand}
	worker.AddCommand(
		serviceCommand("asr", "Run the speech recognition worker", (*process).startASR),
		serviceCommand("tts", "Run the speech synthesis worker", (*process).startTTS),
		serviceCommand("oms", "Run the order worker", (*process).startOMS),
		serviceCommand("ticket", "Run the ticket worker", (*process).startTicket),
		serviceCommand("notify", "Run the notification worker: SMS and messages to callers", (*process).startNotify),
	)
	root.AddCommand(
		upCommand(),
		serviceCommand("orchestrator", "Run the orchestrator: takes calls from FreeSWITCH and leads them", (*process).startOrchestrator),
		serviceCommand("mediabridge", "Run the media bridge: the calls' sound", (*process).startMediabridge),
		worker,
		serviceCommand("console", "Run the console: records of calls and tickets, API and page", (*process).startConsole),
		callCommand(), chatCommand(), flowCommand(), modelsCommand(), nluCommand(), checkConfigCommand(), schemaCommand(),
		apikeyCommand(), dlqCommand(), omsCommand(), ticketCommand(), notifyCommand(), keysCommand(), retentionCommand(),
	)
	root.Args, root.RunE = unknownSubcommand, needSubcommand
	return root
}

func unknownSubcommand(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{c.CommandPath(), fmt.Errorf("unknown command %q for %q", args[0], c.CommandPath())}
	}
	return nil
}

func needSubcommand(c *cobra.Command, _ []string) error {
	_ = c.Help()
	return errSilent
}

// exactly is cobra.ExactArgs as a usage error.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return &usageError{c.CommandPath(), fmt.Errorf("%s wants %s, got %d arguments", c.CommandPath(), what, len(args))}
		}
		return nil
	}
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "devel"
	}
	return info.Main.Version
}
