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
FLOW those of the built-in flows. A FLOW that has none is led through the built-in
ones of its language. docs/dialogue.md describes the format. Exit code 1 when a
conversation fails.`,
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
					return namesNothing(cmd, err)
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

// tests are conversations with the shop that they take place in. shown is what
// their files are called in messages.
type tests struct {
	all   []conversation.Conversation
	shop  conversation.Shop
	shown string
}

// testsOf finds the conversations of a flow: those in the folder other, in the
// flow's own, or else the built-in ones of its language. Conversations without
// a shop take place in the built-in one.
func testsOf(flow *dialog.Flow, folder fs.FS, shown, other string) (tests, error) {
	t := tests{shown: shown}
	dir := dialog.ConversationsFolder
	if other != "" {
		folder, dir, t.shown = os.DirFS(other), ".", strings.TrimRight(other, "/")+"/"
	}
	if _, err := fs.Stat(folder, dir); err != nil {
		builtIn, noFlow := dialog.ShippedFlow(defaultFlow + "/" + flow.Language())
		if other != "" || noFlow != nil || !errors.Is(err, fs.ErrNotExist) {
			return t, fmt.Errorf("conversations: %w", err)
		}
		folder, t.shown = builtIn, ""
	}
	var err error
	if t.all, err = conversation.Load(folder, dir); err != nil {
		return t, &flowError{t.shown, err}
	}
	if t.shop, err = shopIn(flow, folder, dir); err != nil {
		return t, &flowError{t.shown, err}
	}
	return t, nil
}

// shopIn is the shop in a folder, or else the built-in one of the flow's
// language.
func shopIn(flow *dialog.Flow, folder fs.FS, dir string) (conversation.Shop, error) {
	shop, err := conversation.LoadShop(folder, path.Join(dir, conversation.ShopFile))
	if !errors.Is(err, fs.ErrNotExist) {
		return shop, err
	}
	builtIn, noFlow := dialog.ShippedFlow(defaultFlow + "/" + flow.Language())
	if noFlow != nil {
		return shop, err
	}
	return conversation.LoadShop(builtIn, path.Join(dialog.ConversationsFolder, conversation.ShopFile))
}

// testFlow gives the number of conversations that failed.
func testFlow(out io.Writer, name string, flags flowTestFlags, only *regexp.Regexp) (failed int, err error) {
	folder, shown, err := openFlow(name)
	if err != nil {
		return 0, err
	}
	flow, err := dialog.LoadFlow(folder, ".")
	if err != nil {
		return 0, &flowError{shown, err}
	}
	t, err := testsOf(flow, folder, shown, flags.conversations)
	if err != nil {
		return 0, err
	}
	began, ran := time.Now(), 0
	for _, c := range t.all {
		if !only.MatchString(c.Name) {
			continue
		}
		ran++
		r := conversation.Run(flow, t.shop, c)
		switch {
		case !r.Passed():
			failed++
			fmt.Fprintf(out, "FAIL  %s  (%s%s:%d)\n", c.Name, t.shown, c.File, c.Line)
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
