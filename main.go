// Command tidegate answers an online shop's telephone: one binary, a
// subcommand per service. Run it with --help.
package main

import (
	"context"
	"os"

	"github.com/tidegate/tidegate/internal/cli"
)

func main() {
	os.Exit(cli.Run(context.Background(), os.Args[1:]))
}
