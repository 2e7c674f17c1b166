package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/orchestrator/dialog/conversation"
)

type flowTestFlags struct {
	conversations, run string
	verbose            bool
}

func flowTestCommand() *cobra.Command {
	var flags flowTestFlags
	cmd := &cobra.Command{
		Use: "test [FLOW...]", Short: "Lead the conversations of flows and report what goes otherwise than written",
		Long: `Lead the conversations in the folder "conversations" of each FLOW, or in the
folder --conversations, and report what goes otherwise than written there; without
FLOW those of the built-in flows. docs/dialogue.md describes the format. Exit
code 1 when a conversation fails.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			only, err := regexp.Compile(flags.run)
			if err != nil {
				return &usageError{cmd.CommandPath(), fmt.Errorf("--run: %w", err)}
			}
			if flags.conversations != "" && len(args) != 1 {
				return &usageError{cmd.CommandPath(), errors.New("--conversations wants one FLOW")}
			}
			failed := 0
			for _, name := range flowsOf(args) {
				n, err := testFlow(cmd.OutOrStdout(), name, flags, only)
				if err != nil {
					return err
				}
				failed += n
			}
			if failed > 0 {
				return errSilent
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.conversations, "conversations", "", "folder of the conversations and of their shop.yaml; default the flow's own")
	f.StringVar(&flags.run, "run", "", "only conversations whose name matches this regular expression")
	f.BoolVarP(&flags.verbose, "verbose", "v", false, "name the conversations that pass as well")
	return cmd
}

var errNoConversations = errors.New("there are no conversations")

// testFlow gives the number of conversations that failed.
func testFlow(out io.Writer, name string, flags flowTestFlags, only *regexp.Regexp) (failed int, err error) {
	flow, folder, err := loadFlow(name)
	if err != nil {
		return 0, err
	}
	var shown string
	if flags.conversations != "" {
		folder, shown = os.DirFS(flags.conversations), strings.TrimRight(flags.conversations, "/")+"/"
	} else if folder, err = fs.Sub(folder, dialog.ConversationsFolder); err != nil {
		return 0, err
	}
	all, err := conversation.Load(folder, ".")
	if err != nil {
		return 0, &flowError{shown, err}
	}
	shop, err := conversation.LoadShop(folder, conversation.ShopFile)
	if err != nil {
		return 0, &flowError{shown, err}
	}
	began, ran := time.Now(), 0
	for _, c := range all {
		if !only.MatchString(c.Name) {
			continue
		}
		ran++
		r := conversation.Run(flow, shop, c)
		switch {
		case !r.Passed():
			failed++
			fmt.Fprintf(out, "FAIL  %s  (%s:%d)\n", c.Name, path.Join(shown, c.File), c.Line)
			for _, f := range r.Failures {
				fmt.Fprintf(out, "      %s\n", strings.ReplaceAll(f.String(), "\n", "\n      "))
			}
		case flags.verbose:
			fmt.Fprintf(out, "ok    %s\n", c.Name)
		}
	}
	if ran == 0 {
		return 0, fmt.Errorf("%s: %w", name, errNoConversations)
	}
	fmt.Fprintf(out, "%s (%s %s, %s): %d of %d conversations passed in %s\n", name, flow.Name(), flow.Version(),
		flow.Language(), ran-failed, ran, time.Since(began).Round(time.Millisecond))
	return failed, nil
}
