package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// TestFlowExport: what is written is a flow without mistakes whose
// conversations go as they should, and nothing is written over.
func TestFlowExport(t *testing.T) {
	for _, name := range dialog.ShippedFlows() {
		dir := filepath.Join(t.TempDir(), "mine")
		out, err := execute(t, "flow", "export", name, dir)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		wants(t, out, " files in "+dir)
		if out, err = execute(t, "flow", "check", dir); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if out, err = execute(t, "flow", "test", dir); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if _, err = execute(t, "flow", "export", name, dir); !errors.Is(err, fs.ErrExist) {
			t.Errorf("written over: %v", err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := execute(t, "flow", "export", "returns", file); err == nil {
		t.Error("written into a file")
	}
	var usage *usageError
	for _, args := range [][]string{{"flow", "export", "nothing", t.TempDir()}, {"flow", "export", "returns"}} {
		if _, err := execute(t, args...); !errors.As(err, &usage) {
			t.Errorf("%v: %v", args, err)
		}
	}
}
