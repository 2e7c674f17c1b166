package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/schemas"
)

// display prints conversations, each of their texts on one line and nothing in
// it for the terminal; facts come on other goroutines. On a terminal
// its last line shows what is being recognised, while it is.
type display struct {
	live bool

	mu      sync.Mutex
	out     io.Writer
	hearsay string // on the last line
}

func newDisplay(out io.Writer) *display {
	f, ok := out.(*os.File)
	return &display{out: out, live: ok && isatty.IsTerminal(f.Fd())}
}

// eraseLine goes back to the beginning of a terminal's line and empties it
// (ECMA-48: EL).
const eraseLine = "\r\x1b[K"

func (d *display) printf(format string, a ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hearsay != "" {
		d.hearsay = ""
		fmt.Fprint(d.out, eraseLine)
	}
	fmt.Fprintf(d.out, format, a...)
}

// hearing shows what has been recognised of a sentence so far.
func (d *display) hearing(m bus.Message) {
	t, ok := m.Data.(*schemas.MediaTranscript)
	if !ok || !d.live || t.Final || t.Text == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.Text == d.hearsay {
		return
	}
	d.hearsay = t.Text
	fmt.Fprintf(d.out, "%s%s 来电 %s…", eraseLine, m.Envelope.Time.Local().Format(time.TimeOnly), line(t.Text))
}

func (d *display) fact(m bus.Message) {
	at := m.Envelope.Time.Local().Format(time.TimeOnly)
	switch f := m.Data.(type) {
	case *schemas.CallAnswered:
		d.printf("%s ☎  answered\n", at)
	case *schemas.CallTurn:
		d.turn(at, f)
	case *schemas.CallHandedOff:
		d.printf("%s →  handed over to %s (%s), with intent and everything said\n", at, line(f.Target), line(f.Kind))
	case *schemas.CallEnded:
		d.printf("%s ☎  ended: %s\n", at, line(string(f.Outcome)))
	}
}

func (d *display) turn(at string, t *schemas.CallTurn) {
	if t.Role == schemas.RoleAgent {
		cut := ""
		if t.Interrupted {
			cut = " …(interrupted)"
		}
		d.printf("%s 客服 %s%s\n", at, line(t.Text), cut)
		return
	}
	note := ""
	if t.Intent != "" {
		note = "   [" + line(t.Intent) + "]"
	}
	d.printf("%s 来电 %s%s\n", at, line(t.Text), note)
}

func (d *display) result(res caller.Result, err error) {
	ms := func(v *int64) string {
		if v == nil {
			return "never"
		}
		return fmt.Sprintf("%d ms", *v)
	}
	if err != nil {
		d.printf("   failed: %s\n", line(err.Error()))
	}
	for _, f := range res.Failures {
		d.printf("   not as expected: %s\n", line(f))
	}
	d.printf("   answered after %s, first prompt after %s", ms(res.AnsweredMS), ms(res.FirstPromptMS))
	if res.TicketNumber != "" {
		d.printf(", ticket %s", line(res.TicketNumber))
	}
	d.printf("\n")
}
