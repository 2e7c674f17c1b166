package entext

import (
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	v := NewVocabulary([]string{"I want to return it", "exchange the size"})
	same := [][2]string{{"returns", "Returned"}, {"returning", "return"}, {"exchanged", "exchange"}, {"sizes", "size"}, {"don't", "dont"},
		{"I'm gonna", "I am going to"}, {"what's", "What is"}, {"colour", "color"}, {"cancelled", "canceled"}, {"it’s", "it is"}}
	for _, s := range same {
		if v.Fold(s[0]) != v.Fold(s[1]) {
			t.Errorf("%q and %q are two words", s[0], s[1])
		}
	}
	if v.Fold("return") == v.Fold("want") || v.Fold("gizmo") == v.Fold("return") || v.Fold("gizmo") == v.Fold("gadget") {
		t.Error("different words are one")
	}
	if got := v.Fold("No, I want it."); utf8.RuneCountInString(got) != 5 || []rune(got)[1] != ',' {
		t.Errorf("got %q", got)
	}
	for _, r := range v.Fold("I want a gizmo 3378") {
		if !unicode.IsLetter(r) {
			t.Errorf("%q is no letter", r)
		}
	}
	again := NewVocabulary([]string{"exchange the size", "I want to return it", "return"})
	if again.Fold("return the size") != v.Fold("return the size") {
		t.Error("the order of the texts matters")
	}
}
