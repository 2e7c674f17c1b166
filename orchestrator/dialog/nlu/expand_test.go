package nlu

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	sets := map[string][]string{"goods": {"鞋", "帽子"}, "one": {"a(b"}}
	for pattern, want := range map[string][]string{
		"退货":              {"退货"},
		"(我要|想)退":         {"我要退", "想退"},
		"退{goods}":        {"退鞋", "退帽子"},
		"(我|)退(货|(鞋|帽)子)": {"我退货", "退货", "我退鞋子", "退鞋子", "我退帽子", "退帽子"},
		"{one}":           {"a(b"},
		"(退|退)货":          {"退货"},
		"a|b":             {"a", "b"},
		"()":              {},
	} {
		got, err := Expand(pattern, sets, 100)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v", pattern, got, err)
		}
	}
	for _, pattern := range []string{"(退", "退)", "{goods", "{none}", strings.Repeat("(", 9) + strings.Repeat(")", 9), strings.Repeat("退", 2000)} {
		if _, err := Expand(pattern, sets, 100); !errors.Is(err, ErrSaying) {
			t.Errorf("%.20s: error %v", pattern, err)
		}
	}
}

// TestExpandChooses: of very many sentences as many as wanted, the same ones
// each time.
func TestExpandChooses(t *testing.T) {
	pattern := strings.Repeat("(一|二|三|四|五)", 30)
	a, err := Expand(pattern, nil, 12)
	b, _ := Expand(pattern, nil, 12)
	if err != nil || len(a) != 12 || !slices.Equal(a, b) {
		t.Errorf("%d sentences, %v", len(a), err)
	}
}

func FuzzExpand(f *testing.F) {
	for _, s := range []string{"(我要|想|)退{goods}", "((", "{", "a|b)", "\xff(\xfe|)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Expand(s, map[string][]string{"goods": {"鞋", "帽"}}, 8)
		if err == nil && len(got) > 8 {
			t.Fatalf("%d sentences", len(got))
		}
	})
}
