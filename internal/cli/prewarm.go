package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/workers/tts"
)

// prewarm has what the flow always says made before the first call, so that
// the first caller hears the greeting as fast as the tenth. It waits for it
// tts.prewarm_wait at most; the rest is made while calls come in.
func (u *up) prewarm(ctx context.Context) error {
	var requests []tts.Request
	for _, m := range u.orchestrator.Prompts() {
		requests = append(requests, tts.RequestsOf(m)...)
	}
	if len(requests) == 0 {
		return nil
	}
	line := newPromptLine(u.out)
	done := u.tts.Prepare(requests, line.show)
	limit := time.NewTimer(u.cfg.TTS.PrewarmWait)
	defer limit.Stop()
	defer line.end()
	select {
	case err := <-done:
		if failed := config.Errors(err); len(failed) == len(requests) {
			return fmt.Errorf("prepare prompts: nothing can be said: %w", failed[0])
		} else if err != nil {
			u.log.Error("some prompts were not prepared", "count", len(failed), "error", failed[0])
		}
	case <-limit.C:
		u.log.Warn("calls are taken before all prompts are prepared", "waited", u.cfg.TTS.PrewarmWait)
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// promptLine shows the preparation of prompts on one line of a terminal; on
// anything else it shows nothing, as the log tells it.
type promptLine struct {
	mu    sync.Mutex
	out   io.Writer // nil: no terminal, or the end
	shown bool
}

func newPromptLine(out io.Writer) *promptLine {
	if f, ok := out.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return &promptLine{out: out}
		}
	}
	return &promptLine{}
}

func (l *promptLine) show(p tts.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out == nil {
		return
	}
	const width = 24
	full := width * p.Done / max(1, p.Total)
	fmt.Fprintf(l.out, "\r\x1b[K  prompts  [%s%s] %d/%d", strings.Repeat("=", full), strings.Repeat(" ", width-full), p.Done, p.Total)
	l.shown = true
}

// end leaves the terminal to others.
func (l *promptLine) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shown {
		fmt.Fprintln(l.out)
	}
	l.out = nil
}
