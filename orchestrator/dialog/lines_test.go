package dialog

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// TestMistakesHaveTheirLine damages the shipped flow in one line and expects
// that line in the message.
func TestMistakesHaveTheirLine(t *testing.T) {
	for _, c := range []struct{ file, old, new, want string }{
		{"tasks.yaml", "[changed_mind, wrong_size]", "[changed_mind, wrong_sise]", `rules.freight.1: slot reason has no value "wrong_sise"`},
		{"tasks.yaml", "say: refund_paid}", "say: refund_payed}", `rules.refund.11: unknown prompt "refund_payed"`},
		{"tasks.yaml", "chitchat: {say: chitchat_answer}", "chitchat: {sagt: chitchat_answer}", `unknown field "sagt"`},
		{"tasks.yaml", "    confirm: confirm_return", "    confirm: confirm_it", `tasks.return_request.confirm: unknown question "confirm_it"`},
		{"flow.yaml", "  max_turns: 80", "  max_turns: 8", "policy.max_turns: is 8"},
		{"slots.yaml", "    reader: line", "    reader: lines", `slots.line.reader: unknown reader "lines"`},
	} {
		m := copyFlow(t)
		name := shipped + "/" + c.file
		before, _, ok := strings.Cut(string(m[name].Data), c.old)
		if !ok {
			t.Fatalf("%q is not in %s", c.old, c.file)
		}
		line := strings.Count(before, "\n") + 1
		m[name] = &fstest.MapFile{Data: []byte(strings.Replace(string(m[name].Data), c.old, c.new, 1))}
		_, err := LoadFlow(m, shipped)
		if err == nil {
			t.Errorf("%q is accepted", c.new)
			continue
		}
		if want := fmt.Sprintf("%s:%d: %s", name, line, c.want); !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in\n%v", want, err)
		}
	}
}

// TestAllMistakesAtOnce: an unknown name, a wrong value and a double
// definition, in three files, are all told at one go.
func TestAllMistakesAtOnce(t *testing.T) {
	m := copyFlow(t)
	change := func(file, old, to string) {
		name := shipped + "/" + file
		m[name] = &fstest.MapFile{Data: []byte(strings.Replace(string(m[name].Data), old, to, 1))}
	}
	change("tasks.yaml", "chitchat: {say: chitchat_answer}", "chitchat: {say: chitchat_answer, sagt: x}")
	change("flow.yaml", "max_turns: 80", "max_turns: 8")
	m[shipped+"/zz.yaml"] = &fstest.MapFile{Data: []byte("flow: {name: other}\nprompts:\n  greeting: {text: hello}\n")}
	_, err := LoadFlow(m, shipped)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		`/tasks\.yaml:\d+: unknown field "sagt"`, `/flow\.yaml:\d+: policy\.max_turns`,
		`/zz\.yaml:1: section flow is defined twice, first at .*/flow\.yaml:\d+`,
		`/zz\.yaml:3: prompts\.greeting is defined twice, first at .*/prompts\.yaml:\d+`,
	} {
		if !regexp.MustCompile(want).MatchString(err.Error()) {
			t.Errorf("%s is not in\n%v", want, err)
		}
	}
}
