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
	stderr := visibleWriter{os.Stderr} // errors repeat what other systems said
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSilent):
		return 1
	case errors.As(err, &cfg):
		fmt.Fprintln(stderr, "tidegate:", err)
		return 2
	}
	fmt.Fprintln(stderr, "tidegate:", err)
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

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   rootName,
		Short: "An AI telephone agent for the returns surge of online shops",
		Long: `Tidegate answers an online shop's telephone: it understands what the caller
wants, finds the order, opens the ticket during the call, and hands over to a
human whenever the caller asks for one.

'tidegate up' runs everything in one process, ready to be called.`,
		SilenceUsage: true, SilenceErrors: true, Version: version(),
	}
	root.SetVersionTemplate("tidegate {{.Version}}\n" + engines() + "\n")
	root.SetFlagErrorFunc(wrongFlag)
	root.CompletionOptions.HiddenDefaultCmd = true
	worker := group(&cobra.Command{Use: "worker", Short: "Run one worker: asr, tts, oms, ticket or notify"},
		serviceCommand("asr", "Run the speech recognition worker", (*process).startASR),
		serviceCommand("tts", "Run the speech synthesis worker", (*process).startTTS),
		serviceCommand("oms", "Run the order worker", (*process).startOMS),
		serviceCommand("ticket", "Run the ticket worker", (*process).startTicket),
		serviceCommand("notify", "Run the notification worker: SMS and messages to callers", (*process).startNotify),
	)
	return group(root,
		upCommand(),
		serviceCommand("orchestrator", "Run the orchestrator: takes calls from FreeSWITCH and leads them", (*process).startOrchestrator),
		serviceCommand("mediabridge", "Run the media bridge: the calls' sound", (*process).startMediabridge),
		worker,
		serviceCommand("console", "Run the console: records of calls and tickets, API and page", (*process).startConsole),
		callCommand(), chatCommand(), flowCommand(), modelsCommand(), nluCommand(), checkConfigCommand(), schemaCommand(),
		apikeyCommand(), dlqCommand(), omsCommand(), ticketCommand(), notifyCommand(), keysCommand(), retentionCommand(),
	)
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "devel"
	}
	return info.Main.Version
}
