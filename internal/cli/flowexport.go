package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

func flowExportCommand() *cobra.Command {
	return &cobra.Command{
		Use: "export FLOW DIR", Short: "Write a built-in flow into a new folder, to begin one's own with",
		Long: `Write a built-in flow, with its conversations and their shop, into DIR, which
must not hold anything yet. "tidegate flow check DIR" and "tidegate flow test DIR"
then hold what is changed there, orchestrator.flow_dir makes calls use it.`,
		Args: exactly(2, "FLOW and DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			folder, err := dialog.ShippedFlow(args[0])
			if err != nil {
				return namesNothing(cmd, err)
			}
			switch held, err := os.ReadDir(args[1]); {
			case err != nil && !errors.Is(err, fs.ErrNotExist):
				return err
			case len(held) > 0:
				return fmt.Errorf("%s: %w, and is not empty", args[1], fs.ErrExist)
			}
			if err := os.CopyFS(args[1], folder); err != nil {
				return err
			}
			files := 0
			if err := fs.WalkDir(folder, ".", func(_ string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					files++
				}
				return err
			}); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d files in %s\n", files, args[1])
			return nil
		},
	}
}
