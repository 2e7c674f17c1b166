package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/workers/notify"
)

// notifyConnections are what callers of all tenants are told, and how. A
// secret that is missing is an error now, not when the first message is due.
func (p *process) notifyConnections() (map[string]*notify.Connection, error) {
	files, err := p.cfg.Notify.Files()
	if err != nil {
		return nil, err
	}
	out := map[string]*notify.Connection{}
	var errs []error
	for tenant, file := range files {
		c, err := readNotify(file)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, secret := range c.Spec.Secrets() {
			if _, err := secret.Reveal(); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", file, err))
			}
		}
		out[tenant] = c
	}
	return out, errors.Join(errs...)
}

func readNotify(file string) (*notify.Connection, error) {
	spec, err := notify.Read(file)
	if err != nil {
		return nil, err
	}
	return notify.Connect(spec)
}

func (p *process) startNotify(ctx context.Context) error {
	if err := p.startStore(ctx); err != nil {
		return err
	}
	connections, err := p.notifyConnections()
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	if len(connections) == 0 {
		p.log.Warn("nobody is told anything: notify.connections is empty")
	}
	s, err := notify.New(p.cfg.Notify, notify.Deps{
		Log: p.log, Registry: p.reg, Bus: p.bus, Notifications: p.store, Records: p.store, Outbox: p.store, Connections: connections,
	})
	return p.startService(ctx, "notify", s, err)
}

func notifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "notify", Short: "SMS and messages to callers: check and try a file, print an example, opt-outs",
		Long: "Check and try what callers are told by SMS or message, as a FILE describes it (docs/notifications.md), and keep the list of numbers that opted out.",
	}
	return group(cmd, notifyCheckCommand(), notifyTryCommand(), notifyExampleCommand(), optOutCommand())
}

func notifyCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE", Short: "Report every mistake in a file, with its line, and how long its texts are; nothing is sent", Args: exactly(1, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := readNotify(args[0])
			if err != nil {
				fmt.Fprintln(cmd.OutOrStdout(), err)
				return errSilent
			}
			defer c.Close()
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%s: right (connector %s)\n", args[0], notify.Connector)
			for _, event := range notify.Events() {
				if err := texts(out, c, event); err != nil {
					return err
				}
			}
			for _, secret := range c.Spec.Secrets() {
				if _, err := secret.Reveal(); err != nil {
					fmt.Fprintf(out, "%s:%d: note: %v here\n", args[0], secret.Line, err)
				}
			}
			return nil
		},
	}
}

// texts shows what is said of an event, with a sample's words.
func texts(out io.Writer, c *notify.Connection, event string) error {
	byChannel := c.Spec.Events[event]
	for _, channel := range slices.Sorted(maps.Keys(byChannel)) {
		for _, lang := range slices.Sorted(maps.Keys(byChannel[channel].Text)) {
			o, err := c.Compose(notify.Sample(event, lang, true, time.Now()), channel)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "  %s %s %s: %s\n    %s\n", event, channel, lang, length(o), o.Text)
		}
	}
	return nil
}

func length(o *notify.Composed) string {
	segments, characters := notify.Segments(o.Text, true)
	if o.Channel != notify.ChannelSMS {
		return fmt.Sprintf("%d characters", characters)
	}
	return fmt.Sprintf("%d characters, %d SMS", characters, segments)
}

func notifyExampleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "example [NAME]", Short: "Print an example file, or list them", Args: atMostOne("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				for _, name := range notify.Examples() {
					fmt.Fprintln(cmd.OutOrStdout(), name)
				}
				return nil
			}
			b, err := notify.Example(args[0])
			if err != nil {
				return &usageError{cmd.CommandPath(), err}
			}
			_, err = cmd.OutOrStdout().Write(b)
			return err
		},
	}
}

type notifyTry struct {
	event, channel, language, to string
	timeout                      time.Duration
	dry                          bool
}

func notifyTryCommand() *cobra.Command {
	var t notifyTry
	cmd := &cobra.Command{
		Use: "try FILE", Short: "Send a sample to a number, and show what is sent and understood", Args: exactly(1, "FILE"),
		Long: `Send what an event says to a number of yours, with the words of a sample, and
show text, length in SMS, request, answer and what it is taken for. Numbers and
secrets are masked. Opt-outs and quiet hours do not hold here. Exit code 1 when
the gateway does not take it.

    tidegate notify try sms.yaml --to 13800138000
    tidegate notify try sms.yaml --to 13800138000 --event return_created --language en-US
    tidegate notify try robot.yaml --channel message --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := readNotify(args[0])
			if err != nil {
				fmt.Fprintln(cmd.OutOrStdout(), err)
				return errSilent
			}
			defer c.Close()
			if err := t.complete(c); err != nil {
				return &usageError{cmd.CommandPath(), err}
			}
			return t.run(cmd.Context(), visibleWriter{cmd.OutOrStdout()}, c)
		},
	}
	cmd.Flags().StringVar(&t.event, "event", notify.EventOpened, "what happened: "+strings.Join(notify.Events(), ", "))
	cmd.Flags().StringVar(&t.channel, "channel", "", "sms or message; empty: the only one that the event has")
	cmd.Flags().StringVar(&t.language, "language", "", "zh-CN or en-US; empty: the file's")
	cmd.Flags().StringVar(&t.to, "to", "", "the number, for what goes to callers")
	cmd.Flags().DurationVar(&t.timeout, "timeout", 20*time.Second, "time for the request")
	cmd.Flags().BoolVar(&t.dry, "dry-run", false, "show text and length, and send nothing")
	return cmd
}

// complete fills in what was not said, where it is plain.
func (t *notifyTry) complete(c *notify.Connection) error {
	byChannel := c.Spec.Events[t.event]
	if t.channel == "" && len(byChannel) == 1 {
		t.channel = slices.Collect(maps.Keys(byChannel))[0]
	}
	if byChannel[t.channel] == nil {
		return fmt.Errorf("the file says nothing of %.40q over %.20q; say --event and --channel", t.event, t.channel)
	}
	if t.to == "" && !t.dry && !c.Spec.ForTeam(t.channel) {
		return errors.New("say --to NUMBER, or --dry-run")
	}
	if _, err := notify.Reachable(t.channel, t.to); t.to != "" && err != nil {
		return fmt.Errorf("to: %w", err)
	}
	return nil
}

func (t *notifyTry) run(ctx context.Context, out io.Writer, c *notify.Connection) error {
	sample := notify.Sample(t.event, t.language, true, time.Now())
	if t.to != "" {
		sample = sample.For(t.to)
	}
	o, err := c.Compose(sample, t.channel)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s over %s, in %s\n  %s\n  = %s\n", t.event, t.channel, o.Language, o.Text, length(o))
	if o.Phone != "" {
		fmt.Fprintf(out, "  to %s\n", obs.Phone(o.Phone))
	}
	if t.dry {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	show := &trial{out: out}
	v := c.Send(ctx, o, func(e restcall.Exchange) { show.show("send", e) })
	mark := "!"
	if v.Accepted() {
		mark = "="
	}
	fmt.Fprintf(out, "  %s %s%s\n", mark, v.Fate(), verdictText(v))
	if !v.Accepted() {
		return errSilent
	}
	return nil
}

func verdictText(v notify.Verdict) string {
	var parts []string
	for _, p := range []struct{ name, value string }{{"id", v.ID}, {"code", v.Code}, {"reason", v.Reason}} {
		if p.value != "" {
			parts = append(parts, p.name+" "+line(p.value))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}
