package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/schemas"
)

func dlqCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "See to dead letters: work that no worker could do",
		Long: `See to dead letters: work that no worker could do. A letter keeps the message as
it was, with what the last attempt failed with. Find out why, mend the cause,
then replay the letter; or drop it. What is personal is masked.`,
	}
	return group(cmd, dlqListCommand(), dlqShowCommand(), dlqReplayCommand(), dlqDropCommand())
}

// dlqFilter are the flags that choose letters.
type dlqFilter struct {
	subject, consumer, since string
	limit                    int
}

func (f *dlqFilter) add(cmd *cobra.Command, limit int) {
	cmd.Flags().StringVar(&f.subject, "subject", "", "only letters of this subject, where * stands for one part and > for the rest")
	cmd.Flags().StringVar(&f.consumer, "consumer", "", "only letters that this consumer gave up, such as ticket")
	cmd.Flags().StringVar(&f.since, "since", "", "only letters since this time (2026-11-11T20:00:00+08:00) or this long ago (2h)")
	cmd.Flags().IntVar(&f.limit, "limit", limit, "letters at most; 0 for all")
}

func (f *dlqFilter) set() bool { return f.subject != "" || f.consumer != "" || f.since != "" }

func (f *dlqFilter) filter(now time.Time) (bus.DeadFilter, error) {
	out := bus.DeadFilter{Subject: f.subject, Consumer: f.consumer, Limit: f.limit}
	if f.limit < 0 {
		return out, errors.New("--limit must be 0 or more")
	}
	if f.subject != "" && !strings.HasPrefix(f.subject, schemas.Prefix+".") {
		return out, fmt.Errorf("--subject %q is no subject of Tidegate, such as %s or '%s'", f.subject, schemas.SubjectTicketOpen, schemas.SubjectsWork)
	}
	if f.since == "" {
		return out, nil
	}
	if ago, err := time.ParseDuration(f.since); err == nil && ago >= 0 {
		out.Since = now.Add(-ago)
		return out, nil
	}
	at, err := time.Parse(time.RFC3339, f.since)
	if err != nil {
		return out, fmt.Errorf("--since %q is neither a time like 2026-11-11T20:00:00+08:00 nor a duration like 2h", f.since)
	}
	out.Since = at
	return out, nil
}

// withDeadLetters runs do with a connection to the configured server, which
// must be there: an operator wants to know, not to wait.
func withDeadLetters(cmd *cobra.Command, do func(context.Context, *bus.Bus) error) error {
	cfg, err := load(cmd, nil)
	if err == nil {
		err = cfg.validate([]string{"log", "nats"})
	}
	if err != nil {
		return &configError{err}
	}
	b, err := bus.Connect(cmd.Context(), cfg.NATS, bus.Deps{Log: obs.NewLogger(cmd.ErrOrStderr(), cfg.Log), Source: "/tidegate/dlq"})
	if err != nil {
		return fmt.Errorf("%w; set --nats.url, for 'tidegate up' to what its --up.nats_listen says", err)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), dlqLimit)
	defer cancel()
	return errors.Join(do(ctx, b), b.Close())
}

// dlqLimit bounds a command; ten thousand letters take seconds.
const dlqLimit = 10 * time.Minute

func sequences(cmd *cobra.Command, args []string) ([]uint64, error) {
	out := make([]uint64, 0, len(args))
	for _, a := range args {
		n, err := strconv.ParseUint(a, 10, 64)
		if err != nil || n == 0 {
			return nil, &usageError{cmd.CommandPath(), fmt.Errorf("%q is no number of a dead letter; 'tidegate dlq list' shows them", a)}
		}
		out = append(out, n)
	}
	return out, nil
}

func dlqListCommand() *cobra.Command {
	var f dlqFilter
	var asJSON, reveal bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List dead letters, oldest first",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.filter(time.Now())
			if err != nil {
				return &usageError{cmd.CommandPath(), err}
			}
			return withDeadLetters(cmd, func(ctx context.Context, b *bus.Bus) error {
				return listDead(ctx, b, filter, deadPrinter{w: visibleWriter{cmd.OutOrStdout()}, reveal: reveal}, asJSON)
			})
		},
	}
	f.add(cmd, 50)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object for each letter, a line each")
	cmd.Flags().BoolVar(&reveal, "reveal", false, "show what is personal too")
	addConfigFlagsOf(cmd, "log", "nats")
	return cmd
}

func dlqShowCommand() *cobra.Command {
	var reveal bool
	cmd := &cobra.Command{
		Use:   "show NUMBER",
		Short: "Show one dead letter: why it died, and what it says",
		Args:  exactly(1, "one NUMBER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			numbers, err := sequences(cmd, args)
			if err != nil {
				return err
			}
			return withDeadLetters(cmd, func(ctx context.Context, b *bus.Bus) error {
				l, err := b.DeadLetter(ctx, numbers[0])
				if err != nil {
					return err
				}
				return deadPrinter{w: visibleWriter{cmd.OutOrStdout()}, reveal: reveal}.whole(l)
			})
		},
	}
	cmd.Flags().BoolVar(&reveal, "reveal", false, "show what is personal too")
	addConfigFlagsOf(cmd, "log", "nats")
	return cmd
}

// dlqChoice is which letters a command that changes something is about.
type dlqChoice struct {
	dlqFilter
	all, yes bool
}

func (c *dlqChoice) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.all, "all", false, "all letters that the filters leave, in place of NUMBERs")
	cmd.Flags().BoolVar(&c.yes, "yes", false, "do it; without, only what would be done is said")
	c.dlqFilter.add(cmd, 0)
	addConfigFlagsOf(cmd, "log", "nats")
}

// letters gives the letters that args or the filters name.
func (c *dlqChoice) numbers(cmd *cobra.Command, args []string) (func(context.Context, *bus.Bus) ([]uint64, error), error) {
	usage := func(text string) error { return &usageError{cmd.CommandPath(), errors.New(text)} }
	switch {
	case c.all && len(args) > 0:
		return nil, usage("either NUMBERs or --all")
	case !c.all && len(args) == 0:
		return nil, usage("which dead letters? Give NUMBERs, or --all with filters")
	case !c.all && (c.set() || cmd.Flags().Changed("limit")):
		return nil, usage("filters go with --all")
	}
	numbers, err := sequences(cmd, args)
	if err != nil {
		return nil, err
	}
	filter, err := c.filter(time.Now())
	if err != nil {
		return nil, &usageError{cmd.CommandPath(), err}
	}
	return func(ctx context.Context, b *bus.Bus) ([]uint64, error) {
		if !c.all {
			return numbers, nil
		}
		err := b.EachDeadLetter(ctx, filter, func(l bus.DeadLetter) error {
			numbers = append(numbers, l.Sequence)
			return nil
		})
		return numbers, err
	}, nil
}

const replayed = "replayed"

func dlqReplayCommand() *cobra.Command {
	var c dlqChoice
	cmd := &cobra.Command{
		Use:   "replay NUMBER... | --all [filters] --yes",
		Short: "Give dead letters to the workers again",
		Long: `Give dead letters to the workers again. Each message is published where it had
come on, and its letter is taken away when the stream there has it. A request
for a ticket that exists already opens no second one. What fails again comes
back as a new letter, with a new number.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd, args, c.all, replayed, func(ctx context.Context, b *bus.Bus, n uint64) error {
				_, err := b.ReplayDeadLetter(ctx, n)
				return err
			})
		},
	}
	c.add(cmd)
	return cmd
}

func dlqDropCommand() *cobra.Command {
	var c dlqChoice
	cmd := &cobra.Command{
		Use:   "drop (NUMBER... | --all [filters]) --yes",
		Short: "Delete dead letters for good; their work will not be done",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd, args, true, "dropped", func(ctx context.Context, b *bus.Bus, n uint64) error { return b.DropDeadLetter(ctx, n) })
		},
	}
	c.add(cmd)
	return cmd
}

// run does one thing to each letter; one that fails does not keep the others
// from it.
func (c *dlqChoice) run(cmd *cobra.Command, args []string, confirm bool, done string, do func(context.Context, *bus.Bus, uint64) error) error {
	choose, err := c.numbers(cmd, args)
	if err != nil {
		return err
	}
	return withDeadLetters(cmd, func(ctx context.Context, b *bus.Bus) error {
		numbers, err := choose(ctx, b)
		if err != nil {
			return err
		}
		if confirm && !c.yes {
			return &usageError{cmd.CommandPath(), fmt.Errorf("%s would be %s; add --yes to do it", letters(len(numbers)), done)}
		}
		failed := 0
		for _, n := range numbers {
			if err := do(ctx, b, n); err != nil {
				failed++
				fmt.Fprintln(visibleWriter{cmd.ErrOrStderr()}, "tidegate:", err)
				if ctx.Err() != nil {
					break
				}
			}
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", letters(len(numbers)-failed), done)
		if done == replayed && len(numbers) > failed {
			fmt.Fprintln(cmd.OutOrStdout(), "what fails again comes back under a new number: tidegate dlq list")
		}
		if failed > 0 {
			return errSilent
		}
		return nil
	})
}

func letters(n int) string {
	if n == 1 {
		return "1 dead letter"
	}
	return fmt.Sprintf("%d dead letters", n)
}
