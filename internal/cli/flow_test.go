package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// writeFlow writes the built-in flow to a folder, with one text replaced in
// one of its files.
func writeFlow(t *testing.T, file, old, replacement string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, dialog.Shipped()); err != nil {
		t.Fatal(err)
	}
	if file == "" {
		return dir
	}
	path := filepath.Join(dir, file)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(old)) {
		t.Fatalf("%q is not in %s", old, file)
	}
	if err := os.WriteFile(path, bytes.Replace(data, []byte(old), []byte(replacement), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func wants(t *testing.T, out string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(out, p) {
			t.Errorf("%q is not in\n%s", p, out)
		}
	}
}

func TestFlowListAndCheck(t *testing.T) {
	out, err := execute(t, "flow", "list")
	if err != nil {
		t.Fatal(err)
	}
	wants(t, out, "returns/zh-CN", dialog.Default().Version(), "zh-CN: 13 intents with ", " rules, ")
	if out, err = execute(t, "flow", "check"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	n := dialog.Default().Counts()
	wants(t, out, "returns/zh-CN: right (returns "+dialog.Default().Version()+", zh-CN: ", fmt.Sprintf(" %d slots, %d questions, %d prompts, %d rules, ", n.Slots, n.Questions, n.Prompts, n.Rules))
	if n.Intents == 0 || n.Examples <= n.Intents || n.Slots == 0 || n.Questions == 0 || n.Prompts == 0 || n.Rules == 0 {
		t.Errorf("counted %+v", n)
	}
	dir := writeFlow(t, "tasks.yaml", "say: chitchat_answer", "say: nothing_here")
	if err := os.WriteFile(filepath.Join(dir, dialog.ConversationsFolder, "extra.yaml"), []byte("- name: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, dialog.ConversationsFolder, "shop.yaml"), []byte("now: soon\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err = execute(t, "flow", "check", dir, "returns")
	if !errors.Is(err, errSilent) {
		t.Errorf("a broken flow: %v", err)
	}
	wants(t, out, dir+"/tasks.yaml:", `unknown prompt "nothing_here"`, dir+"/conversations/extra.yaml:1", dir+"/conversations/shop.yaml:", "returns: right")
	if _, err := execute(t, "flow", "check", "no-such-flow"); !errors.Is(err, dialog.ErrNoFlow) {
		t.Errorf("a flow that there is not: %v", err)
	}
	if _, err := execute(t, "flow", "list", dir); err == nil || !strings.Contains(err.Error(), dir+"/tasks.yaml:") {
		t.Errorf("listing a broken flow: %v", err)
	}
}

func TestFlowGraph(t *testing.T) {
	out, err := execute(t, "flow", "graph")
	if err != nil {
		t.Fatal(err)
	}
	wants(t, out, "flowchart TD", "return_request", "ticket return", "rules freight")
	named, err := execute(t, "flow", "graph", writeFlow(t, "", "", ""))
	if err != nil || named != out {
		t.Errorf("the same flow in a folder is drawn otherwise (%v)", err)
	}
	if _, err := execute(t, "flow", "graph", "a", "b"); err == nil {
		t.Error("two flows in one graph")
	}
}

func TestFlowTest(t *testing.T) {
	out, err := execute(t, "flow", "test")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, out, "conversations passed")
	// A flow that says something else where the conversations want one thing.
	dir := writeFlow(t, "tasks.yaml", "return_request:\n    slots: [order, line, reason, received,", "return_request:\n    slots: [order, line, received, reason,")
	out, err = execute(t, "flow", "test", dir)
	if !errors.Is(err, errSilent) {
		t.Fatalf("conversations that fail: %v\n%s", err, out)
	}
	wants(t, out, "FAIL  return with the recent order offered  ("+dir+"/conversations/return.yaml:1)", "caller says 对", "wanted: [ask_reason]", "got: [ask_received]")
	if _, err = execute(t, "flow", "test", dir, "--run", "no conversation has this name"); !errors.Is(err, errNoConversations) {
		t.Errorf("no conversation: %v", err)
	}
	var usage *usageError
	if _, err = execute(t, "flow", "test", "--run", "("); !errors.As(err, &usage) {
		t.Errorf("a wrong expression: %v", err)
	}
	if _, err = execute(t, "flow", "test", "--conversations", dir); !errors.As(err, &usage) {
		t.Errorf("--conversations without FLOW: %v", err)
	}
	if _, err = execute(t, "flow", "test", dir, "--conversations", filepath.Join(dir, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that there is not: %v", err)
	}
	for _, args := range [][]string{{"flow", "test", "nowhere"}, {"flow", "graph", "nowhere"}, {"flow", "list", "nowhere"}} {
		if _, err = execute(t, args...); !errors.As(err, &usage) {
			t.Errorf("%v: %v", args, err)
		}
	}
	elsewhere := filepath.Join(dir, dialog.ConversationsFolder)
	if out, err = execute(t, "flow", "test", "returns", "--conversations", elsewhere); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestFlowTestBorrows: a flow without conversations is led through the
// built-in ones, and conversations without a shop take place in the built-in
// one.
func TestFlowTestBorrows(t *testing.T) {
	dir := writeFlow(t, "", "", "")
	theirs := filepath.Join(dir, dialog.ConversationsFolder)
	if err := os.Remove(filepath.Join(theirs, "shop.yaml")); err != nil {
		t.Fatal(err)
	}
	out, err := execute(t, "flow", "test", dir, "-v", "--run", "^return with the recent order offered$")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, out, "ok    return with the recent order offered\n", "1 of 1 conversations passed")
	if err := os.RemoveAll(theirs); err != nil {
		t.Fatal(err)
	}
	if out, err = execute(t, "flow", "test", dir); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, out, " conversations passed")
	other := writeFlow(t, "flow.yaml", "language: zh-CN", "language: zh-TW")
	if err := os.RemoveAll(filepath.Join(other, dialog.ConversationsFolder)); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"flow", "test", other}, {"chat", "--flow", other}} {
		if _, err := execute(t, args...); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v, in a language without built-in conversations: %v", args, err)
		}
	}
}
