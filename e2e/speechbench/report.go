package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// report writes tables as Markdown as they are measured, and on standard error
// what is being measured.
type report struct {
	out, progress io.Writer
	began         time.Time
}

func newReport() *report {
	return &report{out: os.Stdout, progress: os.Stderr, began: time.Now()}
}

// table is one result. What could not be measured is said in notes.
type table struct {
	title string
	head  []string
	rows  [][]string
	notes []string
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

func (r *report) table(t table) {
	line := func(cells []string) { fmt.Fprintf(r.out, "| %s |\n", strings.Join(cells, " | ")) }
	fmt.Fprintf(r.out, "\n### %s\n\n", t.title)
	if len(t.rows) > 0 {
		line(t.head)
		line(slices.Repeat([]string{"---"}, len(t.head)))
		for _, cells := range t.rows {
			line(cells)
		}
		fmt.Fprintln(r.out)
	}
	for _, n := range t.notes {
		fmt.Fprintf(r.out, "- %s\n", n)
	}
}

// now says what is being done, for who waits.
func (r *report) now(format string, args ...any) {
	fmt.Fprintf(r.progress, "%4.0f s  %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// spread is what a few times tell.
type spread []time.Duration

// at is the p-th percentile by nearest rank; 0 of nothing.
func (s spread) at(p int) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

func (s spread) cell(p int) string {
	if len(s) == 0 {
		return "–"
	}
	d := s.at(p)
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// budget gives a part of the program a time of its own; what is not measured
// by its end is left out and said to be.
func budget(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}
