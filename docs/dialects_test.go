package docs_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/dialect"
	"github.com/tidegate/tidegate/internal/speechmodel"
)

// cells are the columns of a table's row.
func cells(line string) []string {
	parts := strings.Split(strings.Trim(line, "| "), "|")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// TestDialectsPage holds the table of dialects to the vocabulary and to what
// the shipped manifests say, both ways.
func TestDialectsPage(t *testing.T) {
	page, err := os.ReadFile("dialects.md")
	if err != nil {
		t.Fatal(err)
	}
	legend := regexp.MustCompile("^\\| ([A-Za-z]) \\| `([^`]+)` \\|")
	row := regexp.MustCompile("^\\| `([a-z-]+)` \\|")
	models, rows := map[string]string{}, map[string][]string{}
	for line := range strings.SplitSeq(string(page), "\n") {
		if m := legend.FindStringSubmatch(line); m != nil {
			models[m[1]] = m[2]
		}
		if m := row.FindStringSubmatch(line); m != nil {
			rows[m[1]] = cells(line)
		}
	}
	if len(rows) < 20 || len(models) < 5 {
		t.Fatalf("%d dialects, %d models", len(rows), len(models))
	}
	known := map[string][]string{} // model -> dialects
	for _, e := range speechmodel.Catalog() {
		if e.Use == speechmodel.UseStreaming || e.Use == speechmodel.UseOffline {
			known[e.Name] = slices.DeleteFunc(slices.Clone(e.Dialects), func(d string) bool { return d == dialect.Mandarin })
		}
	}
	claimed := map[string][]string{}
	for id, c := range rows {
		d, ok := dialect.Lookup(id)
		if !ok || len(c) != 5 || c[1] != d.Zh || c[2] != d.En || c[4] == "" {
			t.Errorf("row %q is not what the vocabulary says: %+v", c, d)
			continue
		}
		for letter := range strings.FieldsSeq(c[3]) {
			claimed[models[letter]] = append(claimed[models[letter]], id)
		}
	}
	for name, ids := range claimed {
		for _, id := range ids {
			if !slices.Contains(known[name], id) {
				t.Errorf("the page says that %q knows %s; its manifest does not", name, id)
			}
		}
	}
	for name, ids := range known {
		for _, id := range ids {
			if !slices.Contains(claimed[name], id) {
				t.Errorf("%s knows %s; the page does not say so", name, id)
			}
		}
	}
	for _, d := range dialect.All() {
		if !strings.Contains(string(page), "`"+d.ID+"`") && d.ID != dialect.Mandarin {
			t.Errorf("%s is not on the page", d.ID)
		}
	}
}
