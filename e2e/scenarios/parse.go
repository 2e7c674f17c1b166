package scenarios

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"github.com/tidegate/tidegate/schemas"
)

// Bounds of a scenario.
const (
	maxSay     = 200 // characters
	maxSteps   = 200
	maxAnswers = 50
	minAsked   = 2 // characters of a phrase: one sounds like too many
	maxTimeout = 10 * time.Minute
	maxPause   = 2 * time.Minute
)

var (
	// What the records can be searched by.
	fromPattern   = regexp.MustCompile(`^\+?[0-9]{3,20}$`)
	toPattern     = regexp.MustCompile(`^\+?[0-9A-Za-z*#._-]{1,32}$`)
	digitsPattern = regexp.MustCompile(`^[0-9A-D*#]{1,32}$`)
	wordPattern   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

	outcomes = []string{
		string(schemas.OutcomeTicketOpened), string(schemas.OutcomeResolved), string(schemas.OutcomeHandedOff),
		string(schemas.OutcomeUnfinished), string(schemas.OutcomeAbandoned), string(schemas.OutcomeNoInput), string(schemas.OutcomeFailed),
	}
)

// Parse reads a scenario. File is its name in errors, and names the scenario
// when it does not do so itself. The scenario has no folder to play files from.
func Parse(file string, b []byte) (Scenario, error) {
	d := &decoder{file: file}
	root := d.root(b)
	if root == nil {
		return Scenario{}, invalid(d.errs)
	}
	base := path.Base(strings.ReplaceAll(file, `\`, "/"))
	base = strings.TrimSuffix(base, path.Ext(base))
	s := Scenario{Name: base, Language: DefaultLanguage, Timeout: DefaultTimeout}
	var caller bool
	ok := d.fields(root, "scenario", map[string]func(ast.Node){
		"name":        d.checked("name", fmt.Sprintf("%q like the file, or left out", base), func(v string) bool { return v == base }, &s.Name),
		"description": d.words("description", 500, &s.Description),
		"from":        d.checked("from", "a telephone number of 3 to 20 digits", fromPattern.MatchString, &s.From),
		"to":          d.checked("to", "a number or name of at most 32 characters", toPattern.MatchString, &s.To),
		"language":    d.words("language", 16, &s.Language),
		"voice":       d.words("voice", 64, &s.Voice),
		"rate":        d.number("rate", 0.25, 4, &s.Rate),
		"timeout":     d.duration("timeout", time.Second, maxTimeout, &s.Timeout),
		"caller": func(n ast.Node) {
			caller = true
			d.items("caller", maxSteps, func(i int, n ast.Node) {
				s.Caller = append(s.Caller, d.step(fmt.Sprintf("caller item %d", i+1), n))
			})(n)
		},
		"expect": func(n ast.Node) { s.Expect = d.expect(n) },
	})
	if ok {
		d.whole(root, s, caller)
	}
	if len(d.errs) > 0 {
		return Scenario{}, invalid(d.errs)
	}
	return s, nil
}

// whole checks what no single key shows.
func (d *decoder) whole(root ast.Node, s Scenario, caller bool) {
	if !namePattern.MatchString(s.Name) {
		d.fail(root, "name: must be of at most 64 letters, digits, - and _")
	}
	if s.From == "" {
		d.missing(root, "from")
	}
	if s.To == "" {
		d.missing(root, "to")
	}
	if !caller {
		d.missing(root, "caller")
	}
	for i, step := range s.Caller {
		if step.Hangup && i < len(s.Caller)-1 {
			d.failAt(step.Line, "caller item %d: nothing can follow hangup", i+1)
		}
		if step.Wait == WaitHangup && i < len(s.Caller)-1 {
			d.failAt(step.Line, "caller item %d: nothing can follow the agent's hangup", i+1)
		}
		if len(step.Answers) > 0 && i < len(s.Caller)-1 {
			d.failAt(step.Line, "caller item %d: nothing can follow answers, which last until the agent hangs up", i+1)
		}
	}
}

// missing reports a key once: an unreadable value has been reported already.
func (d *decoder) missing(root ast.Node, key string) {
	values, _ := pairs(root)
	if !slices.ContainsFunc(values, func(p *ast.MappingValueNode) bool { k, _ := text(p.Key); return k == key }) {
		d.fail(root, "%s: is missing", key)
	}
}

func (d *decoder) step(what string, n ast.Node) Step {
	s := Step{Line: line(n)}
	if values, ok := pairs(n); ok && len(values) > 0 {
		s.Line = line(values[0].Key)
	}
	var wait string
	var pause, after, silence time.Duration
	before := len(d.errs)
	at := func(key string) string { return what + ": " + key }
	ok := d.fields(n, what, map[string]func(ast.Node){
		"wait":      d.oneOf(at("wait"), []string{string(WaitPromptStart), string(WaitPromptEnd), string(WaitHangup)}, &wait),
		"silence":   d.duration(at("silence"), 200*time.Millisecond, 30*time.Second, &silence),
		"timeout":   d.duration(at("timeout"), 100*time.Millisecond, maxTimeout, &s.Timeout),
		"pause":     d.duration(at("pause"), 0, maxPause, &pause),
		"after":     d.duration(at("after"), 0, maxPause, &after),
		"say":       d.words(at("say"), maxSay, &s.Say),
		"play":      d.checked(at("play"), "a file below the scenario's folder", func(v string) bool { return v != "." && fs.ValidPath(v) }, &s.Play),
		"digits":    d.checked(at("digits"), "1 to 32 keys of 0-9, *, #, A-D", digitsPattern.MatchString, &s.Digits),
		"interrupt": d.flag(at("interrupt"), func(v bool) { s.Interrupt = v }),
		"answers": d.items(at("answers"), maxAnswers, func(i int, n ast.Node) {
			s.Answers = append(s.Answers, d.answer(fmt.Sprintf("%s: answer %d", what, i+1), n))
		}),
		"hangup": d.hangup(at("hangup"), &s.Hangup),
	})
	s.Wait, s.Pause, s.Silence = Wait(wait), pause+after, silence
	if ok && len(d.errs) == before {
		d.combination(what, s, pause, after)
	}
	if len(s.Answers) > 0 {
		s.Silence = cmp.Or(s.Silence, DefaultSilence)
		s.Timeout = cmp.Or(s.Timeout, DefaultWaitTimeout)
	}
	switch s.Wait {
	case WaitPromptEnd:
		if s.Silence == 0 {
			s.Silence = DefaultSilence
		}
		fallthrough
	case WaitPromptStart:
		if s.Timeout == 0 {
			s.Timeout = DefaultWaitTimeout
		}
	}
	return s
}

// combination checks which keys of an item go together.
func (d *decoder) combination(what string, s Step, pause, after time.Duration) {
	bad := func(format string, args ...any) { d.failAt(s.Line, what+": "+format, args...) }
	actions := 0
	for _, is := range []bool{s.Speaks(), s.Digits != "", s.Hangup, len(s.Answers) > 0} {
		if is {
			actions++
		}
	}
	if actions > 1 {
		bad("only one of say or play, digits, answers and hangup")
	}
	if s.Wait == WaitHangup && (actions > 0 || after > 0) {
		bad("nothing can follow wait: hangup")
	}
	if after > 0 && s.Wait == WaitNothing {
		bad("after: only beside wait; use pause")
	}
	if pause > 0 && (s.Wait != WaitNothing || actions > 0) {
		bad("pause: must stand alone; beside wait use after")
	}
	if len(s.Answers) > 0 && s.Wait != WaitNothing {
		bad("answers: they wait for the end of each prompt by themselves")
	}
	if s.Silence > 0 && s.Wait != WaitPromptEnd && len(s.Answers) == 0 {
		bad("silence: only beside wait: prompt_end or answers")
	}
	if s.Timeout > 0 && s.Wait == WaitNothing && len(s.Answers) == 0 {
		bad("timeout: only beside wait or answers")
	}
	if s.Interrupt && !s.Speaks() {
		bad("interrupt: only beside say or play")
	}
	if s.Wait == WaitNothing && actions == 0 && pause == 0 {
		bad("does nothing")
	}
}

func (d *decoder) hangup(key string, dst *bool) func(ast.Node) {
	return func(n ast.Node) {
		if b, ok := n.(*ast.BoolNode); !ok || !b.Value {
			d.fail(n, "%s: must be true, or left out", key)
			return
		}
		*dst = true
	}
}

func (d *decoder) answer(what string, n ast.Node) Answer {
	var a Answer
	before := len(d.errs)
	d.fields(n, what, map[string]func(ast.Node){
		"asked": d.oneOrMore(what+": asked", &a.Asked), "say": d.oneOrMore(what+": say", &a.Say),
		"hangup": d.hangup(what+": hangup", &a.Hangup),
	})
	if len(d.errs) > before {
		return a
	}
	if len(a.Asked) == 0 {
		d.fail(n, "%s: asked: is missing", what)
	}
	if a.Hangup && len(a.Say) > 0 {
		d.fail(n, "%s: only one of say and hangup", what)
	}
	for _, phrase := range a.Asked {
		if utf8.RuneCountInString(phrase) < minAsked {
			d.fail(n, "%s: asked: %q is too short to be told from other words", what, phrase)
		}
	}
	return a
}

func (d *decoder) expect(n ast.Node) Expect {
	e := Expect{Slots: map[string]string{}}
	var order string
	d.fields(n, "expect", map[string]func(ast.Node){
		"outcome":             d.oneOf("outcome", outcomes, &e.Outcome),
		"intent":              d.checked("intent", "a name such as return_request", wordPattern.MatchString, &e.Intent),
		"ticket":              d.flag("ticket", func(v bool) { e.Ticket = &v }),
		"ticket_kind":         d.checked("ticket_kind", "a kind such as return", wordPattern.MatchString, &e.TicketKind),
		"order":               d.words("order", 64, &order),
		"slots":               func(n ast.Node) { d.slots(n, e.Slots) },
		"handoff":             d.oneOf("handoff", []string{HandoffSIP, HandoffLocalQueue, HandoffAny}, &e.Handoff),
		"ended_by":            d.oneOf("ended_by", []string{EndedByAgent, EndedByCaller}, &e.EndedBy),
		"interrupted":         d.flag("interrupted", func(v bool) { e.Interrupted = &v }),
		"answered_within":     d.duration("answered_within", time.Millisecond, maxTimeout, &e.AnsweredWithin),
		"first_prompt_within": d.duration("first_prompt_within", time.Millisecond, maxTimeout, &e.FirstPromptWithin),
		"turn_latency_p95":    d.duration("turn_latency_p95", time.Millisecond, maxTimeout, &e.TurnLatencyP95),
		"said":                d.texts("said", &e.Said),
		"not_said":            d.texts("not_said", &e.NotSaid),
	})
	if order != "" {
		if other, both := e.Slots["order"]; both && other != order {
			d.fail(n, "expect: order and slots.order differ")
		}
		e.Slots["order"] = order
	}
	return e
}

func (d *decoder) slots(n ast.Node, dst map[string]string) {
	values, ok := pairs(n)
	if !ok || len(values) > 50 {
		d.fail(n, "slots: must be a mapping of at most 50 slots")
		return
	}
	for _, p := range values {
		name, ok := text(p.Key)
		if !ok || !wordPattern.MatchString(name) {
			d.fail(p.Key, "slots: %.40q is no slot's name", p.Key.String())
			continue
		}
		var v string
		d.words("slots."+name, 200, &v)(p.Value)
		dst[name] = v
	}
}
