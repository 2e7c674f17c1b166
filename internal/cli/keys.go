package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/vault"
)

// toolStore opens the database for a command that is no service. What it
// prints is on the command's output; the log has warnings and errors only.
// SIGINT ends what it does after the transaction in hand.
func toolStore(cmd *cobra.Command, sections ...string) (context.Context, *Config, *store.Store, func(), error) {
	cfg, err := loadTool(cmd, sections...)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	s, err := openStore(ctx, cfg.Store, store.Deps{Log: obs.NewLogger(cmd.ErrOrStderr(), cfg.Log)})
	if err != nil {
		stop()
		return nil, nil, nil, nil, err
	}
	return ctx, cfg, s, func() { _ = s.Close(); stop() }, nil
}

// loadTool loads and checks sections. The commands act on the database of
// 'up' unless another one is named, as 'up' does.
func loadTool(cmd *cobra.Command, sections ...string) (*Config, error) {
	cfg, err := load(cmd, func(c *Config) { c.Log.Level = "warn" })
	if cfg.Store.DSN == Defaults().Store.DSN {
		cfg.forUp()
	}
	if err = errors.Join(err, cfg.validate(append([]string{"log", "store"}, sections...))); err != nil {
		return nil, &configError{err}
	}
	return cfg, nil
}

func keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "keys", Short: "The keys of personal data: list, generate, rotate",
		Long: `Telephone numbers, names and addresses are encrypted in the database. See
docs/privacy.md for how keys are kept and changed, step by step.`,
	}
	return group(cmd, keysListCommand(), keysGenerateCommand(), keysRotateCommand())
}

func keysListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the keys, and count what each protects", Args: noArguments,
		Long: `List the configured keys with their fingerprints, and count the values of each
column by the key that protects them. It reads every row: seconds for millions.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, _, s, done, err := toolStore(cmd)
			if err != nil {
				return err
			}
			defer done()
			usage, err := s.KeyUsage(ctx)
			if err != nil {
				return err
			}
			return showKeys(cmd.OutOrStdout(), s.Keys(), usage)
		},
	}
	addConfigFlagsOf(cmd, "log", "store", "up")
	return cmd
}

func showKeys(out io.Writer, keys []vault.Key, usage []store.KeyUse) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tUSE\tFINGERPRINT\tACTIVE\tVALUES")
	for _, k := range keys {
		use, active, n := "encrypts", "", int64(0)
		if k.Index {
			use = "indexes"
		}
		if k.Active {
			active = "active"
		}
		for _, u := range usage {
			if k.Index {
				n += u.IndexKeys[k.ID]
			} else {
				n += u.Keys[k.ID]
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\n", k.ID, use, k.Fingerprint, active, n)
	}
	fmt.Fprintln(w, "\nCOLUMN\tVALUES\tPLAIN\tOTHER KEYS\t")
	for _, u := range usage {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t\n", u.Column, u.Total, u.Plain, u.Unknown)
	}
	return w.Flush()
}

func keysGenerateCommand() *cobra.Command {
	var index bool
	var file string
	cmd := &cobra.Command{
		Use: "generate", Short: "Make a key and the active one of the key file", Args: noArguments,
		Long: `Add a new key to the key file and make it the active one. Keys that are there
stay, for what they have encrypted. A file that is not there is made, with the
first keys of both uses. The file is --file, else store.vault.keys_file, else
keys.yaml beside the SQLite database; with "-", keys are printed instead.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				cfg, err := loadTool(cmd)
				if err != nil {
					return err
				}
				file = keysFile(cfg.Store)
			}
			return generateKey(cmd.OutOrStdout(), file, index)
		},
	}
	cmd.Flags().BoolVar(&index, "index", false, "a key of the blind index instead of one that encrypts")
	cmd.Flags().StringVar(&file, "file", "", "the key file; - prints new keys")
	addConfigFlagsOf(cmd, "log", "store", "up")
	return cmd
}

func generateKey(out io.Writer, file string, index bool) error {
	var k vault.Keys
	switch file {
	case "":
		return errors.New("the keys are in the configuration itself (store.vault.keys); add one there: --file=- prints new ones")
	case "-":
		k.Generate(time.Now(), false)
		data, err := k.YAML()
		if err == nil {
			_, err = out.Write(data)
		}
		return err
	}
	k, err := vault.ReadFile(file)
	fresh := errors.Is(err, fs.ErrNotExist)
	if err != nil && !fresh {
		return err
	}
	if fresh {
		k, index = vault.Keys{}, false
	}
	id := k.Generate(time.Now(), index)
	if err := vault.WriteFile(file, k, fresh); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is the active key in %s.\n", id, file)
	if !fresh {
		fmt.Fprintln(out, "Restart the services with this file, all of them, then: tidegate keys rotate")
	}
	return nil
}

func keysRotateCommand() *cobra.Command {
	var r store.Rotation
	cmd := &cobra.Command{
		Use: "rotate", Short: "Bring all data to the active keys, while services run", Args: noArguments,
		Long: `Encrypt every value anew that is not under the active key, plain ones included,
and renew its blind index. Services go on meanwhile; all of them need to have
the new keys already. Broken off, another run goes on where this one stood.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, _, s, done, err := toolStore(cmd)
			if err != nil {
				return err
			}
			defer done()
			return rotate(ctx, cmd.OutOrStdout(), s, r)
		},
	}
	cmd.Flags().IntVar(&r.Batch, "batch", store.DefaultRotationBatch, "rows a transaction")
	cmd.Flags().DurationVar(&r.Pause, "pause", 10*time.Millisecond, "pause between transactions")
	addConfigFlagsOf(cmd, "log", "store", "up")
	return cmd
}

func rotate(ctx context.Context, out io.Writer, s *store.Store, r store.Rotation) error {
	var said time.Time
	r.Progress = func(p store.RotationProgress) {
		if !p.Ended && time.Since(said) < time.Second {
			return
		}
		said = time.Now()
		note := ""
		if p.Resumed {
			note = " (goes on where an earlier run stood)"
		}
		fmt.Fprintf(out, "%-10s %d of %d rows looked at, %d renewed%s\n", p.Table, p.Seen, p.Total, p.Changed, note)
	}
	res, err := s.Rotate(ctx, r)
	if err != nil {
		return fmt.Errorf("%w; %d rows are renewed, another run goes on from there", err, res.Changed)
	}
	fmt.Fprintf(out, "%d rows renewed.\n", res.Changed)
	for _, id := range res.Retired {
		fmt.Fprintf(out, "%s protects nothing any more: it can leave the configuration.\n", id)
	}
	if res.Left > 0 {
		fmt.Fprintf(out, "%d values were written under other keys meanwhile: restart services that have the old keys, then run this again.\n", res.Left)
		return errSilent
	}
	return nil
}
