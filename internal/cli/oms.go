package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/workers/oms"
	"github.com/tidegate/tidegate/workers/oms/rest"
)

// orderSystems are the order systems of this process's tenants that are named
// in the configuration; the others have the built-in one.
func (p *process) orderSystems() (map[string]oms.System, error) {
	list, err := p.cfg.OMS.TenantSystems()
	if err != nil {
		return nil, err
	}
	byTenant := map[string]oms.System{}
	var errs []error
	for _, e := range list {
		if e.File == oms.Builtin {
			byTenant[e.Tenant] = p.store
			continue
		}
		s, err := rest.Load(e.File, rest.Options{})
		if err != nil {
			errs = append(errs, fmt.Errorf("oms.systems: %s: %w", e.Tenant, err))
			continue
		}
		p.log.Info("order system connected", "tenant", e.Tenant, "system", s.Name(), "operations", strings.Join(s.Operations(), ","))
		byTenant[e.Tenant] = s
	}
	return byTenant, errors.Join(errs...)
}

func omsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "oms", Short: "Connect an order system: check a description, try it, print an example",
	}
	return group(cmd, omsCheckCommand(), omsTryCommand(), omsExampleCommand())
}

func omsCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE", Short: "Check the description of an order system, without asking it anything",
		Long: `Check the description of an order system: every mistake is named with file
and line. Nothing is sent, and secrets need not be there. Exit code 1 when
something is wrong. docs/connect-your-oms.md describes the format.`,
		Args: exactly(1, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := rest.Load(args[0], rest.Options{WithoutSecrets: true})
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s can %s\n", args[0], s.Name(), strings.Join(s.Operations(), ", "))
			return nil
		},
	}
}

func omsExampleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "example [NAME]", Short: "Print an example description, or list them",
		Args: atMostOne("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				for _, name := range rest.Examples() {
					fmt.Fprintln(cmd.OutOrStdout(), name)
				}
				return nil
			}
			b, err := rest.Example(args[0])
			if err != nil {
				return &usageError{cmd.CommandPath(), err}
			}
			_, err = cmd.OutOrStdout().Write(b)
			return err
		},
	}
}
