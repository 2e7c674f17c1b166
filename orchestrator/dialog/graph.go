package dialog

import (
	"fmt"
	"strings"
)

// Mermaid draws the flow as a Mermaid flowchart: every request with what it
// asks for, the rules that answer it, and what it comes to.
func (f *Flow) Mermaid() string {
	g := &graph{f: f, seen: map[string]bool{}}
	g.line("---")
	g.line("title: %s", label(fmt.Sprintf("%s %s (%s)", f.Name(), f.Version(), f.Language())))
	g.line("---")
	g.line("flowchart TD")
	g.node("start", "([%s])", f.questions[questionIntent].Ask)
	for _, id := range sortedKeys(f.tasks) {
		g.task(id, f.tasks[id])
	}
	g.node("more", "([%s])", f.questions[questionMore].Ask)
	g.line(`  start & more -. "no answer: asked again %d times, keypad" .-> human`, f.policy.Reprompts)
	g.node("human", "[[%s]]", "human")
	g.node("goodbye_end", "((%s))", "end")
	g.line("  classDef ask fill:#e8f0fe,stroke:#4a6fa5")
	g.line("  classDef ticket fill:#e6f4ea,stroke:#4f8a5b")
	g.line("  classDef human fill:#fdecea,stroke:#b3564d")
	g.line("  class human human")
	return g.b.String()
}

// graph is a drawing in progress.
type graph struct {
	f    *Flow
	b    strings.Builder
	seen map[string]bool
}

func (g *graph) line(format string, a ...any) { fmt.Fprintf(&g.b, format+"\n", a...) }

// node draws a node once; shape holds "%s" for its quoted label.
func (g *graph) node(id, shape string, lines ...string) {
	if g.seen[id] {
		return
	}
	g.seen[id] = true
	for i := range lines {
		lines[i] = label(lines[i])
	}
	g.line("  "+id+shape, `"`+strings.Join(lines, "<br/>")+`"`)
}

// label makes a text safe within a quoted Mermaid label.
func label(text string) string {
	return strings.NewReplacer(`"`, "#quot;", "<", "#lt;", ">", "#gt;", "\n", " ", "`", "'").Replace(text)
}

// maxGraphText is how much of a prompt is drawn, in characters.
const maxGraphText = 28

// prompt is the beginning of what a prompt says.
func (g *graph) prompt(id string) string {
	text := g.f.prompts[id].Text
	if len(text) == 0 {
		return id
	}
	rs := []rune(text[0])
	if len(rs) > maxGraphText {
		return string(rs[:maxGraphText]) + "…"
	}
	return string(rs)
}

func (g *graph) task(id string, t taskSpec) {
	f := g.f
	name := "t_" + id
	if t.Miss {
		g.node(name, "(%s)", id, "asked again")
		g.line("  start --> %s", name)
		g.line("  %s --> start", name)
		return
	}
	g.node(name, "(%s)", id, f.intents[id].Label)
	g.line("  start --> %s", name)
	from := name
	for _, slot := range t.Slots {
		at := name + "_" + slot
		asked := f.questions[f.questionOf(t, slot)].Ask
		shape := "{{%s}}"
		lines := []string{slot, g.prompt(asked)}
		if slot == slotOrder && t.OfferOrder != "" {
			lines = append(lines, g.prompt(f.questions[t.OfferOrder].Ask))
		}
		if q := f.slots[slot].Offer; q != "" {
			lines = append(lines, g.prompt(f.questions[q].Ask))
		}
		g.node(at, shape, lines...)
		g.line("  class %s ask", at)
		g.line("  %s --> %s", from, at)
		from = at
	}
	g.outcome(name, from, t)
	if t.Aside != "" {
		g.node(name+"_aside", ">%s]", "in passing", g.prompt(t.Aside))
		g.line("  %s -. \"amid another request\" .-> %s_aside", name, name)
	}
}

// outcome draws what a task comes to, from the node that it is reached from.
func (g *graph) outcome(name, from string, t taskSpec) {
	switch {
	case t.Handoff:
		g.line("  %s --> human", from)
	case t.End:
		g.line("  %s --> goodbye_end", from)
	case t.Ticket != "":
		confirm, ticket := name+"_confirm", name+"_ticket"
		g.node(confirm, "{%s}", "all right?", g.prompt(g.f.questions[t.Confirm].Ask))
		g.node(ticket, "[/%s/]", "ticket "+t.Ticket, g.prompt("ticket_opened"))
		g.line("  class %s ticket", ticket)
		g.line("  %s --> %s", from, confirm)
		g.line(`  %s -- "no: what is wrong" --> %s`, confirm, name)
		g.line("  %s -- yes --> %s", confirm, ticket)
		g.line("  %s --> more", ticket)
		g.line("  %s -. \"not opened\" .-> human", ticket)
	case t.Answer != "":
		g.rules(name, from, t.Answer)
	default:
		say := name + "_say"
		g.node(say, "[%s]", t.Say, g.prompt(t.Say))
		g.line("  %s --> %s", from, say)
		g.after(say, t.Offer)
	}
}

func (g *graph) rules(name, from, set string) {
	rules := name + "_rules"
	g.node(rules, "{%s}", "rules "+set)
	g.line("  %s --> %s", from, rules)
	for i, r := range g.f.rules[set] {
		at := fmt.Sprintf("%s_%d", rules, i+1)
		g.node(at, "[%s]", r.Say, g.prompt(r.Say))
		g.line(`  %s -- "%s" --> %s`, rules, label(r.condition()), at)
		g.after(at, r.Offer)
	}
}

// after draws what follows an answer: an offer, or whatever else there is.
func (g *graph) after(at, offer string) {
	if offer == "" {
		g.line("  %s --> more", at)
		return
	}
	g.line(`  %s -- "offer, yes" --> t_%s`, at, offer)
	g.line("  %s -- no --> more", at)
}

// condition says when a rule holds.
func (r ruleSpec) condition() string {
	if len(r.When) == 0 {
		return "otherwise"
	}
	var parts []string
	for _, fact := range sortedKeys(r.When) {
		parts = append(parts, fact+" = "+strings.Join(r.When[fact], " | "))
	}
	return strings.Join(parts, ", ")
}
