package rest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
)

func (c *compiler) operation(name string, sp operationSpec, order []field) *operation {
	keys := []string{"operations", name}
	data := map[string]any{"vars": map[string]any{}}
	all := sample()
	for _, k := range askedOf(name) {
		data[k] = all[k]
	}
	allowed := meanings
	if isWrite(name) {
		allowed = writeMeanings
	}
	o := &operation{newest: sp.NewestFirst}
	for i, st := range sp.Steps {
		o.steps = append(o.steps, c.step(at(keys, "steps", fmt.Sprint(i)), fmt.Sprintf("%s.steps[%d]", name, i), st, allowed, data))
	}
	if sp.Existing != nil {
		o.existing = c.existing(at(keys, "existing"), name, *sp.Existing, allowed, data)
	}
	o.main = c.step(keys, name, stepSpec{Request: sp.Request, Answers: sp.Answers, Set: sp.Set}, allowed, data)
	for i, st := range sp.Then {
		o.then = append(o.then, c.step(at(keys, "then", fmt.Sprint(i)), fmt.Sprintf("%s.then[%d]", name, i), st, allowed, data))
	}
	o.items, o.item = path{sp.Items}, path{sp.Item}
	c.shapeOf(keys, name, sp, o, order)
	return o
}

// shapeOf checks that an operation has what its kind needs, and nothing that
// would be ignored.
func (c *compiler) shapeOf(keys []string, name string, sp operationSpec, o *operation, order []field) {
	list := name == opFindByPhone || name == opFindByNumber || name == opFindByDigits || name == opTrace || name == opRefunds
	reads := targetOf(name)
	if list && sp.Item.Set() || !list && sp.Items.Set() {
		c.bad(keys, "has item where items belongs, or the other way round")
	}
	if !isWrite(name) && (sp.Existing != nil || len(sp.Then) > 0) {
		c.bad(keys, "existing and then are for writes only")
	}
	finds := strings.HasPrefix(name, "find_")
	if sp.Page != nil && !finds {
		c.bad(at(keys, "page"), "is for find operations only")
	} else if sp.Page != nil {
		o.page = c.paging(at(keys, "page"), *sp.Page)
	}
	if sp.NewestFirst && !finds {
		c.bad(at(keys, "newest_first"), "is for find operations only")
	}
	switch {
	case reads == nil:
		if sp.Map != nil {
			c.bad(at(keys, "map"), "nothing is read")
		}
	case (finds || name == opOrder) && sp.Map == nil:
		if o.fields = order; order == nil {
			c.bad(at(keys, "map"), "is needed, here or for all as order")
		}
	default:
		o.fields = c.fields(at(keys, "map"), sp.Map, reads, true)
	}
	if name == opReturn && !mentions(sp, "key") {
		c.bad(keys, "nothing sends or looks for .key: asked twice, it would create two")
	}
}

// mentions says whether a write sends or looks for a field of its data.
func mentions(sp operationSpec, field string) bool {
	if sp.Request.Mentions(field) {
		return true
	}
	e := sp.Existing
	return e != nil && (e.Request.Mentions(field) || e.Pick != nil && strings.Contains(e.Pick.Equals.Source, "."+field))
}

func (c *compiler) existing(keys []string, name string, sp existingSpec, allowed []string, data map[string]any) *step {
	if sp.Pick == nil {
		c.bad(at(keys, "pick"), "is needed: which of the list is the one of .key")
		return nil
	}
	st := c.step(keys, name+".existing", stepSpec{Request: sp.Request, Answers: sp.Answers, Pick: sp.Pick, Set: sp.Set}, allowed, data)
	st.complete = path{sp.Complete}
	return &st
}

func (c *compiler) step(keys []string, name string, sp stepSpec, allowed []string, data map[string]any) step {
	st := step{request: c.request(at(keys, "request"), name, sp.Request, data), rules: c.rules(at(keys, "answers"), sp.Answers, allowed), set: sp.Set}
	if p := sp.Pick; p != nil {
		st.pick = &pick{items: path{p.Items}, path: path{p.Path}, equals: p.Equals}
		if !p.Path.Set() || p.Equals.Source == "" {
			c.bad(at(keys, "pick"), "path and equals are needed")
		}
		if _, err := p.Equals.Render(data); err != nil {
			c.bad(at(keys, "pick", "equals"), "%v", err)
		}
	}
	missing, known := missingWords[sp.Missing]
	if !known {
		c.bad(at(keys, "missing"), "%q is not not_found", sp.Missing)
	}
	st.missing = missing
	vars := data["vars"].(map[string]any)
	for v := range sp.Set {
		vars[v] = "made-up"
	}
	return st
}

// request checks a message and fills it in with made-up data.
func (c *compiler) request(keys []string, name string, m restcall.Message, data map[string]any) request {
	key := dotted(keys)
	if err := m.Validate(key); err != nil {
		c.wrong(err)
	} else {
		c.wrong(m.Rehearse(key, data))
	}
	op, _, _ := strings.Cut(name, ".")
	return request{name: name, message: m, quiet: isWrite(op) || op == opReady}
}

func (c *compiler) paging(keys []string, sp pageSpec) *paging {
	if !slices.Contains(pageKinds, sp.Kind) {
		c.bad(at(keys, "kind"), "%q is none of %s", sp.Kind, strings.Join(pageKinds, ", "))
	}
	if sp.Kind != pageLink && sp.Param == "" {
		c.bad(at(keys, "param"), "is needed for %s", sp.Kind)
	}
	if (sp.Kind == pageNumber || sp.Kind == pageOffset) && sp.Size < 1 && !sp.Next.Set() {
		c.bad(at(keys, "size"), "size or next is needed: how else is the last page told")
	}
	if sp.Kind == pageCursor && !sp.Next.Set() {
		c.bad(at(keys, "next"), "is needed for cursor")
	}
	if sp.MaxPages == 0 {
		sp.MaxPages = 5
	}
	if sp.MaxPages < 1 || sp.MaxPages > maxPages {
		c.bad(at(keys, "max_pages"), "is not in 1..%d", maxPages)
	}
	return &paging{kind: sp.Kind, param: sp.Param, first: sp.First, size: sp.Size, next: path{sp.Next}, max: sp.MaxPages}
}

// fields compiles a mapping for its targets.
func (c *compiler) fields(keys []string, m mapping, targets []target, wanted bool) []field {
	if !wanted {
		return nil
	}
	names := map[string]bool{}
	var out []field
	for _, t := range targets {
		names[t.name] = true
		sp, ok := m[t.name]
		if !ok {
			if t.required {
				c.bad(at(keys, t.name), "is needed")
			}
			continue
		}
		out = append(out, c.field(at(keys, t.name), sp, t))
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !names[name] {
			c.bad(at(keys, name), "there is no such field; there are %s", strings.Join(slices.Sorted(maps.Keys(names)), ", "))
		}
	}
	return out
}

func (c *compiler) field(keys []string, sp fieldSpec, t target) field {
	f := field{target: t, value: sp.Value, deflt: sp.Default, table: sp.Table, layout: sp.Time, unit: sp.Money, zone: c.s.zone}
	if t.kind == kindList {
		if !sp.Each.Set() || sp.Map == nil || sp.From.Set() || sp.Value != nil {
			c.bad(keys, "is a list: want each and map")
			return f
		}
		f.each = path{sp.Each}
		f.sub = c.fields(at(keys, "map"), sp.Map, t.of, true)
		return f
	}
	if sp.From.Set() == (sp.Value != nil) || sp.Each.Set() || sp.Map != nil {
		c.bad(keys, "want from or value, one of the two")
	}
	f.from = path{sp.From}
	for theirs, ours := range sp.Table {
		if t.enum != nil && !slices.Contains(t.enum, ours) {
			c.bad(at(keys, "table", theirs), "%q is none of %s", ours, strings.Join(t.enum, ", "))
		}
	}
	for name, v := range map[string]*string{"default": sp.Default, "value": sp.Value} {
		if v != nil && t.enum != nil && !slices.Contains(t.enum, *v) {
			c.bad(at(keys, name), "%q is none of %s", *v, strings.Join(t.enum, ", "))
		}
	}
	c.units(keys, sp, t, &f)
	return f
}

// units checks that money and times say what they are in: neither is guessed.
func (c *compiler) units(keys []string, sp fieldSpec, t target, f *field) {
	switch {
	case t.kind == kindMoney && sp.Money != "yuan" && sp.Money != "fen":
		c.bad(keys, "is an amount: say money: yuan or money: fen")
	case t.kind != kindMoney && sp.Money != "":
		c.bad(at(keys, "money"), "is no amount")
	case t.kind == kindTime && sp.Time == "":
		c.bad(keys, "is a time: say time: %s, %s, %s or a Go layout such as \"2006-01-02 15:04:05\"", timeRFC3339, timeUnix, timeUnixMS)
	case t.kind != kindTime && (sp.Time != "" || sp.Zone != ""):
		c.bad(at(keys, "time"), "is no time")
	case t.kind == kindTime && sp.Time != timeRFC3339 && sp.Time != timeUnix && sp.Time != timeUnixMS:
		ref := time.Date(2026, 11, 25, 15, 4, 5, 0, time.UTC)
		if got, err := time.Parse(sp.Time, ref.Format(sp.Time)); err != nil || got.Year() != 2026 || got.Day() != 25 {
			c.bad(at(keys, "time"), "%q is no layout with year, month and day", sp.Time)
		}
	}
	if sp.Zone != "" {
		zone, err := time.LoadLocation(sp.Zone)
		if err != nil {
			c.bad(at(keys, "zone"), "%q is no time zone", sp.Zone)
			return
		}
		f.zone = zone
	}
}
