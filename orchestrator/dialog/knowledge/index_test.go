package knowledge

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

var entries = []Entry{
	{ID: "gift", Questions: []string{"赠品要不要一起退", "送的礼品要寄回吗"}, Words: []string{"赠品", "礼品"}},
	{ID: "invoice", Questions: []string{"发票要一起寄回吗", "发票丢了还能退吗"}, Words: []string{"发票"}},
	{ID: "warranty", Questions: []string{"保修期多久", "坏了免费修吗"}, Words: []string{"保修", "免费修"}},
}

var fillers = []string{"我想问一下", "请问", "那个", "吗"}

func TestFind(t *testing.T) {
	x := New(entries, fillers)
	for text, want := range map[string]string{
		"赠品要不要一起退": "gift", "我想问一下那个发票要一起寄回吗": "invoice", "增品要不要一起推": "gift", "请问保修多久": "warranty",
	} {
		got := x.Find(nlu.Listen(text), 3)
		if len(got) == 0 || got[0].ID != want || got[0].Score < 0.5 {
			t.Errorf("%q: %v, want %s", text, got, want)
		}
	}
	if got := x.Find(nlu.Listen("赠品要不要一起退"), 1); len(got) != 1 || got[0].Score != 1 {
		t.Errorf("a known question: %v", got)
	}
	for _, text := range []string{"", "🙂", "那个", "今天天气怎么样"} {
		if got := x.Find(nlu.Listen(text), 3); len(got) > 0 && got[0].Score > 0.2 {
			t.Errorf("%q: %v", text, got)
		}
	}
	if got := New(nil, nil).Find(nlu.Listen("赠品"), 3); got != nil {
		t.Errorf("an empty base: %v", got)
	}
}

// TestWordsName: the same sentence is much less about an entry whose words it
// does not have.
func TestWordsName(t *testing.T) {
	x := New([]Entry{{ID: "a", Questions: []string{"三年以后还能修吗"}, Words: []string{"电视机"}}}, nil)
	without := x.Find(nlu.Listen("三年以后还能修吗"), 1)[0].Score
	with := x.Find(nlu.Listen("电视机三年以后还能修吗"), 1)[0].Score
	if without >= 0.6 || with <= 0.7 {
		t.Errorf("without %v, with %v", without, with)
	}
}

// TestScores: scores lie in [0,1], sink down the list, and are the same from an
// index built anew.
func TestScores(t *testing.T) {
	a, b := New(entries, fillers), New(entries, fillers)
	rapid.Check(t, func(t *rapid.T) {
		u := nlu.Listen(rapid.StringOfN(rapid.SampledFrom([]rune("赠品要不一起退发票保修寄回吗天气a1，")), 0, 300, -1).Draw(t, "text"))
		found := a.Find(u, 3)
		if !reflect.DeepEqual(found, b.Find(u, 3)) {
			t.Fatal("two indexes differ")
		}
		last := 1.0
		for _, f := range found {
			if f.Score < 0 || f.Score > last {
				t.Fatalf("%v", found)
			}
			last = f.Score
		}
	})
}

func FuzzFind(f *testing.F) {
	for _, s := range []string{"赠品要不要一起退", "", "\xff\xfe", "'; DROP TABLE", "ＡＢ１２"} {
		f.Add(s)
	}
	x := New(entries, fillers)
	f.Fuzz(func(t *testing.T, s string) { x.Find(nlu.Listen(s), 3) })
}
