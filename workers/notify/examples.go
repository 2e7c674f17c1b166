package notify

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed examples/*.yaml
var examples embed.FS

// Examples lists the files that come with Tidegate.
func Examples() []string {
	entries, _ := examples.ReadDir("examples")
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	slices.Sort(out)
	return out
}

// Example is one of them.
func Example(name string) ([]byte, error) {
	b, err := examples.ReadFile("examples/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("no example %.40q; there are %s", name, strings.Join(Examples(), ", "))
	}
	return b, nil
}
