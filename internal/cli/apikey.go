package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/console"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/internal/store"
)

// actorCLI is who the audit log names for what is done at the command line.
const actorCLI = "cli"

func apikeyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "apikey", Short: "Make, list and revoke keys of the console's API",
		Long: `Keys of the console's HTTP API, kept in the database of the services.

A key does what its scopes say:
  tickets:read     list, search and show tickets
  tickets:write    change their status, assign them, comment on them
  tickets:approve  with tickets:write, give and refuse approvals
  calls:read       list and show calls
  export           export tickets as CSV
  stats            statistics
  audit            read the audit log
  personal         see telephone numbers, addresses and what was said, wherever
                   another scope shows the record

A key that is named like a person (letters, digits and ._@- only) stands for
that person in the histories of tickets, and nobody approves a ticket of their own.`,
	}
	return group(cmd, apikeyCreateCommand(), apikeyListCommand(), apikeyRevokeCommand())
}

func apikeyCreateCommand() *cobra.Command {
	var name, expires string
	var scopes []string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "create", Short: "Make a key and show it, once",
		Example: "  tidegate apikey create --name desk --scope tickets:read,tickets:write --expires 90d",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := console.ParseScopes(scopes)
			now := time.Now()
			until, err2 := expiry(expires, now)
			if err := errors.Join(err, err2); err != nil {
				return &usageError{cmd.CommandPath(), err}
			}
			k, secret, err := console.NewKey(name, list, now, until)
			if err != nil {
				return &usageError{cmd.CommandPath(), err}
			}
			return withKeys(cmd, func(ctx context.Context, db *store.Store) error {
				ctx = store.Audited(ctx, store.AuditEntry{Actor: actorCLI, Action: console.ActionKeyCreate, Subject: k.ID, Details: map[string]string{"scopes": strings.Join(k.Scopes, " ")}})
				if err := db.AddAPIKey(ctx, k); err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), struct {
						listedKey
						Key string `json:"key"`
					}{listKey(k, now), secret})
				}
				// The key alone on stdout, so that a script can take it.
				fmt.Fprintf(cmd.ErrOrStderr(), "key %s (%s) with %s; it is shown this once:\n", k.ID, k.Name, strings.Join(k.Scopes, ", "))
				_, err := fmt.Fprintln(cmd.OutOrStdout(), secret)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "what the key is for")
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "scopes, separated by commas")
	cmd.Flags().StringVar(&expires, "expires", "", "when it ends: 90d, 12h, or a time like 2027-01-01T00:00:00+08:00; empty: never")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	addConfigFlagsOf(cmd, "log", "store")
	return cmd
}

// expiry reads a duration from now, with d for days, or a time.
func expiry(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	var days int
	if n, err := fmt.Sscanf(s, "%dd", &days); n == 1 && err == nil && s == fmt.Sprintf("%dd", days) && days > 0 && days <= 36500 {
		return now.AddDate(0, 0, days), nil
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return now.Add(d), nil
	}
	return time.Time{}, fmt.Errorf("expires: %.40q is neither a duration (90d, 12h) nor a time (2027-01-01T00:00:00+08:00)", s)
}

// listedKey is a line of 'apikey list --json'.
type listedKey struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Scopes     []string   `json:"scopes"`
	State      string     `json:"state"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
}

func listKey(k store.APIKey, now time.Time) listedKey {
	state := "valid"
	switch {
	case k.RevokedAt != nil:
		state = "revoked"
	case !k.Valid(now):
		state = "expired"
	}
	return listedKey{k.ID, k.Name, k.Scopes, state, k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.LastUsedAt}
}

func apikeyListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the keys, without their secrets", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withKeys(cmd, func(ctx context.Context, db *store.Store) error {
				keys, err := db.APIKeys(ctx)
				if err != nil {
					return err
				}
				now, list := time.Now(), make([]listedKey, 0, len(keys))
				for _, k := range keys {
					list = append(list, listKey(k, now))
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), list)
				}
				return printKeys(cmd.OutOrStdout(), list)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	addConfigFlagsOf(cmd, "log", "store")
	return cmd
}

func printKeys(out io.Writer, list []listedKey) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tSTATE\tEXPIRES\tLAST USED\tSCOPES")
	when := func(t *time.Time, none string) string {
		if t == nil {
			return none
		}
		return t.Local().Format("2006-01-02 15:04")
	}
	for _, k := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.State, when(k.ExpiresAt, "never"), when(k.LastUsedAt, "never"), strings.Join(k.Scopes, ","))
	}
	return w.Flush()
}

func apikeyRevokeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "End a key at once", Args: exactly(1, "the key's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withKeys(cmd, func(ctx context.Context, db *store.Store) error {
				ctx = store.Audited(ctx, store.AuditEntry{Actor: actorCLI, Action: console.ActionKeyRevoke, Subject: args[0]})
				if err := db.RevokeAPIKey(ctx, args[0]); errors.Is(err, store.ErrNotFound) {
					return fmt.Errorf("there is no key %.40q; 'tidegate apikey list' shows them", args[0])
				} else if err != nil {
					return err
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "revoked", args[0])
				return err
			})
		},
	}
	addConfigFlagsOf(cmd, "log", "store")
	return cmd
}

// withKeys opens the database of the services and does something with it.
func withKeys(cmd *cobra.Command, fn func(context.Context, *store.Store) error) error {
	// A warning between the lines would be in the way of who reads them by
	// program; the services give it as well.
	cfg, err := load(cmd, func(c *Config) { c.Log.Level = "error" })
	if err = errors.Join(err, cfg.validate([]string{"log", "store"})); err != nil {
		return &configError{err}
	}
	if cfg.Store.DSN, err = existingDatabase(cfg); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
	defer cancel()
	db, err := openStore(ctx, cfg.Store, store.Deps{Log: obs.NewLogger(cmd.ErrOrStderr(), cfg.Log)})
	if err != nil {
		return err
	}
	return errors.Join(fn(ctx, db), db.Close())
}

// existingDatabase is the database that services have made: a key in a new
// file beside theirs would open nothing. Where none is configured, it is the
// file of the single services or that of 'tidegate up'.
func existingDatabase(cfg *Config) (config.Secret, error) {
	exists := func(dsn config.Secret) bool {
		path, ok := strings.CutPrefix(dsn.Reveal(), "sqlite:")
		if !ok {
			return true
		}
		_, err := os.Stat(path)
		return err == nil
	}
	if cfg.Store.DSN != Defaults().Store.DSN {
		if !exists(cfg.Store.DSN) {
			return "", errors.New("store.dsn: there is no such file; the services make it when they start")
		}
		return cfg.Store.DSN, nil
	}
	var found []config.Secret
	places := []config.Secret{cfg.Store.DSN, config.Secret("sqlite:" + filepath.Join(cfg.Up.DataDir, "tidegate.db"))}
	for _, dsn := range places {
		if exists(dsn) {
			found = append(found, dsn)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", fmt.Errorf("there is no database at %s or %s; start the services first, or say --store.dsn", places[0].Reveal(), places[1].Reveal())
	}
	return "", fmt.Errorf("there are databases at %s and %s; say which with --store.dsn", places[0].Reveal(), places[1].Reveal())
}
