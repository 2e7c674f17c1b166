package compose_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/conf"
)

// parseNATS reads a NATS configuration with the server's own parser.
func parseNATS(text string) (map[string]string, error) {
	tree, err := conf.Parse(text)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	flat := map[string]any{}
	maps.Copy(flat, tree)
	for _, block := range []string{"jetstream", "authorization"} {
		inner, ok := tree[block].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("no block %s", block)
		}
		maps.Copy(flat, inner)
	}
	for _, key := range []string{"listen", "http", "store_dir", "user", "password"} {
		value, ok := flat[key].(string)
		if !ok {
			return nil, fmt.Errorf("%s is %v, want a text", key, flat[key])
		}
		out[key] = value
	}
	return out, nil
}

// metricNames learns from the source which metrics exist. Names are written
// whole, or as a prefix of the package and a rest; namespace and subsystem
// are one way to write the prefix.
func metricNames(root string) (func(name string) bool, error) {
	words := map[string]map[string]bool{} // folder: its string literals
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		if words[dir] == nil {
			words[dir] = map[string]bool{}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil {
					words[dir][s] = true
				}
			}
			return true
		})
		return nil
	})
	return func(name string) bool {
		for dir, said := range words {
			if said[name] {
				return true
			}
			for i, r := range name {
				if r != '_' {
					continue
				}
				prefix, rest := name[:i+1], name[i+1:]
				if !said[rest] {
					continue
				}
				namespace, subsystem, two := strings.Cut(strings.TrimSuffix(prefix, "_"), "_")
				speech := filepath.Base(dir) == "speech" && (prefix == "tidegate_asr_" || prefix == "tidegate_tts_")
				if said[prefix] || two && said[namespace] && said[subsystem] || speech && said["tidegate_"] {
					return true
				}
			}
		}
		return false
	}, err
}
