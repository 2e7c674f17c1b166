package dialog

import (
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestShippedFlows(t *testing.T) {
	names := ShippedFlows()
	if !slices.Contains(names, "returns/zh-CN") {
		t.Fatalf("got %v", names)
	}
	for _, name := range names {
		folder, err := ShippedFlow(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := LoadFlow(folder, ".")
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Name() + "/" + f.Language(); got != name {
			t.Errorf("%s holds the flow %s", name, got)
		}
		if all, _ := fs.Glob(folder, ConversationsFolder+"/*.yaml"); len(all) < 2 {
			t.Errorf("%s has no conversations", name)
		}
	}
	if _, err := ShippedFlow("returns"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"", "return", "returns/fr-FR", "../flows", "returns/"} {
		if _, err := ShippedFlow(name); !errors.Is(err, ErrNoFlow) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

var (
	graphNode  = regexp.MustCompile(`^  ([a-z_0-9]+)[\[({>].*"[\])}/]+$`)
	graphArrow = regexp.MustCompile(`^  ([a-z_0-9]+(?: & [a-z_0-9]+)*) (?:-->|-- .* -->|-\. .* \.->) ([a-z_0-9]+)$`)
)

// TestMermaid: every arrow leads from a node to a node, and every request is
// reached and leads on.
func TestMermaid(t *testing.T) {
	for _, name := range ShippedFlows() {
		folder, _ := ShippedFlow(name)
		f, err := LoadFlow(folder, ".")
		if err != nil {
			t.Fatal(err)
		}
		nodes, from, to := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for i, line := range strings.Split(strings.TrimSpace(f.Mermaid()), "\n") {
			switch {
			case i < 4 || strings.HasPrefix(line, "  class"):
			case graphArrow.MatchString(line):
				m := graphArrow.FindStringSubmatch(line)
				for _, a := range strings.Split(m[1], " & ") {
					from[a] = true
				}
				to[m[2]] = true
			case graphNode.MatchString(line):
				nodes[graphNode.FindStringSubmatch(line)[1]] = true
			default:
				t.Errorf("%s: line %d is neither node nor arrow: %s", name, i+1, line)
			}
		}
		for _, ends := range []map[string]bool{from, to} {
			for n := range ends {
				if !nodes[n] {
					t.Errorf("%s: an arrow meets %s, which is not drawn", name, n)
				}
			}
		}
		for _, intent := range f.Intents() {
			if n := "t_" + intent; !nodes[n] || !from[n] || !to[n] {
				t.Errorf("%s: %s is not drawn, not reached or leads nowhere", name, intent)
			}
		}
	}
}

func TestLabelEscapes(t *testing.T) {
	if got := label("a\"b<c>`\nd"); got != "a#quot;b#lt;c#gt;' d" {
		t.Errorf("got %q", got)
	}
}
