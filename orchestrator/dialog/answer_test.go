package dialog

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goccy/go-yaml"

	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

// asked reads sentences by the entry they ask for; "none" asks for none.
func asked(t testing.TB, name string) map[string][]string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var sets map[string][]string
	if err := yaml.UnmarshalWithOptions(data, &sets, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return sets
}

// figures of a set of sentences at a threshold.
func figures(f *Flow, sets map[string][]string, least float64) (precision, recall float64, wrong []string) {
	right, answered, withEntry := 0, 0, 0
	for _, id := range slices.Sorted(maps.Keys(sets)) {
		for _, text := range sets[id] {
			if id != "none" {
				withEntry++
			}
			found := f.known.Find(nlu.Listen(text), 1)
			if len(found) == 0 || found[0].Score < least {
				continue
			}
			answered++
			if found[0].ID == id {
				right++
			} else {
				wrong = append(wrong, fmt.Sprintf("%s -> %s %.2f", text, found[0].ID, found[0].Score))
			}
		}
	}
	return float64(right) / float64(answered), float64(right) / float64(withEntry), wrong
}

// TestKnowledgeFigures holds the search to what docs/knowledge.md publishes.
func TestKnowledgeFigures(t *testing.T) {
	f := Default()
	p := f.policy.Knowledge
	for _, c := range []struct {
		set                      string
		least, precision, recall float64
	}{
		{"knowledge-calibration", p.Accept, 0.95, 0.95}, {"knowledge-heldout", p.Accept, 0.88, 0.92},
		{"knowledge-heldout", p.Sure, 0.92, 0.75},
	} {
		precision, recall, wrong := figures(f, asked(t, c.set), c.least)
		t.Logf("%s from %.2f: precision %.3f, recall %.3f; wrong: %s", c.set, c.least, precision, recall, strings.Join(wrong, "; "))
		if precision < c.precision || recall < c.recall {
			t.Errorf("%s from %.2f: precision %.3f, recall %.3f, want %.2f and %.2f", c.set, c.least, precision, recall, c.precision, c.recall)
		}
	}
}

// TestKnowledgeSetsAreApart: no sentence of the sets is a question of an entry,
// and every entry is asked for in the held-out one.
func TestKnowledgeSetsAreApart(t *testing.T) {
	f := Default()
	seen := map[string]bool{}
	for _, e := range f.knowledge {
		for _, q := range e.Questions {
			seen[q] = true
		}
	}
	for _, set := range []string{"knowledge-calibration", "knowledge-heldout"} {
		sets := asked(t, set)
		for id, texts := range sets {
			if _, ok := f.knowledge[id]; !ok && id != "none" {
				t.Errorf("%s: no entry %s", set, id)
			}
			for _, text := range texts {
				if seen[text] {
					t.Errorf("%s: %q is known already", set, text)
				}
				seen[text] = true
			}
		}
	}
	held := asked(t, "knowledge-heldout")
	for _, id := range f.Entries() {
		if len(held[id]) == 0 {
			t.Errorf("nothing held out asks for %s", id)
		}
	}
}

// TestOwnQuestions: each way to ask finds its own entry before any other.
func TestOwnQuestions(t *testing.T) {
	f := Default()
	if n := len(f.Entries()); n < 25 {
		t.Errorf("only %d entries", n)
	}
	for _, id := range f.Entries() {
		for _, q := range f.knowledge[id].Questions {
			if got := f.known.Find(nlu.Listen(q), 1); len(got) == 0 || got[0].ID != id || got[0].Score < f.policy.Knowledge.Accept {
				t.Errorf("%s: %q finds %v", id, q, got)
			}
		}
	}
}

func TestKnowledgeMistakes(t *testing.T) {
	good := "knowledge:\n  a:\n    questions: [还能修吗]\n    words: [修]\n    answer: 能修。\n"
	for name, c := range map[string]struct{ text, want string }{
		"no questions":    {"knowledge:\n  a:\n    words: [修]\n    answer: 能修。\n", "k.yaml:3: knowledge.a.questions: has 0 of them"},
		"no words":        {"knowledge:\n  a:\n    questions: [修吗]\n    answer: 能修。\n", "knowledge.a.words: has 0 of them"},
		"no answer":       {"knowledge:\n  a:\n    questions: [修吗]\n    words: [修]\n", "knowledge.a.answer: has no text"},
		"placeholder":     {strings.Replace(good, "能修。", "\"{order}能修。\"", 1), "k.yaml:5: knowledge.a.answer: names {order}"},
		"brace":           {strings.Replace(good, "能修。", "能}修。", 1), "brace"},
		"too long":        {strings.Replace(good, "能修。", strings.Repeat("修", 300), 1), "at most 200"},
		"unknown offer":   {good + "    offer: dance\n", `k.yaml:6: knowledge.a.offer: unknown intent "dance"`},
		"offer not asked": {good + "    offer: transfer_human\n", "must end with the question"},
		"empty question":  {strings.Replace(good, "还能修吗", `" "`, 1), "has an empty one"},
		"bad name":        {strings.Replace(good, "  a:", "  A-b:", 1), "names are lower-case"},
		"unknown field":   {good + "    reply: x\n", "k.yaml:6"},
		"twice":           {"knowledge:\n  gift:\n    questions: [修吗]\n    words: [修]\n    answer: 能。\n", "knowledge.gift is defined twice"},
	} {
		t.Run(name, func(t *testing.T) {
			m := copyFlow(t)
			known, _ := embedded.ReadFile(shipped + "/knowledge/goods.yaml")
			m[shipped+"/knowledge/goods.yaml"] = &fstest.MapFile{Data: known}
			m[shipped+"/knowledge/k.yaml"] = &fstest.MapFile{Data: []byte(c.text)}
			_, err := LoadFlow(m, shipped)
			if !errors.Is(err, ErrFlow) || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	m := copyFlow(t)
	if f, err := LoadFlow(m, shipped); err != nil || len(f.Entries()) != 0 {
		t.Errorf("a flow without knowledge: %v", err)
	}
}

func BenchmarkKnowledge(b *testing.B) {
	f := Default()
	for b.Loop() {
		f.known.Find(nlu.Listen("喂你好我想问一下就是那个鞋盒子被我扔掉了还能不能退啊"), 1)
	}
}

func BenchmarkLearn(b *testing.B) {
	f := *Default()
	for b.Loop() {
		f.learn()
	}
}
