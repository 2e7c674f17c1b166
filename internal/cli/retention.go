package cli

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/internal/retention"
	"github.com/tidegate/tidegate/internal/store"
)

func retentionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "retention", Short: "Delete records whose time is over, or count them",
	}
	var dry bool
	run := &cobra.Command{
		Use: "run", Short: "Delete records past their time, as the ticket worker does every retention.interval", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cfg, s, done, err := toolStore(cmd, "retention")
			if err != nil {
				return err
			}
			defer done()
			return retain(ctx, cmd.OutOrStdout(), s, cfg.Retention, dry)
		},
	}
	run.Flags().BoolVar(&dry, "dry-run", false, "count what would be deleted, and delete nothing")
	addConfigFlagsOf(run, "log", "store", "retention", "up")
	return group(cmd, run)
}

func retain(ctx context.Context, out io.Writer, s *store.Store, cfg retention.Config, dry bool) (err error) {
	var counts map[store.Kind]int64
	what := "DELETED"
	if dry {
		what = "WOULD BE DELETED"
		counts, err = s.Expired(ctx, cfg.Keep)
	} else {
		counts, err = retention.Run(ctx, s, cfg)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "KIND\tKEPT\t%s\n", what)
	for _, kind := range store.Kinds() {
		kept := "for ever"
		if d := cfg.Keep.Of(kind); d != 0 {
			kept = fmt.Sprintf("%.4g days", d.Hours()/24)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\n", kind, kept, counts[kind])
	}
	if flushErr := w.Flush(); err == nil {
		err = flushErr
	}
	return err
}
