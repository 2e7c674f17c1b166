package dialog

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
)

// TestBrokenSayings: a pattern that cannot be expanded is named with its place.
func TestBrokenSayings(t *testing.T) {
	for more, want := range map[string]string{
		"sayings: {goodbye_twice: 再见}\n":              "sayings.goodbye_twice: belongs to no intent",
		"sets: {none: []}\nsayings: {nobody: '{x'}\n": "sayings.nobody",
		"sets: {goods: [鞋]}\n":                        "sets.goods is defined twice",
		"sayings:\n  goodbye: 再见\n":                   "sayings.goodbye is defined twice",
		"sayings:\n  - 再见\n":                          "more.yaml:",
	} {
		m := copyFlow(t)
		m[shipped+"/more.yaml"] = &fstest.MapFile{Data: []byte(more)}
		if _, err := LoadFlow(m, shipped); !errors.Is(err, ErrFlow) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v", more, err)
		}
	}
	m := copyFlow(t)
	name := shipped + "/sayings_people.yaml"
	m[name] = &fstest.MapFile{Data: []byte(strings.Replace(string(m[name].Data), "  goodbye: |\n", "  goodbye: |\n    (再见\n    拜{拜}\n", 1))}
	_, err := LoadFlow(m, shipped)
	if err == nil || !strings.Contains(err.Error(), "pattern 1: nlu: saying: a parenthesis is not closed") || !strings.Contains(err.Error(), `there is no set "拜"`) {
		t.Errorf("error %v", err)
	}
}
