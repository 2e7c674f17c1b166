package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestChatByScript(t *testing.T) {
	script := filepath.Join(t.TempDir(), "call.txt")
	text := "// a return, then a question\n我要退货\n是的\n第一个\n太小了\n收到了\n对\n运费谁出\n\n/landslide\n#0\n/handoff_failed\n没有了\nnever said\n"
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"chat", "--script", script, "--now", "2026-11-21T10:00:00+08:00"}
	out, err := execute(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, out, "find 13800138001: 3 found", "understood: return_request", "request: return_request", "slot order: 20261112003378 (verified)",
		"ticket return 20261112003378/1 wrong_size received=true verified=true", "ticket return: open 33780001",
		"rule 2 of freight: freight_buyer", "[bridge_silence]", "that cannot happen now", "handoff asked", "[handoff_failed",
		"the call ends: ticket_opened, ticket return open 33780001")
	if strings.Contains(out, "never said") || strings.Contains(out, "a return, then") {
		t.Errorf("a comment, or what comes after the end, was said:\n%s", out)
	}
	again, err := execute(t, args...)
	if err != nil || again != out {
		t.Errorf("the same script leads to something else: %v\n%s", err, again)
	}
}

func TestChatByKeyboard(t *testing.T) {
	var out bytes.Buffer
	root := newRoot()
	root.SetArgs([]string{"chat", "--from", ""})
	root.SetIn(strings.NewReader("转人工\n"))
	root.SetOut(&out)
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	wants(t, out.String(), "caller> ", "handoff asked", "gives it back", "the call ends: handed_off")
	if strings.Contains(out.String(), "find") {
		t.Error("orders were looked for without a number")
	}
}

func TestChatWithAShop(t *testing.T) {
	dir := writeFlow(t, "", "", "")
	script := filepath.Join(dir, "call.txt")
	if err := os.WriteFile(script, []byte("我要退货\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := execute(t, "chat", "--flow", dir, "--script", script, "--from", "13800000001", "--shop", filepath.Join(dir, "conversations", "shop.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	wants(t, out, "大前天买的轻薄羽绒服", "the call ends: unfinished")
	for _, args := range [][]string{{"--flow", "nowhere"}, {"--now", "today"}, {"--shop", "nowhere.yaml"}, {"--lang", "fr-FR"}, {"--script", "nowhere"}} {
		if _, err := execute(t, append([]string{"chat"}, args...)...); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
