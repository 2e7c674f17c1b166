package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// longestLine bounds a sentence on standard input, in bytes.
const longestLine = 64 << 10

// understood is a line of what 'tidegate nlu --json' prints.
type understood struct {
	Text       string            `json:"text"`
	Intent     string            `json:"intent"`
	Confidence float64           `json:"confidence"`
	Intents    []string          `json:"intents"`
	Slots      map[string]string `json:"slots"`
}

func nluCommand() *cobra.Command {
	var flow string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "nlu",
		Short: "Say what sentences mean, one a line from standard input",
		Long: `Say what sentences mean, one a line from standard input: the intent with its
confidence, further intents, and what fills slots.`,
		Example: `  echo 我要退货尾号三三七八 | tidegate nlu --json`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, _, err := loadFlow(flow)
			if err != nil {
				return &usageError{cmd.CommandPath(), err}
			}
			err = understandLines(f, cmd.InOrStdin(), cmd.OutOrStdout(), asJSON)
			if errors.Is(err, syscall.EPIPE) {
				return nil // who reads has seen enough
			}
			return err
		},
	}
	cmd.Flags().StringVar(&flow, "flow", dialog.Default().Name(), "name of a shipped flow, or a flow's folder")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object a line")
	return cmd
}

func understandLines(f *dialog.Flow, in io.Reader, out io.Writer, asJSON bool) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longestLine)
	w := bufio.NewWriter(out)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	read := 0
	for ; lines.Scan(); read++ {
		text := strings.ToValidUTF8(lines.Text(), "\uFFFD")
		u := f.Understand(text, time.Now())
		line := understood{Text: text, Intent: u.Intent, Confidence: u.Confidence, Intents: []string{u.Intent}, Slots: u.Slots}
		for _, s := range u.Intents[min(1, len(u.Intents)):] {
			line.Intents = append(line.Intents, s.Intent)
		}
		if line.Slots == nil {
			line.Slots = map[string]string{}
		}
		var err error
		if asJSON {
			err = enc.Encode(line)
		} else {
			_, err = fmt.Fprintln(w, line)
		}
		if err = errors.Join(err, w.Flush()); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d is longer than %d bytes", read+1, longestLine)
	}
	return lines.Err()
}

// String is for people: the intent, its confidence, further intents, slots.
func (u understood) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-17s %4.2f", u.Intent, u.Confidence)
	for _, more := range u.Intents[1:] {
		b.WriteString(" +" + more)
	}
	for _, name := range slices.Sorted(maps.Keys(u.Slots)) {
		fmt.Fprintf(&b, " %s=%s", name, u.Slots[name])
	}
	return b.String() + "  " + u.Text
}
