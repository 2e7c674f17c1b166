package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms/rest"
)

// omsTry is one question to an order system, and how to show its answer.
type omsTry struct {
	out   io.Writer
	limit time.Duration
}

func omsTryCommand() *cobra.Command {
	try := &omsTry{}
	cmd := &cobra.Command{
		Use: "try FILE QUESTION", Short: "Ask an order system something, and show request, answer and what is made of it",
		Long: `Ask the order system that FILE describes something, and show each request and
answer, what is made of it, and the time. Secrets and what is about a person
are hidden. Writes change the order system, so that they want --write. QUESTION is

    find --phone N | --number N | --last-digits D [--limit N]
    order NUMBER
    trace NUMBER [--tracking N]
    refund NUMBER
    return NUMBER [--line ID[:QUANTITY]]... [--kind K] [--reason R] [--key K] --write
    cancel NUMBER [--reason R] [--key K] --write
    intercept NUMBER TRACKING [--key K] --write

    tidegate oms try shop.yaml find --phone 13800138000
    tidegate oms try shop.yaml order 20261112003378
    tidegate oms try shop.yaml return 20261112003378 --line 1 --write`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return wrongUsage(cmd, "%s wants FILE and QUESTION", cmd.CommandPath())
			}
			sub := try.commands()
			sub.SetArgs(args[1:])
			sub.SetOut(cmd.OutOrStdout())
			sub.SetErr(cmd.ErrOrStderr())
			try.out = visibleWriter{cmd.OutOrStdout()}
			err := try.execute(cmd.Context(), args[0], sub)
			var usage *usageError
			if errors.As(err, &usage) {
				usage.command = cmd.CommandPath() // help is there
			}
			return err
		},
	}
	// What follows FILE is the question's own.
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().DurationVar(&try.limit, "limit", 20*time.Second, "how long the question may take")
	return cmd
}

// omsTryPath is what the questions' commands are called by.
const omsTryPath = "tidegate oms try FILE"

type asked struct{}

// execute loads the description and runs the question's command with it.
func (t *omsTry) execute(ctx context.Context, file string, sub *cobra.Command) error {
	s, err := rest.Load(file, rest.Options{Observe: t.show})
	if err != nil {
		return err
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, asked{}, s), t.limit)
	defer cancel()
	return sub.ExecuteContext(ctx)
}

func (t *omsTry) show(e rest.Exchange) {
	fmt.Fprintln(t.out, e.Name)
	showExchange(t.out, e.Exchange)
	if e.Err != nil {
		fmt.Fprintf(t.out, "  ! %v\n", e.Err)
	}
}

func indent(w io.Writer, with, text string) {
	if text == "" {
		return
	}
	for line := range strings.Lines(text) {
		fmt.Fprintf(w, "%s%s\n", with, strings.TrimRight(line, "\n"))
	}
}

// question makes a command that asks, and shows what is made of the answer.
func (t *omsTry) question(use, short string, n int, ask func(context.Context, *rest.System, []string) (any, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: exactly(n, strings.Join(strings.Fields(use)[1:], " ")),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, _ := cmd.Context().Value(asked{}).(*rest.System)
			start := time.Now()
			answer, err := ask(cmd.Context(), s, args)
			took := time.Since(start).Round(time.Millisecond)
			if err != nil {
				return err
			}
			fmt.Fprintf(t.out, "= mapped after %v\n", took)
			indent(t.out, "=   ", rest.Mask(answer))
			return nil
		},
	}
}

func (t *omsTry) commands() *cobra.Command {
	root := &cobra.Command{
		Use: "try FILE", SilenceUsage: true, SilenceErrors: true, Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: omsTryPath},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(wrongFlag)
	return group(root,
		t.find(), t.trace(),
		t.question("order NUMBER", "One order", 1, func(ctx context.Context, s *rest.System, a []string) (any, error) { return s.Order(ctx, a[0]) }),
		t.question("refund NUMBER", "How far an order's refunds are", 1, func(ctx context.Context, s *rest.System, a []string) (any, error) {
			return s.RefundProgress(ctx, a[0])
		}),
		t.giveBack(), t.cancel(), t.intercept())
}

func (t *omsTry) find() *cobra.Command {
	var q schemas.OrdersFind
	cmd := t.question("find", "Orders by telephone number, number or last digits", 0, func(ctx context.Context, s *rest.System, _ []string) (any, error) {
		return s.FindOrders(ctx, q)
	})
	f := cmd.Flags()
	f.StringVar(&q.Phone, "phone", "", "the customer's telephone number")
	f.StringVar(&q.Number, "number", "", "the order's whole number")
	f.StringVar(&q.LastDigits, "last-digits", "", "the end of the order's number")
	f.IntVar(&q.Limit, "limit", 5, "orders at most")
	return cmd
}

func (t *omsTry) trace() *cobra.Command {
	var q schemas.TraceFind
	cmd := t.question("trace NUMBER", "The ways of an order's parcels", 1, func(ctx context.Context, s *rest.System, a []string) (any, error) {
		q.OrderNumber = a[0]
		return s.Trace(ctx, q)
	})
	cmd.Flags().StringVar(&q.TrackingNo, "tracking", "", "one parcel only")
	return cmd
}

// omsWrite are the flags of what changes an order system.
type omsWrite struct {
	write       bool
	key, reason string
}

func (w *omsWrite) flags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&w.write, "write", false, "do it: the order system is changed")
	cmd.Flags().StringVar(&w.key, "key", "", "idempotency key; the same one does it once (default: a new one)")
	cmd.Flags().StringVar(&w.reason, "reason", "changed_mind", "why, in the flows' words")
	return cmd
}

var errNoWrite = errors.New("this changes the order system: say --write")

func (w *omsWrite) begin(t *omsTry, kind string) error {
	if !w.write {
		return &usageError{"tidegate oms try", errNoWrite}
	}
	if w.key == "" {
		w.key = "try-" + schemas.NewID(time.Now()) + ":" + kind
	}
	fmt.Fprintf(t.out, "key %s; --key with it does the same again\n", w.key)
	return nil
}

func (t *omsTry) giveBack() *cobra.Command {
	var w omsWrite
	var lines []string
	var kind, text, contact string
	cmd := w.flags(t.question("return NUMBER", "Create a return (RMA)", 1, func(ctx context.Context, s *rest.System, a []string) (any, error) {
		r := schemas.ReturnCreate{CallID: "try", OrderNumber: a[0], Kind: schemas.ReturnKind(kind), Reason: w.reason, ReasonText: text, Contact: contact, RequestedAt: time.Now().UTC()}
		for _, l := range lines {
			id, n, many := strings.Cut(l, ":")
			line := schemas.ReturnLine{LineID: id}
			if many {
				var err error
				if line.Quantity, err = strconv.Atoi(n); err != nil || line.Quantity < 1 {
					return nil, &usageError{"tidegate oms try", fmt.Errorf("--line: want LINE or LINE:QUANTITY, got %q", l)}
				}
			}
			r.Lines = append(r.Lines, line)
		}
		if err := w.begin(t, "return"); err != nil {
			return nil, err
		}
		r.IdempotencyKey = w.key
		return s.CreateReturn(ctx, r)
	}))
	cmd.Flags().StringSliceVar(&lines, "line", nil, "what goes back: LINE or LINE:QUANTITY; none is the whole order")
	cmd.Flags().StringVar(&kind, "kind", string(schemas.ReturnForRefund), "return, exchange or refund")
	cmd.Flags().StringVar(&text, "text", "", "why, in the caller's words")
	cmd.Flags().StringVar(&contact, "contact", "", "the caller's telephone number")
	return cmd
}

func (t *omsTry) cancel() *cobra.Command {
	var w omsWrite
	return w.flags(t.question("cancel NUMBER", "Cancel an order", 1, func(ctx context.Context, s *rest.System, a []string) (any, error) {
		if err := w.begin(t, "cancel"); err != nil {
			return nil, err
		}
		return s.Cancel(ctx, schemas.OrderCancel{CallID: "try", IdempotencyKey: w.key, OrderNumber: a[0], Reason: w.reason, RequestedAt: time.Now().UTC()})
	}))
}

func (t *omsTry) intercept() *cobra.Command {
	var w omsWrite
	return w.flags(t.question("intercept NUMBER TRACKING", "Stop a parcel", 2, func(ctx context.Context, s *rest.System, a []string) (any, error) {
		if err := w.begin(t, "intercept"); err != nil {
			return nil, err
		}
		return s.Intercept(ctx, schemas.ParcelIntercept{CallID: "try", IdempotencyKey: w.key, OrderNumber: a[0], TrackingNo: a[1], Reason: w.reason, RequestedAt: time.Now().UTC()})
	}))
}
