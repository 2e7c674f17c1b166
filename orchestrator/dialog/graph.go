package dialog

import (
	"fmt"
	"strings"
)

// Graph draws the flow as a Mermaid flowchart: what each request asks for, in
// which order, and what it comes to.
func (f *Flow) Graph() string {
	g := graph{f: f}
	g.b.WriteString("flowchart LR\n")
	g.line("start([%s])", "greeting")
	for _, name := range sortedKeys(f.tasks) {
		g.task(name, f.tasks[name])
	}
	return g.b.String()
}

type graph struct {
	f *Flow
	b strings.Builder
}

func (g *graph) line(format string, args ...any) {
	g.b.WriteString("  ")
	fmt.Fprintf(&g.b, format, args...)
	g.b.WriteByte('\n')
}

// node is how an intent, question or prompt is named in the drawing.
func node(kind, name string) string { return kind + "_" + strings.ReplaceAll(name, "-", "_") }

func (g *graph) task(name string, t taskSpec) {
	id := node("task", name)
	label := g.f.intents[name].Label
	if label == "" {
		label = name
	}
	g.line(`start --> %s["%s<br/>%s"]`, id, quoted(label), name)
	at := id
	step := func(kind, what, shape string) {
		next := node(kind, name+"_"+what)
		g.line("%s --> %s%s", at, next, fmt.Sprintf(shape, quoted(what)))
		at = next
	}
	if t.OfferOrder != "" {
		step("ask", t.OfferOrder, `{{"%s"}}`)
	}
	for _, slot := range t.Slots {
		question := t.Asks[slot]
		if question == "" {
			question = g.f.slots[slot].Question
		}
		if question == "" {
			question = slot
		}
		step("ask", question, `{{"%s"}}`)
	}
	if t.Confirm != "" {
		step("confirm", t.Confirm, `{{"%s"}}`)
	}
	switch {
	case t.Ticket != "":
		g.line(`%s --> ticket_%s[["ticket: %s"]]`, at, name, quoted(t.Ticket))
	case t.Answer != "":
		for i, r := range g.f.rules[t.Answer] {
			rule := fmt.Sprintf("rule_%s_%d", name, i+1)
			g.line(`%s -->|"%s"| %s("%s")`, at, quoted(condition(r)), rule, quoted(r.Say))
			if r.Offer != "" {
				g.line("%s -.->|offer| %s", rule, node("task", r.Offer))
			}
		}
	case t.Handoff:
		g.line(`%s --> human(["human"])`, at)
	case t.End:
		g.line(`%s --> over(["end of the call"])`, at)
	case t.Say != "":
		g.line(`%s --> say_%s("%s")`, at, name, quoted(t.Say))
		if t.Offer != "" {
			g.line("say_%s -.->|offer| %s", name, node("task", t.Offer))
		}
	case t.Miss:
		g.line(`%s --> again(["asked again, keypad, human"])`, at)
	}
}

// condition is a rule's in one line.
func condition(r ruleSpec) string {
	if len(r.When) == 0 {
		return "else"
	}
	var parts []string
	for _, fact := range sortedKeys(r.When) {
		parts = append(parts, fact+" is "+strings.Join(r.When[fact], " or "))
	}
	return strings.Join(parts, ", ")
}

// quoted keeps what ends a label out of it.
func quoted(s string) string { return strings.NewReplacer(`"`, "'", "\n", " ").Replace(s) }
