package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// every calls do for each command with the words that lead to it.
func every(c *cobra.Command, words []string, do func(*cobra.Command, []string)) {
	do(c, words)
	for _, sub := range c.Commands() {
		if sub.Name() != "help" && sub.Name() != "completion" {
			every(sub, append(words[:len(words):len(words)], sub.Name()), do)
		}
	}
}

// wrong runs a command line that has to be wrong usage in one line.
func wrong(t *testing.T, wants []string, args ...string) {
	t.Helper()
	_, err := execute(t, args...)
	var usage *usageError
	if !errors.As(err, &usage) || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(usage.command, "tidegate") {
		t.Errorf("%q: error %v is no wrong usage in one line", args, err)
		return
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q is not in: %v", args, want, err)
		}
	}
}

// Of every group: a wrong word is named with the right ones, whatever flags
// come with it; no word at all is told of as well.
func TestAWrongWordIsNamedWithTheRightOnes(t *testing.T) {
	t.Chdir(t.TempDir())
	groups := 0
	every(newRoot(), nil, func(c *cobra.Command, words []string) {
		if !c.HasSubCommands() {
			return
		}
		groups++
		var names []string
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" && sub.Name() != "completion" {
				names = append(names, sub.Name())
			}
		}
		all := append([]string{`"WRONGWORD"`, c.CommandPath()}, names...)
		line := func(more ...string) []string { return append(words[:len(words):len(words)], more...) }
		for _, more := range [][]string{
			{"WRONGWORD"}, {"WRONGWORD", "--nats.url=nats://127.0.0.1:1"}, {"WRONGWORD", "--nope", "x"}, {"WRONGWORD", "-x"}, {"WRONGWORD", names[0]},
		} {
			wrong(t, all, line(more...)...)
		}
		if len(words) > 0 { // the name of the program alone asks for help
			wrong(t, names, line()...)
		}
		if len(words) > 0 {
			wrong(t, all, line("--nats.url=nats://127.0.0.1:1", "WRONGWORD")...)
			wrong(t, names, line("--nats.url=nats://127.0.0.1:1")...)
		} else {
			wrong(t, []string{"--nope"}, "--nope")
		}
		near := names[0][:len(names[0])-1]
		wrong(t, []string{"did you mean", names[0]}, line(near, "--nope")...)
	})
	if groups < 12 {
		t.Errorf("%d groups", groups)
	}
}

// Of every command: a wrong flag is named, and so is what is missing or too
// much, before anything is read or begun.
func TestWrongFlagsAndArguments(t *testing.T) {
	t.Chdir(t.TempDir())
	every(newRoot(), nil, func(c *cobra.Command, words []string) {
		if c.HasSubCommands() {
			return
		}
		line := func(more ...string) []string { return append(words[:len(words):len(words)], more...) }
		wrong(t, []string{"--nope"}, line("--nope")...)
		use := strings.Fields(c.Use)[1:]
		if len(use) > 0 && !strings.HasPrefix(use[0], "[") {
			wrong(t, nil, line()...)
		}
		if !strings.Contains(c.Use, "...") && c.Name() != "try" {
			wrong(t, nil, line("1", "2", "3")...)
		}
	})
}

func TestQuestionsToAnOrderSystemThatAreWrong(t *testing.T) {
	t.Chdir(t.TempDir())
	text, err := execute(t, "oms", "example", "starter")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SHOP_TOKEN", "a-token")
	file := filepath.Join(t.TempDir(), "shop.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong(t, []string{`"ask"`, "find", "order", "return"}, "oms", "try", file, "ask", "--phone=1")
	wrong(t, []string{"find", "order", "return"}, "oms", "try", file)
	wrong(t, []string{"NUMBER"}, "oms", "try", file, "order")
	wrong(t, []string{"--nope"}, "oms", "try", file, "order", "1", "--nope")
}

func TestTheExitCodeOfWrongUsageIs2(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"dlq"}, {"dlq", "frob", "--nats.url=x"}, {"up", "extra"}, {"keys", "list", "extra"}, {"dlq", "show"}, {"check-config", "--nope"}} {
		if code := Run(t.Context(), args); code != 2 {
			t.Errorf("%q: exit code %d", args, code)
		}
	}
	if code := Run(t.Context(), nil); code != 0 {
		t.Errorf("the program's name alone: exit code %d", code)
	}
}
