package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/internal/config"
)

func checkConfigCommand() *cobra.Command {
	var services []string
	cmd := &cobra.Command{
		Use:   "check-config",
		Short: "Print the effective configuration, secrets masked, and every error in it",
		Long: `Print the configuration that the services would run with, from defaults, file,
environment and flags, with secrets masked. Every error is reported at once,
and the exit code is 2 when there is one.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			names := []string{}
			for _, s := range services {
				if _, ok := needs[s]; !ok {
					return &usageError{cmd.CommandPath(), fmt.Errorf("unknown service %q", s)}
				}
				names = append(names, sectionsOf(s)...)
			}
			up := slices.Equal(services, []string{"up"})
			var prepare func(*Config)
			if up {
				prepare = upDefaults
			}
			cfg, err := load(cmd, prepare)
			if up {
				cfg.forUp()
			}
			out, printErr := config.Effective(cfg)
			if printErr != nil {
				return printErr
			}
			_, _ = cmd.OutOrStdout().Write(out)
			if err = errors.Join(err, cfg.validate(names)); err != nil {
				return &configError{err}
			}
			return nil
		},
	}
	addConfigFlags(cmd, "up")
	cmd.Flags().StringSliceVar(&services, "service", []string{"up"}, "whose configuration is checked: up, orchestrator, mediabridge, asr, tts, oms, ticket, console")
	return cmd
}
