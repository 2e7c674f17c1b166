package cli

import "github.com/spf13/cobra"

// Root is the tree of commands with their flags, for what is held to it:
// deployment files and documents that name them.
func Root() *cobra.Command { return newRoot() }
