package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

func TestFlowCheckAndGraph(t *testing.T) {
	out, err := execute(t, "flow", "check")
	if err != nil || !strings.HasPrefix(out, "returns ") || !strings.Contains(out, "no mistakes") {
		t.Errorf("%q, %v", out, err)
	}
	if out, err = execute(t, "flow", "graph"); err != nil || !strings.Contains(out, "\nflowchart TD\n") {
		t.Errorf("%q, %v", out, err)
	}
	dir := filepath.Join(t.TempDir(), "mine")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "flow.yaml"), []byte("flow:\n  name: mine\n  utc_offset: soon\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = execute(t, "flow", "check", dir)
	if !errors.Is(err, dialog.ErrFlow) || !strings.Contains(err.Error(), "flow.yaml:") {
		t.Errorf("mistakes: %v", err)
	}
	var usage *usageError
	if _, err = execute(t, "flow", "graph", filepath.Join(dir, "none")); !errors.As(err, &usage) {
		t.Errorf("a flow that is not there: %v", err)
	}
}
