package orchestrator

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/tidegate/tidegate/internal/dialect"
	"github.com/tidegate/tidegate/internal/numberplan"
	"github.com/tidegate/tidegate/orchestrator/call"
)

// DialectConfig says which dialects callers can be heard in, and what a call
// begins in.
type DialectConfig struct {
	Available      []string `koanf:"available" help:"dialects that recognisers are there for besides Mandarin, as docs/dialects.md names them: yue, wuu, zh-sichuan"`
	Called         []string `koanf:"called" help:"dialects of called numbers, NUMBER=DIALECT; a * at the end stands for any digits, the longest match counts"`
	ByArea         bool     `koanf:"by_area" help:"begin a call in what is spoken where the caller's number belongs"`
	Areas          string   `koanf:"areas" help:"file of areas and their dialects; empty: the built-in table"`
	MobilePrefixes string   `koanf:"mobile_prefixes" help:"file of mobile number prefixes and their areas, 1380013,广东,广州; empty: libphonenumber's data"`
	Reports        int      `koanf:"reports" help:"sentences in a row in which the recogniser must hear another dialect before the call changes to it; 0 never changes"`
}

// maxReports bounds how patient the change of a dialect can be made.
const maxReports = 20

// Validate reports every field that cannot work.
func (c DialectConfig) Validate() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	for i, id := range c.Available {
		switch {
		case !dialect.Known(id) || id == dialect.Mandarin:
			bad("available: unknown dialect %.32q", id)
		case slices.Contains(c.Available[:i], id):
			bad("available: %s stands twice", id)
		}
	}
	if _, err := c.rules(); err != nil {
		errs = append(errs, err)
	}
	if c.Reports < 0 || c.Reports > maxReports {
		bad("reports: must be 0 to %d, is %d", maxReports, c.Reports)
	}
	for key, name := range map[string]string{"areas": c.Areas, "mobile_prefixes": c.MobilePrefixes} {
		if name == "" {
			continue
		}
		if info, err := os.Stat(name); err != nil {
			bad("%s: %w", key, err)
		} else if info.IsDir() {
			bad("%s: %s is a folder", key, name)
		}
	}
	return errors.Join(errs...)
}

// calledRule is what is spoken on the numbers that begin with digits.
type calledRule struct {
	digits  string
	open    bool // more digits may follow
	dialect string
}

// rules reads Called, the longest numbers first.
func (c DialectConfig) rules() ([]calledRule, error) {
	var rules []calledRule
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf("called: "+format, a...)) }
	for _, entry := range c.Called {
		pattern, id, ok := strings.Cut(entry, "=")
		pattern, id = strings.TrimSpace(pattern), strings.TrimSpace(id)
		digits, open := strings.CutSuffix(pattern, "*")
		r := calledRule{bareNumber(digits), open, id}
		switch {
		case !ok || strings.Contains(digits, "*") || r.digits == "" && !open || digits != "" && r.digits == "":
			bad("must be NUMBER=DIALECT, is %.64q", entry)
		case !dialect.Known(id):
			bad("%.64q: unknown dialect %.32q", entry, id)
		case id != dialect.Mandarin && !served(id, c.Available):
			bad("%.64q: %s is none of dialects.available", entry, id)
		case slices.ContainsFunc(rules, func(o calledRule) bool { return o.digits == r.digits && o.open == r.open }):
			bad("%.64q: the number stands twice", entry)
		default:
			rules = append(rules, r)
		}
	}
	slices.SortStableFunc(rules, func(a, b calledRule) int {
		if a.open != b.open && a.digits == b.digits {
			return map[bool]int{true: 1, false: -1}[a.open]
		}
		return len(b.digits) - len(a.digits)
	})
	return rules, errors.Join(errs...)
}

func served(id string, available []string) bool {
	_, ok := dialect.Served(id, available)
	return ok
}

// bareNumber is a called number without what carriers write before it; ""
// when it is none.
func bareNumber(s string) string {
	if n := numberplan.Parse(s); n.Kind != numberplan.Unknown {
		return n.Digits
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case strings.ContainsRune("+ -.()", r):
		default:
			return ""
		}
	}
	d := b.String()
	for _, prefix := range []string{"0086", "86"} {
		// A service number such as 4008001234, with the country before it.
		if rest, ok := strings.CutPrefix(d, prefix); ok && len(rest) >= 10 {
			return rest
		}
	}
	return d
}

// dialectRouter decides what a call begins in.
type dialectRouter struct {
	available []string
	rules     []calledRule
	byArea    bool
	areas     *dialect.Areas
	plan      *numberplan.Plan // nil without dialects to route to
}

// newDialectRouter reads the tables. Without dialects to choose from there is
// nothing to read.
func newDialectRouter(cfg DialectConfig, log *slog.Logger) (*dialectRouter, error) {
	rules, err := cfg.rules()
	if err != nil {
		return nil, err
	}
	r := &dialectRouter{available: cfg.Available, rules: rules, byArea: cfg.ByArea}
	if len(cfg.Available) == 0 {
		return r, nil
	}
	if r.areas, err = readAreas(cfg.Areas); err != nil {
		return nil, err
	}
	if r.plan, err = numberplan.New(); err != nil {
		return nil, err
	}
	if cfg.MobilePrefixes == "" {
		return r, nil
	}
	f, err := os.Open(cfg.MobilePrefixes)
	if err != nil {
		return nil, fmt.Errorf("mobile_prefixes: %w", err)
	}
	defer func() { _ = f.Close() }()
	n, err := r.plan.LoadMobile(f)
	if err != nil {
		return nil, fmt.Errorf("mobile_prefixes: %s: %w", cfg.MobilePrefixes, err)
	}
	log.Info("mobile number prefixes read", "count", n)
	return r, nil
}

func readAreas(name string) (*dialect.Areas, error) {
	if name == "" {
		return dialect.DefaultAreas(), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("areas: %w", err)
	}
	defer func() { _ = f.Close() }()
	a, err := dialect.ReadAreas(f)
	if err != nil {
		return nil, fmt.Errorf("areas: %s: %w", name, err)
	}
	return a, nil
}

// dialectRoute is what a call begins in and why, and what the caller may
// speak besides.
type dialectRoute struct{ dialect, source, likely string }

// route looks at the number called, then at the caller's.
func (r *dialectRouter) route(called, caller string) dialectRoute {
	var out dialectRoute
	if r.plan != nil {
		if a, ok := r.plan.Area(caller); ok {
			if id := r.areas.Of(a.Province, a.City); served(id, r.available) {
				out.likely = id
			}
		}
	}
	number := bareNumber(called)
	for _, rule := range r.rules {
		if number == rule.digits || rule.open && strings.HasPrefix(number, rule.digits) {
			out.dialect, _ = dialect.Served(rule.dialect, r.available)
			out.source = call.DialectCalled
			return out
		}
	}
	if r.byArea && out.likely != "" {
		out.dialect, _ = dialect.Served(out.likely, r.available)
		out.source = call.DialectArea
	}
	return out
}
