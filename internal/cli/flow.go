package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/orchestrator/dialog/conversation"
)

func flowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "flow", Short: "List, export, check, draw and test conversation flows",
		Long: `List, export, check, draw and test conversation flows. FLOW is a folder of YAML files
(docs/dialogue.md), or the name of a built-in flow: returns (which is returns/zh-CN).`,
	}
	return group(cmd, flowListCommand(), flowExportCommand(), flowCheckCommand(), flowGraphCommand(), flowTestCommand())
}

// defaultFlow is the built-in flow that is meant where none is named.
const defaultFlow = "returns"

// openFlow finds the folder of a flow: one on disk, or a built-in one by name.
// shown is what its files are called in messages.
func openFlow(name string) (folder fs.FS, shown string, err error) {
	if info, statErr := os.Stat(name); statErr == nil && info.IsDir() {
		return os.DirFS(name), strings.TrimRight(name, "/") + "/", nil
	}
	folder, err = dialog.ShippedFlow(name)
	if err != nil {
		return nil, "", fmt.Errorf("%w; nor is there a folder of that name", err)
	}
	return folder, "", nil
}

// namesNothing makes wrong usage of a name that no flow has. A flow with
// mistakes is none.
func namesNothing(cmd *cobra.Command, err error) error {
	if errors.Is(err, dialog.ErrNoFlow) {
		return &usageError{cmd.CommandPath(), err}
	}
	return err
}

func loadFlow(name string) (*dialog.Flow, fs.FS, error) {
	folder, shown, err := openFlow(name)
	if err != nil {
		return nil, nil, err
	}
	flow, err := dialog.LoadFlow(folder, ".")
	if err != nil {
		return nil, nil, &flowError{shown, err}
	}
	return flow, folder, nil
}

// flowError puts the folder before the files that an error names.
type flowError struct {
	folder string
	err    error
}

func (e *flowError) Unwrap() error { return e.err }

func (e *flowError) Error() string {
	lines := messages(e.err)
	for i, l := range lines {
		for _, prefix := range []error{dialog.ErrFlow, conversation.ErrFormat} {
			if rest, ok := strings.CutPrefix(l, prefix.Error()+": "); ok {
				lines[i] = e.folder + rest
			}
		}
	}
	return strings.Join(lines, "\n")
}

// flowsOf are the flows that a command line names, else all built-in ones.
func flowsOf(args []string) []string {
	if len(args) > 0 {
		return args
	}
	return dialog.ShippedFlows()
}

// counted says which flow it is, and how much is in it.
func counted(flow *dialog.Flow, conversations int) string {
	n := flow.Counts()
	return fmt.Sprintf("%s %s, %s: %d intents with %d examples, %d slots, %d questions, %d prompts, %d rules, %d conversations",
		flow.Name(), flow.Version(), flow.Language(), n.Intents, n.Examples, n.Slots, n.Questions, n.Prompts, n.Rules, conversations)
}

// checkShop finds what is wrong with the shop of a flow's conversations, which
// need not have one of their own.
func checkShop(folder fs.FS) error {
	_, err := conversation.LoadShop(folder, path.Join(dialog.ConversationsFolder, conversation.ShopFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func flowListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list [FLOW...]", Short: "List the built-in flows, or those named, with their versions",
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			for _, name := range flowsOf(args) {
				flow, folder, err := loadFlow(name)
				if err != nil {
					return namesNothing(cmd, err)
				}
				all, err := conversation.Load(folder, dialog.ConversationsFolder)
				if err != nil {
					return err
				}
				fmt.Fprintf(out, "%-16s %s\n", name, counted(flow, len(all)))
			}
			return nil
		},
	}
}

func flowCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check [FLOW...]", Short: "Report every mistake in flows and their conversations, with file and line",
		Long: `Report every mistake in flows and their conversations at once, with file and
line; without FLOW of the built-in flows. Exit code 1 when there is one.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			bad := false
			for _, name := range flowsOf(args) {
				folder, shown, err := openFlow(name)
				if err != nil {
					return &usageError{cmd.CommandPath(), err}
				}
				flow, err := dialog.LoadFlow(folder, ".")
				all, convErr := conversation.Load(folder, dialog.ConversationsFolder)
				if err := errors.Join(err, convErr, checkShop(folder)); err != nil {
					bad = true
					fmt.Fprintln(cmd.OutOrStdout(), &flowError{shown, err})
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: right (%s)\n", name, counted(flow, len(all)))
			}
			if bad {
				return errSilent
			}
			return nil
		},
	}
}

func flowGraphCommand() *cobra.Command {
	return &cobra.Command{
		Use: "graph [FLOW]", Short: "Draw a flow as a Mermaid flowchart",
		Args: atMostOne("FLOW"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := defaultFlow
			if len(args) == 1 {
				name = args[0]
			}
			flow, _, err := loadFlow(name)
			if err != nil {
				return namesNothing(cmd, err)
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), flow.Mermaid())
			return err
		},
	}
}
