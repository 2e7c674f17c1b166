package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tidegate/tidegate/e2e/interruption"
)

// counts of one way to detect interruptions, by kind of sound.
type interruptionCounts struct {
	played, cut map[interruption.Kind]int
	stop        spread // of those that were to cut
	left        int    // that were not over in time
}

// abreast is how many calls are placed at a time.
const abreast = 24

// interrupt plays every sound in a call of its own.
func interrupt(ctx context.Context, o interruption.Options, sounds []interruption.Sound) (interruptionCounts, []string, error) {
	c := interruptionCounts{played: map[interruption.Kind]int{}, cut: map[interruption.Kind]int{}}
	var wrong []string
	var mu sync.Mutex
	var failed error
	next := make(chan int)
	var lines sync.WaitGroup
	for line := range abreast {
		lines.Go(func() {
			own := o
			own.From = fmt.Sprintf("139%08d", line)
			for i := range next {
				own.To = fmt.Sprintf("4%03d", i)
				out, err := interruption.Play(ctx, own, sounds[i])
				if err != nil && ctx.Err() == nil {
					own.To = fmt.Sprintf("5%03d", i)
					out, err = interruption.Play(ctx, own, sounds[i]) // a machine that is busy is late now and then
				}
				mu.Lock()
				switch {
				case ctx.Err() != nil:
					c.left++
				case err != nil:
					failed = errors.Join(failed, err)
				default:
					c.add(out)
					if out.Cut != out.Sound.Interrupts() {
						wrong = append(wrong, fmt.Sprintf("%s, heard as %q", out.Sound.Name, words(out)))
					}
				}
				mu.Unlock()
			}
		})
	}
	for i := range sounds {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	lines.Wait()
	return c, wrong, failed
}

func (c *interruptionCounts) add(o interruption.Outcome) {
	k := o.Sound.Kind
	c.played[k]++
	if !o.Cut {
		return
	}
	c.cut[k]++
	if o.Sound.Interrupts() {
		c.stop = append(c.stop, o.Stopped)
	}
}

// words are what was understood of the caller.
func words(o interruption.Outcome) (heard []string) {
	for _, turn := range o.Record.Turns {
		if turn.Role == "caller" {
			heard = append(heard, turn.Text)
		}
	}
	return heard
}

func interruptionTable() table {
	t := table{
		title: "What interrupts a prompt",
		head:  []string{"detection"},
	}
	for _, k := range interruption.Kinds {
		name := "false: " + string(k)
		if k.Interrupts() {
			name = "missed: " + string(k)
		}
		t.head = append(t.head, name)
	}
	t.head = append(t.head, "stopped after, p50", "p95")
	return t
}

func (c *interruptionCounts) row(t *table, name string) {
	cells := []string{name}
	for _, k := range interruption.Kinds {
		wrong := c.cut[k]
		if k.Interrupts() {
			wrong = c.played[k] - c.cut[k]
		}
		cells = append(cells, fmt.Sprintf("%d of %d", wrong, c.played[k]))
	}
	t.row(append(cells, c.stop.cell(50), c.stop.cell(95))...)
	if c.left > 0 {
		t.note("%s: there was no time for %d of the calls.", name, c.left)
	}
}
