package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/workers/ticket"
)

// A console moves tickets by the rules that the workers have: with wrong ones
// it does not start, and says where they are wrong.
func TestAConsoleNeedsTheRulesOfDispatch(t *testing.T) {
	cfg := Defaults()
	cfg.Ticket.RulesFile = filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(cfg.Ticket.RulesFile, []byte("rules:\n  - {name: all, group: nobody}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newProcess(&cfg).newConsole(); !errors.Is(err, ticket.ErrRules) || !strings.Contains(err.Error(), "rules.yaml:2: ") {
		t.Errorf("%v", err)
	}
	cfg.Ticket.RulesFile = ""
	// The next that it needs is a bus.
	if _, err := newProcess(&cfg).newConsole(); err == nil || !strings.Contains(err.Error(), "Bus") {
		t.Errorf("%v", err)
	}
}
