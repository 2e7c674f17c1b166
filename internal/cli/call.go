package cli

import "github.com/spf13/cobra"

func callCommand() *cobra.Command { return &cobra.Command{Use: "call SCENARIO"} }
