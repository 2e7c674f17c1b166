package conversation

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// TestShipped runs the conversations of every shipped flow.
func TestShipped(t *testing.T) {
	for _, name := range dialog.ShippedFlows() {
		t.Run(name, func(t *testing.T) {
			folder, err := dialog.ShippedFlow(name)
			if err != nil {
				t.Fatal(err)
			}
			flow, err := dialog.LoadFlow(folder, ".")
			if err != nil {
				t.Fatal(err)
			}
			all, err := Load(folder, dialog.ConversationsFolder)
			if err != nil {
				t.Fatal(err)
			}
			shop, err := LoadShop(folder, dialog.ConversationsFolder+"/"+ShopFile)
			if err != nil {
				t.Fatal(err)
			}
			if len(all) < 20 {
				t.Errorf("only %d conversations", len(all))
			}
			for _, c := range all {
				t.Run(c.Name, func(t *testing.T) {
					for _, f := range Run(flow, shop, c).Failures {
						t.Errorf("%s:%d: %s", c.File, c.Line, f)
					}
				})
			}
		})
	}
}

const sound = `- name: hello
  from: "1"
  turns:
    - {bot: [greeting, ask_intent], acts: [find 1]}
    - say: 转人工
      bot: [handoff]
      acts: [handoff asked]
  outcome: handed_off
`

func shop(t *testing.T) Shop {
	t.Helper()
	s, err := LoadShop(fstest.MapFS{"shop.yaml": {Data: []byte("now: \"2026-11-15T10:00:00+08:00\"\nticket: \"1\"\n")}}, "shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRunSeesEveryDifference damages a conversation in one place at a time.
func TestRunSeesEveryDifference(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		line           int
		want           []string
	}{
		{"sound", "hello", "hello again", 0, nil},
		{"prompts", "[handoff]", "[goodbye]", 5, []string{"caller says 转人工", "prompts, wanted: [goodbye]", "got: [handoff]"}},
		{"acts", "handoff asked", "handoff offered", 5, []string{"acts, wanted: [handoff offered]"}},
		{"acts not given", "      acts: [handoff asked]\n", "", 5, []string{"acts, wanted: []"}},
		{"beginning", "find 1", "find 2", 4, []string{"the call begins"}},
		{"words", "bot: [handoff]", "bot: [handoff]\n      text: [xyzzy]", 5, []string{"words, wanted: xyzzy", "said: "}},
		{"outcome", "handed_off", "resolved", 0, []string{"at the end", "outcome, wanted: resolved"}},
		{"slot", "  outcome", "  slots: {order: \"1\"}\n  outcome", 0, []string{"slot order, wanted: 1", "got: nothing"}},
		{"dialect", "  outcome", "  dialect: yue\n  outcome", 0, []string{"dialect, wanted: yue"}},
		{"impossible event", "say: 转人工", "event: ticket", 5, []string{"event"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(sound, c.old, c.new, 1)
			if text == sound {
				t.Fatalf("%q is not there", c.old)
			}
			all, err := Load(fstest.MapFS{"f/a.yaml": {Data: []byte(text)}}, "f")
			if err != nil || len(all) != 1 {
				t.Fatalf("%v %v", all, err)
			}
			if all[0].Line != 1 || all[0].File != "f/a.yaml" {
				t.Errorf("stands at %s:%d", all[0].File, all[0].Line)
			}
			r := Run(dialog.Default(), shop(t), all[0])
			if r.Passed() != (c.want == nil) {
				t.Fatalf("failures: %v", r.Failures)
			}
			if c.want == nil {
				return
			}
			if r.Failures[0].Line != c.line {
				t.Errorf("line %d, want %d", r.Failures[0].Line, c.line)
			}
			for _, w := range c.want {
				if !strings.Contains(r.Failures[0].String(), w) {
					t.Errorf("%q is not in %q", w, r.Failures[0])
				}
			}
		})
	}
}

func TestLoadNamesFileAndLine(t *testing.T) {
	text := strings.ReplaceAll(sound, "say: 转人工", "event: landslide\n      keys: \"1\"") +
		"- name: hello\n  orders: late\n  tickets: late\n"
	_, err := Load(fstest.MapFS{"a.yaml": {Data: []byte(text)}, "b.yaml": {Data: []byte("- name: x\n  trns: []\n")},
		"c.yaml": {Data: []byte("- [")}, "shop.yaml": {Data: []byte("not: this")}}, ".")
	if !errors.Is(err, ErrFormat) {
		t.Fatalf("got %v", err)
	}
	for _, w := range []string{"a.yaml:5: unknown event", "a.yaml:5: a turn has only one", `a.yaml:10: "hello" is the name of another one too (a.yaml:1)`,
		"a.yaml:10: \"hello\" has no turns", "orders is \"late\"", "tickets is \"late\"", "b.yaml:2: unknown field", "c.yaml"} {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in\n%v", w, err)
		}
	}
	for _, bad := range []string{"", "now: 1", "nowhere: 1", "callers: {\"1\": [{nmber: 1}]}\n", "! 00000000"} {
		if _, err := LoadShop(fstest.MapFS{"shop.yaml": {Data: []byte(bad)}}, "shop.yaml"); !errors.Is(err, ErrFormat) {
			t.Errorf("shop %q: %v", bad, err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(sound))
	f.Add([]byte("- name: x\n  turns: [{}]\n"))
	f.Add([]byte("- ! 0000000000"))
	if data, err := os.ReadFile("../flows/returns/zh-CN/conversations/trouble.yaml"); err == nil {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := Load(fstest.MapFS{"a.yaml": {Data: data}}, ".")
		if err != nil {
			return
		}
		for _, c := range all[:min(len(all), 3)] {
			if len(c.Turns) < 10 {
				Run(dialog.Default(), Shop{Ticket: "1"}, c)
			}
		}
	})
}
