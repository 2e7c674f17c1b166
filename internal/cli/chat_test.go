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
	text := "// a return, then a question\n我要退货\n是的\n太小了\n收到了\n我自己寄\n对\n运费谁出\n\n/landslide\n#0\n/handoff_failed\n没有了\nnever said\n"
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"chat", "--script", script, "--now", "2026-11-16T10:00:00+08:00"}
	out, err := execute(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, out, "find 13800000001: 1 found", "understood: return_request", "request: return_request", "slot order: 2026111200013378 (verified)",
		"ticket return 2026111200013378/L1 wrong_size received=true verified=true", "ticket return: open 33780001",
		"rule 3 of freight: freight_buyer", "[bridge_silence]", "that cannot happen now", "handoff asked", "[handoff_failed",
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
	c, err := newChat(&out, chatFlags{flow: defaultFlow})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.run(strings.NewReader("转人工\n")); err != nil {
		t.Fatal(err)
	}
	wants(t, out.String(), "caller> ", "handoff asked", "gives it back", "the call ends: handed_off")
	if strings.Contains(out.String(), "find") {
		t.Error("orders were looked for without a number")
	}
	if strings.Contains(out.String(), "caller> 转人工") {
		t.Error("what a person types is shown twice")
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

// TestChatThroughAPipe: what nobody types is shown.
func TestChatThroughAPipe(t *testing.T) {
	var out bytes.Buffer
	root := newRoot()
	root.SetArgs([]string{"chat"})
	root.SetIn(strings.NewReader("我要退货\n\n#1\n"))
	root.SetOut(&out)
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	wants(t, out.String(), "caller> 我要退货\n", "caller> \n", "[bridge_silence]", "caller> #1\n", "slot order: 2026111200013378 (verified)")
}
