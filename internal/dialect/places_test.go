package dialect_test

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/numberplan"
)

// TestAreasArePlaces: a line about a place that no number belongs to would
// never have an effect.
func TestAreasArePlaces(t *testing.T) {
	plan, err := numberplan.New()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("areas.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	places := plan.Areas()
	provinces := map[string]bool{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		p := strings.Split(lines.Text(), "\t")
		if len(p) != 3 {
			continue
		}
		provinces[p[0]] = true
		if !slices.ContainsFunc(places, func(a numberplan.Area) bool { return a.Province == p[0] && (p[1] == "*" || a.City == p[1]) }) {
			t.Errorf("no number belongs to %s %s", p[0], p[1])
		}
	}
	for _, a := range places {
		if !provinces[a.Province] {
			t.Errorf("nothing is said about %s", a.Province)
		}
	}
}
