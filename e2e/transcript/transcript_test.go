package transcript

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCompare(t *testing.T) {
	for _, tc := range []struct {
		said, heard string
		want        Errors
	}{
		{"我要退货", "我要退货", Errors{0, 0, 0, 4}},
		{"我要退货。", "我要，推货", Errors{1, 0, 0, 4}},
		{"我要退货", "要退货", Errors{0, 1, 0, 4}},
		{"我要退货", "我要退货了", Errors{0, 0, 1, 4}},
		{"尾号3378", "尾号三三七八", Errors{0, 0, 0, 6}},
		{"幺二三", "一二三", Errors{0, 0, 0, 3}},
		{"ＡI助手", "ai助手", Errors{0, 0, 0, 4}},
		{"我要退货", "", Errors{0, 4, 0, 4}},
		{"", "嗯", Errors{0, 0, 1, 0}},
		{"", "", Errors{}},
	} {
		if got := Compare(tc.said, tc.heard); got != tc.want {
			t.Errorf("%q heard as %q: %+v, want %+v", tc.said, tc.heard, got, tc.want)
		}
	}
	if got := CompareDigits("尾号三三七八", "微好3388"); got != (Errors{1, 0, 0, 4}) {
		t.Errorf("digits: %+v", got)
	}
	sum := Errors{1, 2, 3, 10}.Add(Errors{1, 0, 1, 6})
	if sum != (Errors{2, 2, 4, 16}) || sum.Rate() != 0.5 {
		t.Errorf("sum %+v, rate %g", sum, sum.Rate())
	}
}

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
	got := Syllables("转人工a3")
	want := []Syllable{{"zh", "uan"}, {"r", "en"}, {"g", "ong"}, {"", "a"}, {"s", "an"}}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: %+v, want %+v", i, got[i], want[i])
		}
	}
}

// TestAlignments holds the two measures to what any alignment has to meet.
func TestAlignments(t *testing.T) {
	words := rapid.StringOfN(rapid.SampledFrom([]rune("我要退货转人工是的三八，a")), 0, 24, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := words.Draw(t, "a"), words.Draw(t, "b")
		e, back := Compare(a, b), Compare(b, a)
		if e.Count() != back.Count() || e.Deleted-e.Inserted != back.Inserted-back.Deleted {
			t.Fatalf("%+v one way, %+v the other", e, back)
		}
		if n := len(Characters(b)); e.Said-e.Deleted+e.Inserted != n {
			t.Fatalf("%+v does not make %d characters", e, n)
		}
		if p := Find(Syllables(b+a+b), a); strings.TrimFunc(a, func(r rune) bool { return r == '，' }) != "" && p.Distance != 0 {
			t.Fatalf("%q in itself: %+v", a, p)
		}
		if p := Find(Syllables(b), a); p.Distance < 0 || p.Distance > 1 || p.Start > p.End || p.End > len(Syllables(b)) {
			t.Fatalf("%+v", p)
		}
	})
}
