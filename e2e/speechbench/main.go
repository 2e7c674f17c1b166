// Speechbench measures recognition, synthesis and turn-taking with every
// engine that this machine has, and prints tables as Markdown.
//
// It reads the recordings and models of TIDEGATE_SPEECH_DATA (or
// ../shared/speech beside the project) and the installed models, and says of
// each table what was not there for it. Nothing it prints is written down
// anywhere but in what it has measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/speechmodel"
)

// parts of the program, with the time that each may take.
var parts = []struct {
	name string
	time time.Duration
	run  func(*bench, context.Context) error
}{
	{"recognition", 120 * time.Second, (*bench).recognition},
	{"streams", 50 * time.Second, (*bench).streams},
	{"synthesis", 30 * time.Second, (*bench).synthesis},
	{"calls", 140 * time.Second, (*bench).calls},
	{"interruptions", 130 * time.Second, (*bench).interruptions},
}

// bench is one run.
type bench struct {
	*report
	dir    string // for files, gone at the end
	path   string // of the built program
	models speechmodel.Config
}

func main() {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	only := flag.String("only", strings.Join(names, ","), "parts to measure")
	models := flag.String("models", speechmodel.Defaults().Dir, "folder of installed models")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, strings.Split(*only, ","), *models); err != nil {
		fmt.Fprintln(os.Stderr, "speechbench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only []string, models string) error {
	dir, err := os.MkdirTemp("", "speechbench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &bench{report: newReport(), dir: dir, models: speechmodel.Defaults()}
	b.models.Dir = models
	fmt.Fprintf(b.out, "Measured %s: %s, %s/%s, %d cores.\n", time.Now().Format(time.DateOnly), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	var failed error // of one part; the others are measured all the same
	for _, p := range parts {
		if !slices.Contains(only, p.name) {
			continue
		}
		b.now("%s", p.name)
		limited, cancel := budget(ctx, p.time)
		err := p.run(b, limited)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	b.now("done")
	return failed
}
