package ticket

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/tidegate/tidegate/internal/calendar"
	"github.com/tidegate/tidegate/internal/numberplan"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

//go:embed dispatch.yaml
var builtinRules []byte

// ErrRules: the dispatch rules are wrong.
var ErrRules = errors.New("dispatch rules")

const (
	maxRulesBytes = 1 << 20
	maxRules      = 500
	maxPeople     = 1000 // of a group
	maxContacts   = 10000
	maxDue        = 2000 * time.Hour // of working time
	maxCapacity   = 10000
	maxErrors     = 50 // that are told at once
)

var (
	kinds = []schemas.RequestKind{
		schemas.KindReturn, schemas.KindRefund, schemas.KindExchange, schemas.KindCancel, schemas.KindComplaint, schemas.KindInquiry,
	}
	orderStatuses = []schemas.OrderStatus{"paid", "shipped", "delivered", "completed", "cancelled"}
	policies      = []store.AssignPolicy{"", store.AssignNone, store.AssignRoundRobin, store.AssignLeastLoaded}
)

// LoadRules reads a rules file, or the built-in rules when path is empty.
func LoadRules(path string, cal *calendar.Calendar) (*Dispatch, error) {
	if path == "" {
		return ParseRules("dispatch.yaml", builtinRules, cal)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRules, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxRulesBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRules, err)
	}
	return ParseRules(path, b, cal)
}

// ParseRules reads rules from YAML and names everything that is wrong, with
// name and line.
func ParseRules(name string, b []byte, cal *calendar.Calendar) (d *Dispatch, err error) {
	defer func() { // goccy/go-yaml 1.19 panics on some sequences of a wrong tag
		if recover() != nil {
			d, err = nil, fmt.Errorf("%w: %s: the YAML cannot be read", ErrRules, name)
		}
	}()
	if len(b) > maxRulesBytes {
		return nil, fmt.Errorf("%w: %s: over %d bytes", ErrRules, name, maxRulesBytes)
	}
	d = &Dispatch{calendar: cal}
	if err := yaml.UnmarshalWithOptions(b, d, yaml.Strict()); err != nil {
		return nil, syntax(name, err)
	}
	c := rulesCheck{name: name}
	if c.file, err = parser.ParseBytes(b, 0); err != nil {
		return nil, syntax(name, err)
	}
	c.rules(d.Rules)
	c.groups(d)
	c.vip(&d.VIP)
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	return d, nil
}

func syntax(name string, err error) error {
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil && y.GetToken().Position != nil {
		return fmt.Errorf("%w: %s:%d: %s", ErrRules, name, y.GetToken().Position.Line, y.GetMessage())
	}
	return fmt.Errorf("%w: %s: %w", ErrRules, name, err)
}

// rulesCheck collects what is wrong in a file.
type rulesCheck struct {
	name string
	file *ast.File
	errs []error
}

func (c *rulesCheck) bad(path, format string, args ...any) {
	if len(c.errs) >= maxErrors {
		return
	}
	c.errs = append(c.errs, fmt.Errorf("%w: %s%s: %s: %s", ErrRules, c.name, c.line(path), path, fmt.Sprintf(format, args...)))
}

// line is where a path leads to, or its nearest parent that is there.
func (c *rulesCheck) line(path string) string {
	for at := path; at != ""; at = parent(at) {
		p, err := yaml.PathString("$." + at)
		if err != nil {
			continue
		}
		if n, err := p.FilterFile(c.file); err == nil && n != nil && n.GetToken() != nil && n.GetToken().Position != nil {
			return fmt.Sprintf(":%d", n.GetToken().Position.Line)
		}
	}
	return ""
}

func parent(path string) string {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '.' || path[i] == '[' {
			return path[:i]
		}
	}
	return ""
}

func (c *rulesCheck) rules(rules []Rule) {
	if len(rules) == 0 || len(rules) > maxRules {
		c.bad("rules", "want 1..%d, are %d", maxRules, len(rules))
		return
	}
	for i := range rules {
		c.rule(fmt.Sprintf("rules[%d]", i), &rules[i])
	}
	if !rules[len(rules)-1].fitsAll() {
		c.bad(fmt.Sprintf("rules[%d]", len(rules)-1), "the last rule must fit everything")
	}
}

func (r *Rule) fitsAll() bool {
	return len(r.Tenants)+len(r.Kinds)+len(r.Reasons)+len(r.OrderStatuses)+len(r.Carriers) == 0 &&
		r.VIP == nil && r.FromFen == nil && r.BelowFen == nil
}

func (c *rulesCheck) rule(at string, r *Rule) {
	if len(r.Name) > 64 {
		c.bad(at+".name", "is longer than 64 bytes")
	}
	oneOf(c, at+".group", r.Group, schemas.Groups(), "group")
	if r.Priority != "" {
		oneOf(c, at+".priority", r.Priority, schemas.Priorities(), "priority")
	}
	oneOf(c, at+".assign", r.Assign, policies, "policy")
	for i, k := range r.Kinds {
		oneOf(c, fmt.Sprintf("%s.kinds[%d]", at, i), k, kinds, "kind")
	}
	for i, s := range r.OrderStatuses {
		oneOf(c, fmt.Sprintf("%s.order_statuses[%d]", at, i), s, orderStatuses, "order status")
	}
	for _, amount := range []struct {
		key string
		fen *int64
	}{{"from_fen", r.FromFen}, {"below_fen", r.BelowFen}, {"approval_over_fen", r.ApprovalOverFen}} {
		if amount.fen != nil && *amount.fen < 0 {
			c.bad(at+"."+amount.key, "is below 0")
		}
	}
	if r.FromFen != nil && r.BelowFen != nil && *r.FromFen >= *r.BelowFen {
		c.bad(at+".below_fen", "is not above from_fen: the rule fits nothing")
	}
	r.due, r.warn = c.duration(at+".due", r.Due), c.duration(at+".warn", r.Warn)
	if r.warn > 0 && r.warn >= r.due {
		c.bad(at+".warn", "%v is not below due %v", r.warn, r.due)
	}
}

func (c *rulesCheck) duration(at, s string) time.Duration {
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > maxDue {
		c.bad(at, "%.40q is no duration, like 90m or 8h, up to %v", s, maxDue)
	}
	return d
}

func oneOf[T ~string](c *rulesCheck, at string, v T, list []T, what string) {
	if !slices.Contains(list, v) {
		c.bad(at, "%.40q is no %s", v, what)
	}
}

func (c *rulesCheck) groups(d *Dispatch) {
	for name, team := range d.Groups {
		at := "groups." + string(name)
		if !slices.Contains(schemas.Groups(), name) {
			c.bad("groups", "%.40q is no group", name)
			continue
		}
		if team.Lead != "" && !store.ValidWho(team.Lead) {
			c.bad(at+".lead", "is no name")
		}
		if len(team.People) > maxPeople {
			c.bad(at+".people", "are more than %d", maxPeople)
			continue
		}
		seen := map[string]bool{}
		for i := range team.People {
			c.person(fmt.Sprintf("%s.people[%d]", at, i), &team.People[i], seen)
		}
	}
	for i, r := range d.Rules {
		if r.Assign != "" && r.Assign != store.AssignNone && len(d.Groups[r.Group].People) == 0 {
			c.bad(fmt.Sprintf("rules[%d].assign", i), "group %.40q has no people", r.Group)
		}
	}
}

func (c *rulesCheck) person(at string, p *Person, seen map[string]bool) {
	if !store.ValidWho(p.Name) {
		c.bad(at+".name", "%.40q is no name: letters, digits and ._@:- only", p.Name)
	}
	if seen[p.Name] {
		c.bad(at+".name", "is there twice")
	}
	seen[p.Name] = true
	if p.Capacity < 0 || p.Capacity > maxCapacity {
		c.bad(at+".capacity", "%d is not in 0..%d", p.Capacity, maxCapacity)
	}
	for i, days := range p.Absent {
		from, until, err := calendar.Days(days)
		if err != nil {
			c.bad(fmt.Sprintf("%s.absent[%d]", at, i), "%v", err)
			continue
		}
		p.away = append(p.away, absence{from, until})
	}
}

func (c *rulesCheck) vip(v *VIP) {
	if len(v.Contacts) > maxContacts {
		c.bad("vip.contacts", "are more than %d", maxContacts)
		return
	}
	v.numbers = make(map[string]bool, len(v.Contacts))
	for i, contact := range v.Contacts {
		n := numberplan.Parse(contact)
		if n.Kind == numberplan.Unknown {
			c.bad(fmt.Sprintf("vip.contacts[%d]", i), "is no telephone number")
		}
		v.numbers[n.Digits] = true
	}
}
