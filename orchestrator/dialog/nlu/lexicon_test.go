package nlu

import "testing"

// TestSetsGeneralise: what is learnt of one word of a set holds for the others,
// misheard too; without the set it does not.
func TestSetsGeneralise(t *testing.T) {
	classes := []Class{
		{Name: "where", Examples: []string{"我的毛衣到哪了", "毛衣什么时候送到", "查一下毛衣到哪了"}},
		{Name: "back", Examples: []string{"我的毛衣要退", "毛衣想退掉", "帮我把毛衣退了"}},
		{Name: OutOfScope, Examples: []string{"今天天气怎么样", "讲个笑话", "几点了"}},
	}
	sets := map[string][]string{"goods": {"毛衣", "显卡", "燕窝"}, "long": {"一二三四五六七八九十毛衣显卡"}}
	m := Train(classes, Options{Reject: 0.3, Sets: sets})
	plain := Train(classes, Options{Reject: 0.3})
	for text, want := range map[string]string{"显卡要退": "back", "先卡要退": "back", "燕窝到哪了": "where"} {
		got := m.Classify(text)
		if got.Intent != want {
			t.Errorf("%s: got %v, want %s", text, got.Scored, want)
		}
		if without := plain.Classify(text); without.Intent == want && without.Confidence >= got.Confidence {
			t.Errorf("%s: %v with sets, %v without", text, got.Scored, without.Scored)
		}
	}
	if n, _ := newLexicon(sets).at(tokens(units("毛衣显卡", maxUnits))); n != 2 {
		t.Errorf("the word is %d tokens long, want 2", n)
	}
}
