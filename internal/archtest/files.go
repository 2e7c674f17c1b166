package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// MaxLines of a Go file that is no test: one noun or one stage.
const MaxLines = 450

// forbiddenNames say nothing about what a package is.
var forbiddenNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "types", "misc", "base", "shared"}

// cgoPackage may call C itself, where its driver's wrapper lacks a function;
// its other files keep builds without cgo whole.
const cgoPackage = "internal/sherpa"

// clocks are the functions of package time that read the clock or wait.
var clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep"}

// chances are the functions of math/rand/v2 whose seed is different each time.
var chances = []string{
	"ExpFloat64", "Float32", "Float64", "Int", "Int32", "Int32N", "Int64", "Int64N", "IntN", "N", "NormFloat64", "Perm", "Shuffle",
	"Uint", "Uint32", "Uint32N", "Uint64", "Uint64N", "UintN",
}

// clockFiles run what the pure files decide, and may ask for the time.
var clockFiles = []string{"orchestrator/call/session.go"}

// leftovers are words for work that is not done.
var leftovers = []string{"TO" + "DO", "FIX" + "ME", "XX" + "X"}

// CheckNames lists packages whose name is not a noun of the field.
func CheckNames(pkgs []Package) []string {
	var found []string
	for _, p := range pkgs {
		if slices.Contains(forbiddenNames, p.Name) || slices.Contains(forbiddenNames, filepath.Base(p.Rel())) {
			found = append(found, fmt.Sprintf("%s: %q says nothing about what the package is", p.Rel(), p.Name))
		}
		for _, file := range p.CgoFiles {
			if p.Rel() != cgoPackage || !strings.HasSuffix(file, "_cgo.go") {
				found = append(found, fmt.Sprintf("%s: builds need cgo for %s; only X_cgo.go of %s may, beside X_nocgo.go", p.Rel(), file, cgoPackage))
			}
		}
	}
	return found
}

// CheckFile lists what one file, named by its place in the module, does that
// it should not. Tests are asked for leftovers only.
func CheckFile(name string, content []byte) []string {
	var found []string
	for i, line := range strings.Split(string(content), "\n") {
		for _, word := range strings.FieldsFunc(line, notLetter) {
			if slices.Contains(leftovers, word) {
				found = append(found, fmt.Sprintf("%s:%d: %s", name, i+1, word))
			}
		}
	}
	if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
		return found
	}
	if n := strings.Count(string(content), "\n"); n > MaxLines {
		found = append(found, fmt.Sprintf("%s: %d lines, at most %d", name, n, MaxLines))
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, content, 0)
	if err != nil {
		return append(found, err.Error())
	}
	isPure := slices.ContainsFunc(pure, func(p string) bool { return within(filepath.ToSlash(filepath.Dir(name)), p) })
	for _, use := range uses(file, "os", []string{"Exit"}) {
		if name != "main.go" && file.Name.Name != "main" {
			found = append(found, fmt.Sprintf("%s: os.Exit belongs to main", fset.Position(use)))
		}
	}
	if !isPure || slices.Contains(clockFiles, name) {
		return found
	}
	for _, use := range uses(file, "time", clocks) {
		found = append(found, fmt.Sprintf("%s: a pure package reads no clock", fset.Position(use)))
	}
	for _, use := range uses(file, "math/rand/v2", chances) {
		found = append(found, fmt.Sprintf("%s: a pure package leaves nothing to chance", fset.Position(use)))
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if g, ok := n.(*ast.GoStmt); ok {
			found = append(found, fmt.Sprintf("%s: a pure package starts no goroutine", fset.Position(g.Pos())))
		}
		return true
	})
	return found
}

func notLetter(r rune) bool {
	return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '_' && (r < '0' || r > '9')
}

// uses finds where a file mentions pkg.name, whatever the import is called.
func uses(file *ast.File, pkg string, names []string) []token.Pos {
	alias := ""
	for _, imp := range file.Imports {
		if path, _ := strconv.Unquote(imp.Path.Value); path == pkg {
			if alias = filepath.Base(strings.TrimSuffix(pkg, "/v2")); imp.Name != nil {
				alias = imp.Name.Name
			}
		}
	}
	if alias == "" {
		return nil
	}
	var at []token.Pos
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == alias && slices.Contains(names, sel.Sel.Name) {
			at = append(at, sel.Pos())
		}
		return true
	})
	return at
}
