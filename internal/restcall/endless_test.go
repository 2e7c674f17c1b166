package restcall

import (
	"strings"
	"testing"
	"time"
)

// A template ends, whatever loops are in it and whatever it makes in them.
func TestTemplatesEnd(t *testing.T) {
	items := make([]any, 3000)
	data := map[string]any{"items": items, "text": strings.Repeat("a", 1000)}
	for name, source := range map[string]string{
		"empty loop":        `{{ range 4611686018427387904 }}{{ end }}`,
		"writing loop":      `{{ range 4611686018427387904 }}x{{ end }}`,
		"loop of nothing":   `{{ range 4611686018427387904 }}{{ if false }}x{{ end }}{{ end }}`,
		"loop that goes on": `{{ range 4611686018427387904 }}{{ continue }}{{ end }}`,
		"loop in a with":    `{{ with .text }}{{ range 4611686018427387904 }}{{ end }}{{ end }}`,
		"loops in loops":    `{{ range .items }}{{ range $.items }}{{ range $.items }}{{ end }}{{ end }}{{ end }}`,
		"growing replace":   `{{ $x := .text }}{{ range 64 }}{{ $x = replace "a" "aa" $x }}{{ end }}`,
		"growing join":      `{{ $x := .text }}{{ range 64 }}{{ $x = join $x $.items }}{{ end }}`,
		"growing json":      `{{ $x := "\\" }}{{ range 64 }}{{ $x = json $x }}{{ end }}`,
		"growing date":      `{{ $x := "2006" }}{{ range 1000 }}{{ $x = date $x "2011-11-11T11:11:11Z" }}{{ end }}{{ $y := "1" }}{{ range 64 }}{{ $y = date $y "2011-11-11T11:11:11Z" }}{{ end }}`,
		"growing now":       `{{ $x := "Jan 1 2 3 4 5 6" }}{{ range 64 }}{{ $x = now (join $x $.three) }}{{ end }}`,
	} {
		tmpl, err := NewText(source)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		data["three"] = []any{"", "", "", "1"}
		done := make(chan error, 1)
		go func() { _, err := tmpl.Render(data); done <- err }()
		select {
		case err := <-done:
			if err == nil || !strings.Contains(err.Error(), "over ") {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: does not end", name) // the test ends with it
		}
	}
	tmpl, err := NewText(`{{ range .items }}{{ range $.three }}x{{ end }}{{ end }}`)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := tmpl.Render(data); err != nil || len(s) != 12000 {
		t.Errorf("%d bytes, %v", len(s), err)
	}
}
