package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// drivers have one importing package each, so that no vendor's type crosses
// a package border and a vendor can be changed in one place. Tests are
// included.
var drivers = []struct{ module, importer string }{
	{"github.com/percipia/eslgo", "orchestrator/esl"},
	{"github.com/nats-io/nats.go", "internal/bus"},
	{"github.com/nats-io/nats-server/v2/server", "internal/bus"},
	{"github.com/gorilla/websocket", "internal/ws"},
	{"gorm.io", "internal/store"},
	{"github.com/glebarez", "internal/store"},
	{"github.com/jackc/pgx/v5", "internal/store"},
	{"github.com/go-gormigrate/gormigrate/v2", "internal/store"},
	{"database/sql", "internal/store"},
	{"github.com/emiago/sipgo", "internal/sipua"},
	{"github.com/pion", "internal/sipua"},
	{"github.com/k2-fsa", "internal/sherpa"},
	{"github.com/nyaruka/phonenumbers", "internal/numberplan"},
	{"github.com/zaf/g711", "internal/audio"},
	{"github.com/sony/gobreaker/v2", "internal/breaker"},
	{"github.com/maypok86/otter/v2", "workers/oms"},
	{"github.com/openai/openai-go/v3", "orchestrator/llm"},
	{"github.com/tmaxmax/go-sse", "internal/openai"},
	{"gonum.org/v1/gonum", "internal/audio"},
	{"github.com/invopop/jsonschema", "schemas"},
	{"github.com/santhosh-tekuri/jsonschema/v6", "schemas"},
	{"github.com/oklog/ulid/v2", "schemas"},
	{"github.com/knadh/koanf", "internal/config"},
	{"github.com/go-viper/mapstructure/v2", "internal/config"},
	{"github.com/spf13/cobra", "internal/cli"},
	{"golang.org/x/oauth2", "internal/restcall"},
	{"github.com/vbauerster/mpb/v8", "internal/cli"},
	{"github.com/expr-lang/expr", "orchestrator/dialog/rule"},
	{"github.com/jmespath-community/go-jmespath", "internal/restcall"},
	{"github.com/standard-webhooks/standard-webhooks/libraries", "internal/restcall"},
	{"github.com/failsafe-go/failsafe-go", "internal/resilience"},
	{"github.com/google/go-cmp", ""},
	{"github.com/stretchr/testify", ""},
}

// services are started by internal/cli, talk over the bus, and know nothing
// of each other.
var services = []string{
	"orchestrator", "mediabridge", "console", "devswitch",
	"workers/asr", "workers/tts", "workers/oms", "workers/ticket", "workers/notify",
}

// pure packages have no I/O, no driver, and none of what does; call's
// counters are all that it shows to the outside.
var pure = []string{"orchestrator/dialog", "orchestrator/call", "internal/zhtext", "internal/entext", "internal/dialect", "internal/numberplan", "schemas"}

var impure = []string{
	"net", "os", "syscall", "math/rand", "database/sql",
	Module + "/internal/bus", Module + "/internal/ws", Module + "/internal/store", Module + "/internal/sipua",
	Module + "/internal/config", Module + "/orchestrator/esl",
}

// exempt from a standard package's ban: parts of it that only compute; of
// random numbers those of a fixed seed (see chances).
var exempt = []string{"net/url", "net/netip", "math/rand/v2"}

// within says whether path is prefix or lies below it.
func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

// serviceOf names the service that a package belongs to, or none.
func serviceOf(rel string) string {
	for _, s := range services {
		if within(rel, s) {
			return s
		}
	}
	return ""
}

// local is the place of an import in this module.
func local(path string) (rel string, ok bool) {
	if path == Module {
		return ".", true
	}
	return strings.CutPrefix(path, Module+"/")
}

// CheckImports lists every import that goes against a direction.
func CheckImports(pkgs []Package) []string {
	var found []string
	bad := func(p Package, imported, why string) {
		found = append(found, fmt.Sprintf("%s imports %s: %s", p.Rel(), imported, why))
	}
	byRel := map[string]Package{}
	for _, p := range pkgs {
		byRel[p.Rel()] = p
	}
	for _, p := range pkgs {
		rel := p.Rel()
		for _, imported := range unique(p.AllImports()) {
			for _, d := range drivers {
				if !within(imported, d.module) || d.importer != "" && within(rel, d.importer) {
					continue
				}
				if d.importer == "" {
					bad(p, imported, "the standard library does")
				} else {
					bad(p, imported, "only "+d.importer+" may")
				}
			}
			if to, ok := local(imported); ok {
				if to == "internal/cli" && rel != "." && !within(rel, "internal/cli") && !within(rel, "deploy") && !within(rel, "docs") && rel != "e2e/ticketbench" {
					bad(p, imported, "only main may, what holds documents to it, and the bench that runs whole processes")
				}
			}
		}
		for _, imported := range unique(p.Imports) {
			to, ok := local(imported)
			if !ok {
				continue
			}
			if from, other := serviceOf(rel), serviceOf(to); from != "" && other != "" && from != other {
				bad(p, imported, "services do not import each other")
			}
			if within(rel, "schemas") {
				bad(p, imported, "the contract depends on nothing of the project")
			}
			if within(to, "e2e") && !within(rel, "e2e") && rel != "internal/cli" {
				bad(p, imported, "only internal/cli may import from e2e")
			}
			if within(rel, "internal") && rel != "internal/cli" && !within(to, "internal") && to != "schemas" {
				bad(p, imported, "internal packages serve the services, not the other way round")
			}
		}
	}
	return append(found, checkPurity(byRel)...)
}

// checkPurity follows the project's own imports: what a pure package imports
// has to be pure as well.
func checkPurity(byRel map[string]Package) []string {
	var found []string
	for _, start := range pure {
		seen := map[string]bool{}
		var visit func(rel string)
		visit = func(rel string) {
			p, ok := byRel[rel]
			if seen[rel] || !ok {
				return
			}
			seen[rel] = true
			for _, imported := range unique(p.Imports) {
				for _, ban := range impure {
					if within(imported, ban) && !slices.Contains(exempt, imported) {
						found = append(found, fmt.Sprintf("%s imports %s: %s is pure", rel, imported, start))
					}
				}
				if to, ok := local(imported); ok {
					visit(to)
				}
			}
		}
		for rel := range byRel {
			if within(rel, start) {
				visit(rel)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func unique(paths []string) []string {
	out := slices.Clone(paths)
	slices.Sort(out)
	return slices.Compact(out)
}
