package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/internal/store"
)

// Names of what is done to opt-outs, in the audit log.
const (
	actionOptOutAdd    = "optout.add"
	actionOptOutRemove = "optout.remove"
	actionOptOutImport = "optout.import"
)

func optOutCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "optout", Short: "Numbers that are told nothing",
		Long: "Numbers that are told nothing by SMS or message, for each tenant. Callers put themselves there by a reply (TD, 退订).",
	}
	var tenant string
	cmd.PersistentFlags().StringVar(&tenant, "tenant", "", "the tenant; empty: calls without one")
	return group(cmd, optOutAddCommand(&tenant), optOutRemoveCommand(&tenant), optOutListCommand(&tenant), optOutImportCommand(&tenant))
}

// audited notes in the audit log who did what to opt-outs; the number is not
// among it.
func audited(ctx context.Context, action, tenant, details string) context.Context {
	e := store.AuditEntry{Actor: actorCLI, Action: action, Subject: tenantName(tenant)}
	if details != "" {
		e.Details = map[string]string{"file": details}
	}
	return store.Audited(ctx, e)
}

func tenantName(tenant string) string {
	if tenant == "" {
		return "default"
	}
	return tenant
}

func optOutTool(use, short, what string, do func(context.Context, io.Writer, *store.Store, []string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, _, s, done, err := toolStore(cmd)
			if err != nil {
				return err
			}
			defer done()
			return do(ctx, cmd.OutOrStdout(), s, args)
		},
	}
	if cmd.Args = noArguments; what != "" {
		cmd.Args = exactly(1, what)
	}
	addConfigFlagsOf(cmd, "log", "store", "up")
	return cmd
}

func optOutAddCommand(tenant *string) *cobra.Command {
	return optOutTool("add NUMBER", "Tell a number nothing more", "NUMBER", func(ctx context.Context, out io.Writer, s *store.Store, args []string) error {
		added, err := s.AddOptOut(audited(ctx, actionOptOutAdd, *tenant, ""), store.OptOut{Tenant: *tenant, Phone: args[0], Source: "cli"})
		if err != nil {
			return err
		}
		said := "is told nothing more"
		if !added {
			said = "was told nothing already"
		}
		_, err = fmt.Fprintf(out, "%s %s\n", obs.Phone(args[0]), said)
		return err
	})
}

func optOutRemoveCommand(tenant *string) *cobra.Command {
	return optOutTool("remove NUMBER", "Let a number be told things again", "NUMBER", func(ctx context.Context, out io.Writer, s *store.Store, args []string) error {
		removed, err := s.RemoveOptOut(audited(ctx, actionOptOutRemove, *tenant, ""), *tenant, args[0])
		if err != nil {
			return err
		}
		if !removed {
			return fmt.Errorf("%s has not opted out", obs.Phone(args[0]))
		}
		_, err = fmt.Fprintf(out, "%s is told things again\n", obs.Phone(args[0]))
		return err
	})
}

func optOutListCommand(tenant *string) *cobra.Command {
	return optOutTool("list", "List the numbers that are told nothing, masked", "", func(ctx context.Context, out io.Writer, s *store.Store, _ []string) error {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "NUMBER\tSINCE\tBY")
		after := ""
		for {
			page, err := s.OptOuts(ctx, *tenant, after, store.MaxPage)
			if err != nil {
				return err
			}
			for _, o := range page {
				after = o.ID
				fmt.Fprintf(w, "%s\t%s\t%s\n", obs.Phone(o.Phone), o.CreatedAt.Local().Format(time.DateTime), o.Source)
			}
			if len(page) < store.MaxPage {
				return w.Flush()
			}
		}
	})
}

func optOutImportCommand(tenant *string) *cobra.Command {
	return optOutTool("import FILE", "Tell the numbers of a file nothing more: one a line, # begins a comment; - is the standard input", "FILE",
		func(ctx context.Context, out io.Writer, s *store.Store, args []string) error {
			in := io.Reader(os.Stdin)
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				in = f
			}
			return importOptOuts(ctx, audited(ctx, actionOptOutImport, *tenant, args[0]), out, s, *tenant, in)
		})
}

// maxImportErrors is how many wrong lines are told.
const maxImportErrors = 20

// importOptOuts takes every line that is right, and tells those that are not
// by their number: what stands there may be somebody's. The audit log gets one
// entry for the file, with the first of its numbers.
func importOptOuts(ctx, first context.Context, out io.Writer, s *store.Store, tenant string, in io.Reader) error {
	var added, known, line int
	var errs []error
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		line++
		text, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "\ufeff"), "#")
		text, _, _ = strings.Cut(text, ",")
		if text = strings.Trim(strings.TrimSpace(text), `"'`); text == "" {
			continue
		}
		noting := ctx
		if added+known == 0 {
			noting = first
		}
		ok, err := s.AddOptOut(noting, store.OptOut{Tenant: tenant, Phone: text, Source: "import"})
		switch {
		case errors.Is(err, store.ErrInvalid):
			if errs = append(errs, fmt.Errorf("line %d: is no telephone number", line)); len(errs) >= maxImportErrors {
				return errors.Join(append(errs, errors.New("too many mistakes, the rest was not read"))...)
			}
		case err != nil:
			return fmt.Errorf("line %d: %w", line, err)
		case ok:
			added++
		default:
			known++
		}
	}
	if err := lines.Err(); err != nil {
		errs = append(errs, fmt.Errorf("line %d: %w", line+1, err))
	}
	fmt.Fprintf(out, "%d added, %d known\n", added, known)
	return errors.Join(errs...)
}
