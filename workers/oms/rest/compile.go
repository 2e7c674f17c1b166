package rest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

// What a file that says nothing has. A caller waits for these answers.
const (
	defaultTimeout = 3 * time.Second
	maxPages       = 50
)

// compiler makes a System of a spec, and collects every mistake.
type compiler struct {
	file     string
	text     []byte
	spec     spec
	s        *System
	problems []error
}

func (c *compiler) bad(keys []string, format string, args ...any) {
	c.problems = append(c.problems, &restcall.Mistake{
		File: c.file, Line: restcall.Locate(c.text, keys...), Key: dotted(keys), Text: fmt.Sprintf(format, args...),
	})
}

// wrong takes mistakes that carry their keys.
func (c *compiler) wrong(err error) {
	if err := restcall.Mistakes(c.file, c.text, err); err != nil {
		c.problems = append(c.problems, err)
	}
}

// dotted is how keys are written: a.b[0].c.
func dotted(keys []string) string {
	var out strings.Builder
	for i, k := range keys {
		switch _, err := strconv.Atoi(k); {
		case err == nil && i > 0:
			out.WriteString("[" + k + "]")
			continue
		case i > 0:
			out.WriteString(".")
		}
		out.WriteString(k)
	}
	return out.String()
}

func at(keys []string, more ...string) []string { return append(slices.Clone(keys), more...) }

func (c *compiler) compile() *System {
	sp := c.spec
	c.s = &System{name: sp.Name, ops: map[string]*operation{}}
	if sp.Name == "" {
		c.bad([]string{"name"}, "is needed")
	}
	c.wrong(sp.Endpoint.Validate())
	if c.s.zone, _ = sp.Zone(); c.s.zone == nil {
		c.s.zone = time.UTC // a mistake, which has been told
	}
	c.s.rules = c.rules([]string{"answers"}, sp.Answers, meanings)
	order := c.fields([]string{"order"}, sp.Order, orderTarget, sp.Order != nil)
	if len(sp.Operations) == 0 {
		c.bad([]string{"operations"}, "none is described")
	}
	for _, name := range slices.Sorted(maps.Keys(sp.Operations)) {
		if !slices.Contains(operationNames, name) {
			c.bad([]string{"operations", name}, "is none of %s", strings.Join(operationNames, ", "))
			continue
		}
		c.s.ops[name] = c.operation(name, sp.Operations[name], order)
	}
	return c.s
}

// there checks that every secret can be read.
func (c *compiler) there() {
	for _, secret := range c.spec.Secrets() {
		if _, err := secret.Reveal(); err != nil {
			c.problems = append(c.problems, &restcall.Mistake{File: c.file, Line: secret.Line, Text: err.Error()})
		}
	}
}

// sample is what templates can use; made up, to try them when loading.
func sample() map[string]any {
	return map[string]any{
		"phone": "13800138000", "number": "1001", "order_number": "1001", "last_digits": "1001", "limit": 5., "tracking_no": "SF1001",
		"key": "call:return:1", "call_id": "call", "kind": "return", "reason": "wrong_size", "reason_text": "说“太大”", "contact": "13800138000",
		"lines":  []any{map[string]any{"line_id": "1", "quantity": 1.}},
		"pickup": map[string]any{"from": "2026-11-26T01:00:00Z", "until": "2026-11-26T03:00:00Z", "address": "某路1号"}, "requested_at": "2026-11-25T01:00:00Z",
		"vars": map[string]any{},
	}
}

// askedOf lists what the templates of an operation have, besides vars.
func askedOf(op string) []string {
	switch op {
	case opFindByPhone, opFindByNumber, opFindByDigits:
		return []string{"phone", "number", "order_number", "last_digits", "limit"}
	case opOrder, opRefunds:
		return []string{"number", "order_number"}
	case opTrace:
		return []string{"number", "order_number", "tracking_no"}
	case opReturn:
		return []string{"number", "order_number", "key", "call_id", "reason", "reason_text", "requested_at", "kind", "contact", "lines", "pickup"}
	case opCancel:
		return []string{"number", "order_number", "key", "call_id", "reason", "reason_text", "requested_at"}
	case opIntercept:
		return []string{"number", "order_number", "key", "call_id", "reason", "reason_text", "requested_at", "tracking_no"}
	}
	return nil
}

func (c *compiler) rules(keys []string, list []ruleSpec, allowed []string) []rule {
	var out []rule
	for i, sp := range list {
		k := at(keys, fmt.Sprint(i))
		r := rule{is: sp.Is, code: schemas.RefusalCode(sp.Code), when: path{sp.When}, reason: path{sp.Reason}}
		if !slices.Contains(allowed, sp.Is) {
			c.bad(at(k, "is"), "%q is none of %s", sp.Is, strings.Join(allowed, ", "))
		}
		if len(sp.Status) == 0 && !sp.When.Set() {
			c.bad(k, "fits every answer: say status, when or both")
		}
		if (sp.Is == isRefused) != (sp.Code != "") || sp.Code != "" && !slices.Contains(refusalCodes, sp.Code) {
			c.bad(at(k, "code"), "refused needs one of %s; nothing else has a code", strings.Join(refusalCodes, ", "))
		}
		for _, text := range sp.Status {
			from, to, err := statusRange(text)
			if err != nil {
				c.bad(at(k, "status"), "%v", err)
			}
			r.from, r.to = append(r.from, from), append(r.to, to)
		}
		out = append(out, r)
	}
	return out
}

var missingWords = map[string]error{"": nil, "not_found": oms.ErrNotFound}
