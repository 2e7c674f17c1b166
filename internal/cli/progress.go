package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-isatty"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/tidegate/tidegate/internal/speechmodel/download"
)

// newProgress draws bars on a terminal, and writes a line now and then
// anywhere else.
func newProgress(out io.Writer) download.Progress {
	if f, ok := out.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		return &bars{out: out}
	}
	return &lines{out: out, every: 10 * time.Second}
}

// bars shows one download at a time: share, rate, time left.
type bars struct {
	out  io.Writer
	pool *mpb.Progress
	bar  *mpb.Bar
	last time.Time
}

// rateAge is over how many samples the rate is averaged.
const rateAge = 60

func (b *bars) Begin(name string, total, done int64) {
	b.pool = mpb.New(mpb.WithOutput(b.out), mpb.WithWidth(32), mpb.WithAutoRefresh())
	b.bar = b.pool.AddBar(total,
		mpb.PrependDecorators(decor.Name("  "+shorten(name, 40)+" ")),
		mpb.AppendDecorators(
			decor.Counters(decor.SizeB1000(0), " % .1f of % .1f"),
			decor.EwmaSpeed(decor.SizeB1000(0), "  % .1f", rateAge),
			decor.Name("  "), decor.EwmaETA(decor.ET_STYLE_GO, rateAge, decor.WCSyncSpace),
		),
	)
	if total == 0 {
		b.bar.SetTotal(-1, false) // not known: the bar follows what came
	}
	b.bar.SetCurrent(done)
	b.bar.SetRefill(done)
	b.last = time.Now()
}

func (b *bars) Add(n int64) {
	if b.bar == nil {
		return
	}
	now := time.Now()
	if n > 0 {
		b.bar.EwmaIncrInt64(n, now.Sub(b.last))
	} else {
		b.bar.SetCurrent(b.bar.Current() + n)
	}
	b.last = now
}

func (b *bars) End() {
	if b.bar == nil {
		return
	}
	if !b.bar.Completed() {
		b.bar.Abort(false)
	}
	b.pool.Wait()
	b.pool, b.bar = nil, nil
}

func (b *bars) Say(line string) { fmt.Fprintln(b.out, "  "+line) }

// lines is for logs: one line at the start, one every few seconds.
type lines struct {
	out         io.Writer
	every       time.Duration
	name        string
	now, total  int64
	told, began time.Time
	start       int64
}

func (l *lines) Begin(name string, total, done int64) {
	l.name, l.total, l.now, l.start = name, total, done, done
	l.began = time.Now()
	l.told = l.began
	rest := ""
	if done > 0 {
		rest = ", " + size(done) + " there already"
	}
	fmt.Fprintf(l.out, "  %s: %s%s\n", name, size(total), rest)
}

func (l *lines) Add(n int64) {
	l.now += n
	if l.name == "" || time.Since(l.told) < l.every {
		return
	}
	l.told = time.Now()
	rate := float64(l.now-l.start) / time.Since(l.began).Seconds()
	left := ""
	if l.total > l.now && rate > 0 {
		left = ", " + (time.Duration(float64(l.total-l.now)/rate) * time.Second).Round(time.Second).String() + " left"
	}
	fmt.Fprintf(l.out, "  %s: %s of %s, %s/s%s\n", l.name, size(l.now), size(l.total), size(int64(max(rate, 0))), left)
}

func (l *lines) End() { l.name = "" }

func (l *lines) Say(line string) { fmt.Fprintln(l.out, "  "+line) }

// size is for people; 0 is not known.
func size(bytes int64) string {
	if bytes <= 0 {
		return "?"
	}
	return humanize.Bytes(uint64(bytes))
}

func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return "…" + s[len(s)-limit+1:]
}
