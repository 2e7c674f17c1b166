package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

func flowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "flow", Short: "Check a dialogue's flow, or draw it", Args: unknownSubcommand, RunE: needSubcommand,
		Long: `Check a dialogue's flow, or draw it. A flow is a folder of YAML files
(docs/dialogue.md); without one it is the shipped flow.`,
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "check [FLOW]", Short: "Load a flow and print every mistake in it, with file and line", Args: cobra.MaximumNArgs(1),
			Example: "  tidegate flow check ./my-returns",
			RunE: func(cmd *cobra.Command, args []string) error {
				f, err := flowOf(cmd, args)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %d intents, %d example sentences; no mistakes\n",
					f.Name(), f.Version(), len(f.Intents()), len(f.Examples()))
				return err
			},
		},
		&cobra.Command{
			Use: "graph [FLOW]", Short: "Draw a flow as a Mermaid flowchart", Args: cobra.MaximumNArgs(1),
			Example: "  tidegate flow graph > returns.mmd",
			RunE: func(cmd *cobra.Command, args []string) error {
				f, err := flowOf(cmd, args)
				if err != nil {
					return err
				}
				_, err = fmt.Fprint(cmd.OutOrStdout(), f.Mermaid())
				return err
			},
		},
	)
	return cmd
}

// flowOf is the flow that the arguments name. A flow with mistakes is no
// wrong usage.
func flowOf(cmd *cobra.Command, args []string) (*dialog.Flow, error) {
	name := dialog.Default().Name()
	if len(args) > 0 {
		name = args[0]
	}
	f, err := namedFlow(name)
	if err != nil && !errors.Is(err, dialog.ErrFlow) {
		err = &usageError{cmd.CommandPath(), err}
	}
	return f, err
}
