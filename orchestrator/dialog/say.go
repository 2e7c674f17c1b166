package dialog

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxItemName is how much of an article's name is said.
const maxItemName = 16

// say adds a prompt that waits for nothing.
func (t *turn) say(id string) { t.put(t.render(id), expectNothing) }

// sayPlainly says a prompt that ends in an offer without it, since there is
// something else to go on with.
func (t *turn) sayPlainly(id, offer string) {
	p := t.render(id)
	if offer != "" {
		p.Text = withoutQuestion(p.Text)
	}
	t.put(p, expectNothing)
}

// withoutQuestion is a text without the question that it ends in; a text that
// is nothing else stays.
func withoutQuestion(text string) string {
	rs := []rune(text)
	if n := len(rs); n == 0 || rs[n-1] != '？' && rs[n-1] != '?' {
		return text
	}
	for i := len(rs) - 2; i > 0; i-- {
		if strings.ContainsRune("。！？!?.", rs[i]) {
			return string(rs[:i+1])
		}
	}
	return text
}

// sayAndListen adds a prompt and listens as expects name says.
func (t *turn) sayAndListen(id, expects string) { t.put(t.render(id), expects) }

func (t *turn) put(p Prompt, expects string) {
	if t.s.Deaf {
		p.Interruptible = false // speech that nobody understands cuts nothing
	}
	if n := len(t.told); n > 0 {
		// Only what is said last waits for an answer.
		t.told[n-1].Expect = Expect{Kind: ExpectNone}
		t.acts[t.lastSay] = Say{t.told[n-1]}
	}
	e := t.f.expects[expects]
	p.Expect = Expect{
		Kind: e.Kind, EndpointMS: e.EndpointMS, NoInputMS: e.NoInputMS,
		MaxDigits: e.MaxDigits, Hints: t.hints(e),
		Answers: slices.Clone(e.Answers), AnswerMS: e.AnswerMS, MinDigits: e.MinDigits, NumberMS: e.NumberMS,
	}
	t.told = append(t.told, p)
	t.lastSay = len(t.acts)
	t.acts = append(t.acts, Say{p})
}

// ask asks a question anew.
func (t *turn) ask(question string) { t.askWith(question, t.f.questions[question].Ask) }

// askWith asks a question with another prompt than its own.
func (t *turn) askWith(question, prompt string) {
	t.s.Step, t.s.Question, t.s.Prompt = StepAsking, question, prompt
	t.s.Misses, t.s.Silences = 0, 0
	t.reask()
}

// reask says the present question again, without counting.
func (t *turn) reask() {
	if t.s.Deaf {
		if !t.f.keyable(t.s.Question) {
			t.handoff(HandoffNoRecognition)
			return
		}
		t.say(t.s.Prompt)
		q := t.f.questions[t.s.Question]
		t.sayAndListen(q.Keypad, q.Expect)
		return
	}
	t.sayAndListen(t.s.Prompt, t.f.questions[t.s.Question].Expect)
}

// render fills a prompt's text in.
func (t *turn) render(id string) Prompt {
	p := t.f.prompts[id]
	return Prompt{ID: id, Text: t.text(id), Style: p.Style, Interruptible: p.interruptible()}
}

// text is a prompt's next variant with its placeholders filled in.
func (t *turn) text(id string) string {
	variants := t.f.prompts[id].Text
	if len(variants) == 0 {
		return ""
	}
	text := variants[0]
	if len(variants) > 1 {
		text = variants[t.s.Variants[id]%len(variants)]
		t.s.Variants[id]++
	}
	return t.fill(text, t.value)
}

func (t *turn) fill(text string, value func(string) string) string {
	return placeholder.ReplaceAllStringFunc(text, func(m string) string {
		return value(m[1 : len(m)-1])
	})
}

// value says what a placeholder stands for; "" when nothing is known.
func (t *turn) value(name string) string {
	switch name {
	case "label":
		return cmp.Or(t.f.tasks[t.s.Intent].Label, t.f.intents[t.s.Intent].Label)
	case "ticket_number":
		return t.f.mouth.readDigits(t.s.TicketNumber(), t.f.policy.DigitGroup)
	case "dialect":
		return t.dialect
	case "dialect_list":
		return t.dialectList()
	case "order":
		return t.describeSubject()
	case "order_list":
		return t.list(len(t.s.Orders.Choices), func(i int) string { return t.describe(t.s.Orders.Choices[i], "") })
	case "line_list":
		lines := t.lines()
		return t.list(len(lines), func(i int) string { return t.f.mouth.name(lines[i].Name) })
	case "amount", "method", "refund_date":
		return t.refundValue(name)
	case "plan":
		return t.plan()
	case "own_address", "own_address_whole", "pickup_hours", "pickup_last":
		return t.pickupValue(name)
	case "notes":
		return t.notes
	case "variant":
		return cmp.Or(t.s.Slots[slotVariant].Value, t.f.words["same_goods"])
	case "return_days", "quality_days", "holiday", "holiday_until":
		return t.termValue(name)
	case "pay_method", "delivered_date", "carrier", "parcel_tail":
		return t.logisticsValue(name)
	case "item", "order_date", "order_tail":
		if name == "item" && t.objected != "" {
			return t.objected
		}
		if o := t.subject(); o != nil {
			return t.orderValue(*o, t.s.Slots[slotLine].Value, name)
		}
		return t.orderValue(Order{Number: t.wanted()}, "", name)
	}
	if t.f.slots[name].Reader == readerAddress {
		return t.spokenAddress(t.s.Slots[name])
	}
	return t.spokenSlot(name, t.s.Slots[name].Value)
}

// sayValue is how a slot's value is spoken back.
func (f *Flow) sayValue(slot, value string) string {
	for _, v := range f.slots[slot].Values {
		if v.Name == value {
			return v.Say
		}
	}
	return ""
}

// subject is the order being spoken of: the chosen one, or the one offered.
func (t *turn) subject() *Order {
	o := &t.s.Orders
	switch {
	case o.Chosen != nil:
		return o.Chosen
	case len(o.Choices) > 0:
		return &o.Choices[0]
	}
	return nil
}

// wanted is the number the caller gave, found or not.
func (t *turn) wanted() string {
	o := &t.s.Orders
	switch {
	case o.Pending != nil && o.Pending.Number != "":
		return o.Pending.Number
	case o.Pending != nil && o.Pending.LastDigits != "":
		return o.Pending.LastDigits
	case o.Missing != "":
		return o.Missing
	}
	return t.s.Slots[slotOrder].Value
}

func (t *turn) describeSubject() string {
	if o := t.subject(); o != nil {
		return t.describe(*o, t.s.Slots[slotLine].Value)
	}
	return t.fillOrder("order_by_digits", Order{Number: t.wanted()}, "")
}

// describe says an order by its date and what was bought.
func (t *turn) describe(o Order, line string) string {
	switch {
	case len(o.Lines) == 0:
		return t.fillOrder("order_by_digits", o, line)
	case o.PlacedAt.IsZero():
		return t.fillOrder("order_undated", o, line)
	}
	return t.fillOrder("order_described", o, line)
}

func (t *turn) fillOrder(prompt string, o Order, line string) string {
	return t.fill(t.f.prompts[prompt].Text[0], func(name string) string {
		return t.orderValue(o, line, name)
	})
}

func (t *turn) orderValue(o Order, line, name string) string {
	switch name {
	case "order_date":
		if !o.PlacedAt.IsZero() {
			return t.f.mouth.date(o.PlacedAt, t.now)
		}
	case "order_tail":
		n := o.Number
		if len(n) >= t.f.policy.OrderMin {
			n = n[len(n)-min(4, len(n)):]
		}
		return t.f.mouth.readDigits(n, t.f.policy.DigitGroup)
	case "item":
		if ids := lineIDs(line); len(ids) > 1 {
			return t.f.joinNames(o.Lines, ids)
		}
		for _, l := range o.Lines {
			if l.ID == line {
				return t.f.mouth.name(l.Name)
			}
		}
		if len(o.Lines) > 1 {
			return t.f.mouth.name(o.Lines[0].Name) + t.f.words["and_more"]
		}
		if len(o.Lines) == 1 {
			return t.f.mouth.name(o.Lines[0].Name)
		}
	}
	return ""
}

// list numbers a few things to choose from.
func (t *turn) list(n int, item func(int) string) string {
	parts := make([]string, 0, n)
	for i := range min(n, t.f.policy.OfferOrders) {
		parts = append(parts, t.fill(t.f.prompts["choice"].Text[0], func(name string) string {
			switch name {
			case "number":
				return t.f.mouth.number(int64(i + 1))
			case "option":
				return item(i)
			}
			return ""
		}))
	}
	return t.f.mouth.list(parts)
}

// spokenName cuts an article's name to what a person would say of it.
func spokenName(name string) string {
	name = strings.TrimSpace(name)
	if i := strings.IndexAny(name, " /(（【[|，,"); i > 0 && utf8.RuneCountInString(name[:i]) >= 2 {
		name = name[:i]
	}
	if rs := []rune(name); len(rs) > maxItemName {
		name = string(rs[:maxItemName])
	}
	return name
}
