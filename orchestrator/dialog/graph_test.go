package dialog

import (
	"regexp"
	"strings"
	"testing"
)

// TestGraph: every line is a node or an edge of Mermaid, every node that an
// edge leads to is drawn, and all tasks and rules are in it.
func TestGraph(t *testing.T) {
	f := Default()
	got := f.Graph()
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if lines[0] != "flowchart LR" {
		t.Fatalf("begins with %q", lines[0])
	}
	line := regexp.MustCompile(`^  (\w+)(?:\(\[\w+\]\)$| (?:-->|-\.->)(?:\|[^|]*\|)? (\w+)(\S.*)?$)`)
	drawn := map[string]bool{}
	var used []string
	for _, l := range lines[1:] {
		m := line.FindStringSubmatch(l)
		if m == nil {
			t.Errorf("no Mermaid: %s", l)
			continue
		}
		if m[3] != "" || m[2] == "" {
			drawn[m[1]] = true
			drawn[m[2]] = drawn[m[2]] || m[3] != ""
		}
		used = append(used, m[1], m[2])
	}
	for _, n := range used {
		if n != "" && !drawn[n] {
			t.Errorf("%s is not drawn", n)
		}
	}
	for _, intent := range f.Intents() {
		if !strings.Contains(got, "<br/>"+intent+`"]`) {
			t.Errorf("%s is missing", intent)
		}
	}
	for _, rule := range []string{"freight_shop", "refund_rejected", "ticket: return", "human", "confirm_return"} {
		if !strings.Contains(got, rule) {
			t.Errorf("%s is missing", rule)
		}
	}
}
