package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
	"github.com/tidegate/tidegate/workers/ticket/rest"
	"github.com/tidegate/tidegate/workers/ticket/rt"
)

// connection is a ticket system as a file describes it.
type connection struct {
	name    string // the connector's
	system  ticket.System
	secrets []restcall.Secret
	watch   func(func(call string, e restcall.Exchange))
	close   func()
}

// readConnection reads a file of either connector.
func readConnection(path string) (*connection, error) {
	b, err := restcall.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if connectorOf(b) == rt.Connector {
		spec, err := rt.Parse(path, b)
		if err != nil {
			return nil, err
		}
		s, err := rt.New(spec)
		if err != nil {
			return nil, err
		}
		return connected(rt.Connector, s, spec.Secrets(), s.Close, &s.Watch), nil
	}
	spec, err := rest.Parse(path, b)
	if err != nil {
		return nil, err
	}
	s, err := rest.New(spec)
	if err != nil {
		return nil, err
	}
	return connected(rest.Connector, s, spec.Secrets(), s.Close, &s.Watch), nil
}

type watcher = func(call string, e restcall.Exchange)

func connected(name string, s ticket.System, secrets []restcall.Secret, end func(), watch *watcher) *connection {
	return &connection{name: name, system: s, secrets: secrets, close: end, watch: func(w watcher) { *watch = w }}
}

// connectorOf looks for the line that says which connector a file is for.
func connectorOf(b []byte) string {
	for _, line := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, "connector:"); ok {
			value, _, _ := strings.Cut(rest, "#")
			return strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return ""
}

// connections are the ticket systems of all tenants.
type connections struct {
	systems map[string]ticket.System
	names   map[string]string
	close   []func()
}

// connector names the connector of a tenant's ticket system; "" is none.
func (c *connections) connector(tenant string) string {
	if c == nil {
		return ""
	}
	return c.names[schemas.TenantName(tenant)]
}

func (c *connections) end() {
	for _, end := range c.close {
		end()
	}
}

// readLinks reads the files of all tenants. A secret that is missing is an
// error now, not when the first ticket comes.
func (p *process) readLinks() error {
	files, err := p.cfg.TicketLink.Files()
	if err != nil {
		return err
	}
	links := &connections{systems: map[string]ticket.System{}, names: map[string]string{}}
	var errs []error
	for tenant, file := range files {
		c, err := readConnection(file)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		links.close = append(links.close, c.close)
		for _, secret := range c.secrets {
			if _, err := secret.Reveal(); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", file, err))
			}
		}
		links.systems[tenant], links.names[tenant] = c.system, c.name
	}
	p.links = links
	return errors.Join(errs...)
}

func ticketCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "ticket", Short: "Check and try the connection to a ticket system",
		Long: "Check and try the connection to a ticket system that a FILE describes (docs/connect-your-tickets.md).",
	}
	return group(cmd, ticketCheckCommand(), ticketTryCommand())
}

func ticketCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE", Short: "Report every mistake in a connection's file, with its line; nothing is sent", Args: exactly(1, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := readConnection(args[0])
			if err != nil {
				fmt.Fprintln(cmd.OutOrStdout(), err)
				return errSilent
			}
			defer c.close()
			fmt.Fprintf(cmd.OutOrStdout(), "%s: right (connector %s)\n", args[0], c.name)
			for _, secret := range c.secrets {
				if _, err := secret.Reveal(); err != nil {
					fmt.Fprintf(cmd.OutOrStdout(), "%s:%d: note: %v here\n", args[0], secret.Line, err)
				}
			}
			return nil
		},
	}
}

func ticketTryCommand() *cobra.Command {
	var timeout time.Duration
	var readOnly bool
	cmd := &cobra.Command{
		Use: "try FILE", Short: "Make a sample ticket in the other system, and show what is sent and understood", Args: exactly(1, "FILE"),
		Long: `Make a ticket of nobody in the ticket system that FILE describes: search, create,
search again, change, comment, ask for changes. Each request, answer and mapping
is shown with values masked. The sample ticket stays there; close it by hand.
Exit code 1 when a step fails.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := readConnection(args[0])
			if err != nil {
				fmt.Fprintln(cmd.OutOrStdout(), err)
				return errSilent
			}
			defer c.close()
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			t := trial{ctx: ctx, out: visibleWriter{cmd.OutOrStdout()}, system: c.system}
			c.watch(t.show)
			if t.run(readOnly); t.failed {
				return errSilent
			}
			return nil
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "time for all steps together")
	cmd.Flags().BoolVar(&readOnly, "read-only", false, "make no ticket: only the steps that change nothing")
	return cmd
}

// trial goes through a connection's calls.
type trial struct {
	ctx    context.Context
	out    io.Writer
	system ticket.System
	failed bool
	shown  bool // the step sent something
}

func (t *trial) show(_ string, e restcall.Exchange) {
	t.shown = true
	showExchange(t.out, e)
}

// step runs one call and tells how it ended.
func (t *trial) step(name string, do func() (string, error)) bool {
	fmt.Fprintf(t.out, "%s\n", name)
	t.shown = false
	got, err := do()
	switch {
	case errors.Is(err, ticket.ErrUnsupported), err == nil && !t.shown:
		fmt.Fprintln(t.out, "  = not in this file")
		return false
	case err != nil:
		t.failed = true
		fmt.Fprintf(t.out, "  ! %v\n", err)
		return false
	}
	fmt.Fprintf(t.out, "  = %s\n", got)
	return true
}

func (t *trial) run(readOnly bool) {
	now := time.Now()
	sample := ticket.Sample(now)
	t.step("ready", func() (string, error) { return "it answers", t.system.Ready(t.ctx) })
	find := func() (string, error) {
		e, ok, err := t.system.Find(t.ctx, sample.Key)
		if err != nil || !ok {
			return "there is none", err
		}
		return copyText(e), nil
	}
	t.step("find, before it is there", find)
	if !readOnly {
		var e ticket.External
		if t.step("create", func() (_ string, err error) { e, err = t.system.Create(t.ctx, sample); return copyText(e), err }) {
			t.step("find", find)
			t.step("update", func() (string, error) {
				return "told", t.system.Update(t.ctx, e, ticket.Change{ID: sample.Key + ".1", Status: "open", Group: sample.Group, At: now})
			})
			t.step("comment", func() (string, error) {
				return "told", t.system.Comment(t.ctx, e, ticket.Comment{ID: sample.Key + ".2", Author: "Tidegate", Text: "A comment of a trial.", At: now})
			})
		}
	}
	t.step("changes of the last hour", func() (string, error) {
		list, refused, err := t.system.Changes(t.ctx, now.Add(-time.Hour))
		text := fmt.Sprintf("%d changes", len(list))
		if n := len(list); n > 0 {
			last := list[n-1]
			text += fmt.Sprintf("; the last: copy %s is %q since %s", line(last.ExternalID), last.Status, last.At.Format(time.RFC3339))
		}
		if n := len(refused); n > 0 {
			text += fmt.Sprintf("; %d cannot be used, the first: %s", n, line(refused[0].Error()))
			if len(list) == 0 {
				err = fmt.Errorf("%w: %s", ticket.ErrGarbled, text)
			}
		}
		return text, err
	})
}

func copyText(e ticket.External) string {
	return fmt.Sprintf("id %s, status %q, url %q", line(e.ID), e.Status, e.URL)
}
