package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/orchestrator/dialog/conversation"
)

type chatFlags struct {
	flow, lang, from, called, script, shop, now string
}

func chatCommand() *cobra.Command {
	var flags chatFlags
	cmd := &cobra.Command{
		Use: "chat", Short: "Talk with a flow by keyboard",
		Long: `Talk with a flow by keyboard instead of by telephone: what is said, understood,
kept and done is shown. Orders are those of the shop in which the flow's
conversations take place, on the day on which they do; tickets are opened nowhere.

A line is what the caller says; an empty line is silence; #123 are keys; // begins
a comment. /` + strings.Join(conversation.Events(), ", /") + ` are
what else can happen. Ctrl-D hangs up.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newChat(cmd.OutOrStdout(), flags)
			if err != nil {
				return &usageError{cmd.CommandPath(), err}
			}
			in := cmd.InOrStdin()
			if flags.script != "" {
				f, err := os.Open(flags.script)
				if err != nil {
					return err
				}
				defer func() { _ = f.Close() }()
				in = f
			}
			c.echo = !typed(in)
			return c.run(in)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.flow, "flow", defaultFlow, "folder of the flow, or name of a built-in one")
	f.StringVar(&flags.lang, "lang", "", "language of the built-in flow, such as en-US")
	f.StringVar(&flags.from, "from", "13800000001", "number that the caller calls from; empty: withheld")
	f.StringVar(&flags.called, "called", "", "number that is called")
	f.StringVar(&flags.script, "script", "", "file with what the caller says, line by line")
	f.StringVar(&flags.shop, "shop", "", "file of the orders, as conversations have one; default that of the flow's")
	f.StringVar(&flags.now, "now", "", "when the call takes place, as in 2026-11-21T10:00:00+08:00; default the shop's day")
	return cmd
}

// chat is one conversation by keyboard.
type chat struct {
	out    io.Writer
	flow   *dialog.Flow
	call   *conversation.Call
	world  *chatWorld
	echo   bool // what is read is shown
	before dialog.State
}

func newChat(out io.Writer, flags chatFlags) (*chat, error) {
	name := flags.flow
	if flags.lang != "" {
		name = strings.TrimRight(name, "/") + "/" + flags.lang
	}
	flow, folder, err := loadFlow(name)
	if err != nil {
		return nil, err
	}
	world := &chatWorld{}
	if world.shop, err = chatShop(flow, folder, flags.shop); err != nil {
		return nil, err
	}
	now := world.shop.Now
	if flags.now != "" {
		if now, err = time.Parse(time.RFC3339, flags.now); err != nil {
			return nil, fmt.Errorf("--now: %w", err)
		}
	}
	start := dialog.Start{CallID: "chat", Caller: flags.from, Called: flags.called}
	return &chat{out: out, flow: flow, world: world, call: conversation.Begin(flow, world, start, now)}, nil
}

// chatShop is the shop in a file, or else of the flow's conversations.
func chatShop(flow *dialog.Flow, folder fs.FS, file string) (conversation.Shop, error) {
	if file != "" {
		return conversation.LoadShop(os.DirFS(filepath.Dir(file)), filepath.Base(file))
	}
	return shopIn(flow, folder, dialog.ConversationsFolder)
}

// typed says whether a person types what is read, who sees it then.
func typed(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// chatWorld finds orders and numbers tickets.
type chatWorld struct {
	shop    conversation.Shop
	tickets int
}

// firstTicket is the number before the first ticket's.
const firstTicket = 33780000

func (w *chatWorld) number() string {
	w.tickets++
	return fmt.Sprint(firstTicket + w.tickets)
}

// Answer implements conversation.World.
func (w *chatWorld) Answer(a dialog.Act) []dialog.Input {
	switch a := a.(type) {
	case dialog.FindOrders:
		return []dialog.Input{dialog.OrdersFound{RequestID: a.RequestID, Orders: w.shop.Find(a)}}
	case dialog.OpenTicket:
		return []dialog.Input{dialog.TicketOpened{Key: a.Key, Number: w.number()}}
	}
	return nil
}

// run talks until the conversation or the input ends.
func (c *chat) run(in io.Reader) error {
	fmt.Fprintf(c.out, "%s %s (%s)\n\n", c.flow.Name(), c.flow.Version(), c.flow.Language())
	if err := c.input(dialog.Started{}); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for {
		c.prompt()
		if !lines.Scan() {
			break
		}
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "//") {
			continue
		}
		if c.echo {
			fmt.Fprintf(c.out, "caller> %s\n", line)
		}
		input, err := c.read(line)
		if err != nil {
			fmt.Fprintf(c.out, "        %v\n", err)
			continue
		}
		if err := c.input(input); err != nil {
			return err
		}
		if c.call.State().Step == dialog.StepEnded {
			break
		}
	}
	c.summary()
	return lines.Err()
}

// prompt asks a person for the next line.
func (c *chat) prompt() {
	if c.echo {
		return
	}
	if c.call.State().Step == dialog.StepHandoff {
		fmt.Fprintln(c.out, "(a human has the call; /handoff_failed gives it back, Ctrl-D ends it)")
	}
	fmt.Fprint(c.out, "caller> ")
}

var errNoEvent = errors.New("that cannot happen now")

// read makes an input of a line.
func (c *chat) read(line string) (dialog.Input, error) {
	switch {
	case line == "":
		return dialog.Silence{}, nil
	case strings.HasPrefix(line, "#"):
		return dialog.Digits{Digits: line[1:], Terminated: true}, nil
	case strings.HasPrefix(line, "/"):
		ticket := ""
		if line == "/ticket" {
			ticket = c.world.number()
		}
		in, ok := c.call.Event(line[1:], ticket)
		if !ok {
			return nil, fmt.Errorf("%w: %.40q; there are /%s", errNoEvent, line, strings.Join(conversation.Events(), ", /"))
		}
		return in, nil
	}
	return dialog.Heard{Text: line}, nil
}
