package dialog

import (
	"errors"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const shipped = "flows/returns/zh-CN"

// copyFlow is the shipped flow in memory, to be damaged.
func copyFlow(t testing.TB) fstest.MapFS {
	t.Helper()
	names, err := fs.Glob(embedded, shipped+"/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no flow files: %v", err)
	}
	m := fstest.MapFS{}
	for _, name := range names {
		data, err := embedded.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m[name] = &fstest.MapFile{Data: data}
	}
	return m
}

func TestDefaultFlow(t *testing.T) {
	f := Default()
	if f.Name() != "returns" || f.Language() != "zh-CN" || f.Version() == "" {
		t.Errorf("got %q %q %q", f.Name(), f.Language(), f.Version())
	}
	want := []string{"cancel_order", "chitchat", "complaint", "exchange_request", "freight_policy", "goodbye",
		"order_status", "out_of_scope", "refund_policy", "refund_status", "return_policy", "return_request", "transfer_human"}
	if !slices.Equal(f.Intents(), want) {
		t.Errorf("intents: got %v", f.Intents())
	}
	for _, p := range f.FixedPrompts() {
		if strings.ContainsAny(p.Text, "{}") || p.Text == "" {
			t.Errorf("fixed prompt %s: %q", p.ID, p.Text)
		}
	}
	if n := len(f.FixedPrompts()); n < 40 {
		t.Errorf("only %d fixed prompts", n)
	}
}

func TestVoiceAndStyles(t *testing.T) {
	m := copyFlow(t)
	name := shipped + "/flow.yaml"
	m[name] = &fstest.MapFile{Data: append(m[name].Data, []byte("\nvoice: {name: xiaoyu, rate: 1.1, language: yue-CN}\n")...)}
	f, err := LoadFlow(m, shipped)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Voice{Name: "xiaoyu", Rate: 1.1, Language: "yue-CN"}); f.Voice() != want {
		t.Errorf("voice %+v, want %+v", f.Voice(), want)
	}
	if want := (Voice{Language: "zh-CN"}); Default().Voice() != want {
		t.Errorf("voice of a flow that names none: %+v", Default().Voice())
	}
	m[shipped+"/more.yaml"] = &fstest.MapFile{Data: []byte("voice: {name: xiaoxiao}\n")}
	if _, err := LoadFlow(m, shipped); !errors.Is(err, ErrFlow) || !strings.Contains(err.Error(), "section voice is defined twice") {
		t.Errorf("two voices: %v", err)
	}
	delete(m, shipped+"/more.yaml")
	// Whatever a flow calls a style, what it means has one name.
	styles := map[string]string{}
	for _, p := range f.FixedPrompts() {
		styles[p.ID] = p.Style
	}
	for id, want := range map[string]string{"complaint_answer": "calm", "ticket_failed": "apologetic", "greeting": ""} {
		if styles[id] != want {
			t.Errorf("%s has style %q, want %q", id, styles[id], want)
		}
	}
	for _, bad := range []string{"rate: 5", "rate: -1", "rate: .nan", "name: " + strings.Repeat("a", 65), "language: " + strings.Repeat("a", 17)} {
		m[name] = &fstest.MapFile{Data: append(copyFlow(t)[name].Data, []byte("\nvoice: {"+bad+"}\n")...)}
		if _, err := LoadFlow(m, shipped); !errors.Is(err, ErrFlow) || !strings.Contains(err.Error(), "flow.yaml:") {
			t.Errorf("voice {%s}: %v", bad, err)
		}
	}
}

// TestEveryPromptIsUsed keeps texts that nobody can hear out of the flow.
func TestEveryPromptIsUsed(t *testing.T) {
	f := Default()
	used := map[string]bool{}
	for _, id := range requiredPrompts {
		used[id] = true
	}
	for _, q := range f.questions {
		used[q.Ask], used[q.Keypad] = true, true
		for _, p := range q.Again {
			used[p] = true
		}
	}
	for _, task := range f.tasks {
		used[task.Say], used[task.Aside], used[task.Correct], used[task.Summary] = true, true, true, true
	}
	for _, slot := range f.slots {
		used[slot.Wish] = true
	}
	for _, rules := range f.rules {
		for _, r := range rules {
			used[r.Say] = true
		}
	}
	used[promptNumberMore] = true
	filler, _ := f.Filler()
	used[promptLineRefused] = true
	used[promptTimePast], used[promptTimeClosed], used[promptTimeFar], used[promptAddress] = true, true, true, true
	used[promptFiller] = len(filler) > 0 // the bridge says it
	used[promptUnknown], used[promptUnknownAside], used[promptToldAll], used[promptDisputed], used[promptGoods], used[promptOrderUnknown] = true, true, true, true, true, true
	used[promptHere], used[promptHereAside], used[promptMoreShort], used[promptWithdraw] = true, true, true, true
	for id := range f.knowledge {
		used[promptAnswer+id] = true
	}
	for id := range f.prompts {
		if !used[id] {
			t.Errorf("prompt %s is never said", id)
		}
	}
}

func TestLoadFlowNamesFileAndLine(t *testing.T) {
	for _, c := range []struct {
		name, file, old, new string
		want                 []string
	}{
		{"unknown field", "tasks.yaml", "  chitchat: {say: chitchat_answer}", "  chitchat: {sagt: chitchat_answer}",
			[]string{"tasks.yaml:", "sagt"}},
		{"syntax", "tasks.yaml", "  chitchat: {say: chitchat_answer}", "  chitchat: {say: ",
			[]string{"tasks.yaml"}},
		{"unknown prompt", "tasks.yaml", "say: chitchat_answer", "say: nothing_here",
			[]string{"tasks.yaml:", "tasks.chitchat.say", `unknown prompt "nothing_here"`}},
		{"missing prompt", "prompts.yaml", "  greeting:", "  greetings:",
			[]string{"prompts.greeting", "is missing"}},
		{"placeholder", "prompts.yaml", "{ticket_number}", "{ticket_no}",
			[]string{"prompts.yaml:", "unknown placeholder {ticket_no}"}},
		{"brace", "prompts.yaml", "{ticket_number}", "{ticket_number",
			[]string{"prompts.ticket_opened"}},
		{"reader", "slots.yaml", "reader: line", "reader: lines",
			[]string{"slots.yaml:", `unknown reader "lines"`}},
		{"rule value", "tasks.yaml", "[changed_mind, wrong_size]", "[changed_mind, wrong_sise]",
			[]string{"rules.freight", `no value "wrong_sise"`}},
		{"last rule", "tasks.yaml", "    - {say: freight_general}\n", "",
			[]string{"rules.freight", "last rule"}},
		{"policy", "flow.yaml", "max_turns: 80", "max_turns: 0",
			[]string{"flow.yaml:", "policy.max_turns"}},
		{"offset", "flow.yaml", `"+08:00"`, `"Asia/Shanghai"`,
			[]string{"flow.utc_offset"}},
		{"key", "tasks.yaml", `keys: {"1": order,`, `keys: {"0": order,`,
			[]string{"questions.correct.keys", `"0"`}},
		{"two ends", "tasks.yaml", "goodbye: {end: true}", "goodbye: {end: true, miss: true}",
			[]string{"tasks.goodbye", "exactly one"}},
		{"no confirmation", "tasks.yaml", "    confirm: confirm_return\n", "",
			[]string{"tasks.return_request", "confirmation"}},
		{"no time limit", "flow.yaml", "no_input_ms: 9000, ", "",
			[]string{"expects.digits", "silent caller"}},
		{"defined twice", "slots.yaml", "slots:", "prompts: {greeting: {text: a}}\nslots:",
			[]string{"prompts.greeting is defined twice"}},
		{"style", "prompts.yaml", "style: 安抚", "style: 大声",
			[]string{"prompts.yaml:", `unknown style "大声"`, "安抚"}},
		{"intent without task", "intents.yaml", "  chitchat:", "  chitchats:",
			[]string{"intents.yaml:", "intents.chitchats", "has no task"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := copyFlow(t)
			file := m[shipped+"/"+c.file]
			damaged := strings.Replace(string(file.Data), c.old, c.new, 1)
			if damaged == string(file.Data) {
				t.Fatalf("%q is not in %s", c.old, c.file)
			}
			m[shipped+"/"+c.file] = &fstest.MapFile{Data: []byte(damaged)}
			_, err := LoadFlow(m, shipped)
			if !errors.Is(err, ErrFlow) {
				t.Fatalf("got %v", err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in %q", w, err)
				}
			}
		})
	}
}

func TestLoadFlowJoinsAllErrors(t *testing.T) {
	m := fstest.MapFS{"f/a.yaml": &fstest.MapFile{Data: []byte("flow: {name: x}\npolicy: {reprompts: 99}\n")}}
	_, err := LoadFlow(m, "f")
	if n := strings.Count(err.Error(), "\n"); n < 30 {
		t.Errorf("only %d errors: %v", n+1, err)
	}
	if _, err := LoadFlow(fstest.MapFS{}, "f"); !errors.Is(err, ErrFlow) {
		t.Errorf("no files: %v", err)
	}
}

func FuzzLoadFlow(f *testing.F) {
	m := copyFlow(f)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		f.Add(m[name].Data)
	}
	f.Add([]byte("flow: [\n"))
	f.Add([]byte("prompts: {a: {text: [\"{x\", \"\"]}}\nrules: {r: []}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		flow, err := LoadFlow(fstest.MapFS{"f/a.yaml": &fstest.MapFile{Data: data}}, "f")
		if err == nil && flow.Name() == "" {
			t.Fatal("a flow without a name was accepted")
		}
	})
}

func FuzzHeard(f *testing.F) {
	for _, s := range sentences {
		f.Add(s, "1")
	}
	flow := Default()
	f.Fuzz(func(t *testing.T, text, keys string) {
		s := Begin(flow, Start{CallID: "c", Caller: "1"})
		for _, in := range []Input{Started{}, Heard{Text: text}, Digits{Digits: keys}, Heard{Text: "我要退货"}, Heard{Text: text}} {
			s, _ = flow.Advance(s, callDay, in)
		}
	})
}

func BenchmarkAdvance(b *testing.B) {
	f := Default()
	s := Begin(f, Start{CallID: "c", Caller: "13800000001"})
	s, _ = f.Advance(s, callDay, Started{})
	for _, c := range []struct {
		name string
		in   Input
	}{
		{"sentence", Heard{Text: "我要退货，订单尾号3378，衣服太小了，已经收到了"}},
		{"silence", Silence{}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.Advance(s, callDay, c.in)
			}
		})
	}
}

// BenchmarkLoadFlow also says what a flow keeps.
func BenchmarkLoadFlow(b *testing.B) {
	Default() // what all flows share
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var flow *Flow
	for b.Loop() {
		var err error
		if flow, err = LoadFlow(embedded, shipped); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "kept-MB")
	runtime.KeepAlive(flow)
}
