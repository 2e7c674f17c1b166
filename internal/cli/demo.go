package cli

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/tts"
)

// demoCalls are placed one after the other, so that a person can follow them.
var demoCalls = []string{"return", "refund-status", "human"}

// callersVoice is what simulated callers speak with: other voices than the
// assistant's, and tones where there are none.
func callersVoice(cfg tts.Config) (tts.Engine, error) {
	if cfg.Engine == tts.EngineSherpa {
		cfg.Engine = tts.EngineAuto
	}
	cfg.Sherpa.Model = ""
	return tts.NewEngine(cfg)
}

// demo places the calls and shows what is said, from the facts of the calls
// as they are published. The error says which call went another way.
func (u *up) demo(ctx context.Context, out io.Writer, stays bool) error {
	show := &display{out: out}
	sub, err := u.bus.Subscribe(schemas.SubjectCallFacts, "", show.fact)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	engine, err := callersVoice(u.cfg.TTS)
	if err != nil {
		return err
	}
	defer func() { _ = engine.Close() }()
	failed := 0
	for _, name := range demoCalls {
		sc, err := scenarios.Load(name)
		if err != nil {
			return err
		}
		show.printf("\n── %s: %s\n", name, sc.Description)
		res, err := caller.Run(ctx, caller.Options{
			Target: "sip:" + u.devswitch.SIPAddr(), Scenario: sc, Engine: engine,
			APIURL: "http://" + u.console.Addr(), APIToken: u.cfg.Console.Token.Reveal(), Log: u.log,
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || !res.OK {
			failed++
		}
		show.result(res, err)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d demo calls did not go as their scenarios say", failed, len(demoCalls))
	}
	if stays {
		show.printf("\nThe demo calls are over; the records are on the page. Tidegate stays up.\n")
	}
	return nil
}

// display prints a conversation; facts come on another goroutine.
type display struct {
	mu  sync.Mutex
	out io.Writer
}

func (d *display) printf(format string, a ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintf(d.out, format, a...)
}

func (d *display) fact(m bus.Message) {
	at := m.Envelope.Time.Local().Format(time.TimeOnly)
	switch f := m.Data.(type) {
	case *schemas.CallAnswered:
		d.printf("%s ☎  answered\n", at)
	case *schemas.CallTurn:
		d.turn(at, f)
	case *schemas.CallHandedOff:
		d.printf("%s →  handed over to %s (%s), with intent and everything said\n", at, f.Target, f.Kind)
	case *schemas.CallEnded:
		d.printf("%s ☎  ended: %s\n", at, f.Outcome)
	}
}

func (d *display) turn(at string, t *schemas.CallTurn) {
	if t.Role == schemas.RoleAgent {
		cut := ""
		if t.Interrupted {
			cut = " …(interrupted)"
		}
		d.printf("%s 客服 %s%s\n", at, t.Text, cut)
		return
	}
	note := ""
	if t.Intent != "" {
		note = "   [" + t.Intent + "]"
	}
	d.printf("%s 来电 %s%s\n", at, t.Text, note)
}

func (d *display) result(res caller.Result, err error) {
	ms := func(v *int64) string {
		if v == nil {
			return "never"
		}
		return fmt.Sprintf("%d ms", *v)
	}
	if err != nil {
		d.printf("   failed: %v\n", err)
	}
	for _, f := range res.Failures {
		d.printf("   not as expected: %s\n", f)
	}
	d.printf("   answered after %s, first prompt after %s", ms(res.AnsweredMS), ms(res.FirstPromptMS))
	if res.TicketNumber != "" {
		d.printf(", ticket %s", res.TicketNumber)
	}
	d.printf("\n")
}
