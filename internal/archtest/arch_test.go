package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func project(t *testing.T) (string, []Package) {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	pkgs, err := Packages(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) < 20 {
		t.Fatalf("go list found only %d packages", len(pkgs))
	}
	return root, pkgs
}

func TestImportDirections(t *testing.T) {
	_, pkgs := project(t)
	for _, found := range append(CheckImports(pkgs), CheckNames(pkgs)...) {
		t.Error(found)
	}
}

// A rule that names a package which is gone would hold nothing.
func TestRulesNameWhatIsThere(t *testing.T) {
	root, _ := project(t)
	var places []string
	for _, d := range drivers {
		if d.importer != "" {
			places = append(places, d.importer)
		}
	}
	places = append(append(append(places, services...), pure...), clockFiles...)
	for _, place := range places {
		if _, err := os.Stat(filepath.Join(root, place)); err != nil {
			t.Errorf("a rule names %s: %v", place, err)
		}
	}
}

func TestFiles(t *testing.T) {
	root, _ := project(t)
	checked := 0
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if d.IsDir() {
			if name != "." && ignored(root, name) {
				return filepath.SkipDir
			}
			return nil
		}
		if ignored(root, name) {
			return nil
		}
		switch filepath.Ext(name) {
		case ".go", ".md", ".yaml", ".yml", ".xml", ".sh", "":
		default:
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		checked++
		for _, found := range CheckFile(filepath.ToSlash(name), content) {
			t.Error(found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 100 {
		t.Errorf("looked at %d files only", checked)
	}
}

// ignored are files that belong to nobody's commit.
func ignored(root, name string) bool {
	if name == ".git" || name == "tidegate" || name == "data" || name == "bin" {
		return true
	}
	if strings.Count(name, string(filepath.Separator)) > 0 {
		return false
	}
	cmd := exec.Command("git", "check-ignore", "-q", name)
	cmd.Dir = root
	return cmd.Run() == nil
}

func TestRequiredModules(t *testing.T) {
	root, _ := project(t)
	versions, err := Requirements(root)
	if err != nil {
		t.Fatal(err)
	}
	for module, want := range map[string]string{
		// Its ordering and its unexported parts are relied upon, and were
		// measured with this one.
		"github.com/percipia/eslgo":           "v1.5.2",
		"github.com/nats-io/nats.go":          "",
		"github.com/gorilla/websocket":        "",
		"gorm.io/gorm":                        "",
		"github.com/prometheus/client_golang": "",
	} {
		got, ok := versions[module]
		switch {
		case !ok:
			t.Errorf("go.mod does not require %s", module)
		case want != "" && got != want, got == "replaced":
			t.Errorf("go.mod has %s %s, want %s", module, got, want)
		}
	}
}

func TestWrongImportsAreFound(t *testing.T) {
	m := func(rel string) string { return Module + "/" + rel }
	for name, tc := range map[string]struct {
		pkgs []Package
		want string
	}{
		"driver":             {[]Package{{ImportPath: m("mediabridge"), Imports: []string{"github.com/gorilla/websocket"}}}, "only internal/ws may"},
		"driver's part":      {[]Package{{ImportPath: m("console"), Imports: []string{"gorm.io/gorm/clause"}}}, "only internal/store may"},
		"driver in a test":   {[]Package{{ImportPath: m("orchestrator"), XTestImports: []string{"github.com/percipia/eslgo"}}}, "only orchestrator/esl may"},
		"services":           {[]Package{{ImportPath: m("workers/asr"), Imports: []string{m("workers/tts")}}}, "do not import each other"},
		"service below":      {[]Package{{ImportPath: m("orchestrator/call"), Imports: []string{m("mediabridge")}}}, "do not import each other"},
		"command line":       {[]Package{{ImportPath: m("console"), TestImports: []string{m("internal/cli")}}}, "only main may"},
		"contract":           {[]Package{{ImportPath: m("schemas"), Imports: []string{m("internal/obs")}}}, "depends on nothing"},
		"whole calls":        {[]Package{{ImportPath: m("console"), Imports: []string{m("e2e/caller")}}}, "only internal/cli"},
		"upwards":            {[]Package{{ImportPath: m("internal/bus"), Imports: []string{m("console")}}}, "serve the services"},
		"impure":             {[]Package{{ImportPath: m("orchestrator/dialog"), Imports: []string{"net/http"}}}, "is pure"},
		"impure by a detour": {[]Package{{ImportPath: m("orchestrator/call"), Imports: []string{m("internal/obs")}}, {ImportPath: m("internal/obs"), Imports: []string{"os"}}}, "internal/obs imports os: orchestrator/call is pure"},
	} {
		if got := strings.Join(CheckImports(tc.pkgs), "\n"); !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	fine := []Package{
		{ImportPath: Module, Imports: []string{m("internal/cli")}},
		{ImportPath: m("internal/ws"), Imports: []string{"github.com/gorilla/websocket"}},
		{ImportPath: m("workers/asr"), Imports: []string{m("workers/speech"), m("schemas"), m("internal/bus")}},
		{ImportPath: m("orchestrator/call"), Imports: []string{"net/url", "context", m("orchestrator/dialog")}},
	}
	if got := CheckImports(fine); len(got) > 0 {
		t.Errorf("right imports reported: %q", got)
	}
	for _, p := range []Package{
		{ImportPath: m("internal/util"), Name: "util"},
		{ImportPath: m("internal/audio"), Name: "audio", CgoFiles: []string{"x_cgo.go"}},
		{ImportPath: m("internal/sherpa"), Name: "sherpa", CgoFiles: []string{"x.go"}},
	} {
		if len(CheckNames([]Package{p})) != 1 {
			t.Errorf("%+v passes", p)
		}
	}
	if got := CheckNames([]Package{{ImportPath: m("internal/sherpa"), Name: "sherpa", CgoFiles: []string{"x_cgo.go"}}}); len(got) > 0 {
		t.Errorf("the driver's own call of C is reported: %q", got)
	}
}

func TestWrongFilesAreFound(t *testing.T) {
	for name, tc := range map[string]struct{ file, content, want string }{
		"clock":       {"orchestrator/dialog/x.go", "package dialog\nimport \"time\"\nvar t = time.Now()\n", "reads no clock"},
		"chance":      {"orchestrator/dialog/x.go", "package dialog\nimport \"math/rand/v2\"\nvar n = rand.IntN(6)\n", "nothing to chance"},
		"renamed":     {"orchestrator/call/step.go", "package call\nimport stdtime \"time\"\nvar t = stdtime.Since\n", "reads no clock"},
		"goroutine":   {"orchestrator/dialog/nlu/x.go", "package nlu\nfunc f() { go f() }\n", "no goroutine"},
		"exit":        {"console/x.go", "package console\nimport \"os\"\nfunc f() { os.Exit(1) }\n", "belongs to main"},
		"size":        {"console/x.go", "package console\n" + strings.Repeat("\n", MaxLines), "at most"},
		"leftover":    {"docs/x.md", "one\n// " + leftovers[0] + ": rest\n", "docs/x.md:2"},
		"syntax":      {"console/x.go", "package", "expected"},
		"session":     {"orchestrator/call/session.go", "package call\nimport \"time\"\nvar t = time.Now()\nfunc f() { go f() }\n", ""},
		"other place": {"console/x.go", "package console\nimport \"time\"\nvar t = time.Now()\n", ""},
		"test":        {"console/x_test.go", "package console\n" + strings.Repeat("\n", MaxLines), ""},
	} {
		got := strings.Join(CheckFile(tc.file, []byte(tc.content)), "\n")
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
