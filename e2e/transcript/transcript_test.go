package transcript

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFind(t *testing.T) {
	heard := Syllables("货零已经收到了吗因是什么原因要退了")
	for phrase, want := range map[string]Place{
		"请问是什么原因要退呢": {8, 17, 0.12}, "您已经收到了吗": {1, 8, 0.15}, "是什么原因": {9, 14, 0},
	} {
		got := Find(heard, phrase)
		if got.Start < want.Start-1 || got.End != want.End || math.Abs(got.Distance-want.Distance) > 0.13 {
			t.Errorf("%s: %+v, want about %+v", phrase, got, want)
		}
	}
	if got := Find(heard, "还有什么可以帮您"); got.Distance < 0.4 {
		t.Errorf("found what was not said: %+v", got)
	}
	for _, p := range []Place{Find(nil, "退货"), Find(heard, ""), Find(heard, "。")} {
		if p.Distance != 1 {
			t.Errorf("nothing found in nothing: %+v", p)
		}
	}
}

func TestSyllables(t *testing.T) {
	got := Syllables("转人工，Ａ3幺")
	want := []Syllable{{"zh", "uan"}, {"r", "en"}, {"g", "ong"}, {"", "a"}, {"s", "an"}, {"y", "i"}}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: %+v, want %+v", i, got[i], want[i])
		}
	}
}

// TestAlignments holds Find to what any alignment has to meet.
func TestAlignments(t *testing.T) {
	words := rapid.StringOfN(rapid.SampledFrom([]rune("我要退货转人工是的三八，a")), 0, 24, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := words.Draw(t, "a"), words.Draw(t, "b")
		if p := Find(Syllables(b+a+b), a); strings.TrimFunc(a, func(r rune) bool { return r == '，' }) != "" && p.Distance != 0 {
			t.Fatalf("%q in itself: %+v", a, p)
		}
		if p := Find(Syllables(b), a); p.Distance < 0 || p.Distance > 1 || p.Start > p.End || p.End > len(Syllables(b)) {
			t.Fatalf("%+v", p)
		}
	})
}
