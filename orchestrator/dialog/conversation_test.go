package dialog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// callDay is when the conversations in testdata take place.
var callDay = time.Date(2026, 11, 15, 10, 0, 0, 0, time.FixedZone("", 8*3600))

// shop is the order system of the conversations.
var shop = map[string][]Order{
	"13800000001": {
		{Number: "2026111200013378", Status: "delivered", PlacedAt: time.Date(2026, 11, 12, 20, 0, 0, 0, time.FixedZone("", 8*3600)), PaymentMethod: "wechat",
			Lines: []Line{{ID: "L1", Name: "轻薄羽绒服 女款 黑色", Quantity: 1, PriceFen: 39900}}},
	},
	"13800000002": {
		{Number: "2026111000025566", PlacedAt: time.Date(2026, 11, 10, 2, 0, 0, 0, time.UTC), PaymentMethod: "alipay",
			Lines: []Line{{ID: "A1", Name: "运动鞋", Quantity: 1}},
			Refunds: []Refund{{Status: "paid", AmountFen: 12350, Method: "alipay", RequestedAt: time.Date(2026, 11, 12, 2, 0, 0, 0, time.UTC),
				PaidAt: time.Date(2026, 11, 14, 2, 0, 0, 0, time.UTC)}}},
		{Number: "2026110500037788", PlacedAt: time.Date(2026, 11, 5, 2, 0, 0, 0, time.UTC),
			Lines: []Line{{ID: "B1", Name: "电热水壶"}}},
		{Number: "2026110100041234", PlacedAt: time.Date(2026, 11, 1, 2, 0, 0, 0, time.UTC),
			Lines: []Line{{ID: "C1", Name: "纯棉床单"}, {ID: "C2", Name: "记忆枕头"}}},
	},
	"13800000003": {},
}

// byNumber are orders that only their number leads to.
var byNumber = []Order{
	{Number: "2026100100058866", PlacedAt: time.Date(2026, 10, 1, 2, 0, 0, 0, time.UTC), Lines: []Line{{ID: "D1", Name: "保温杯"}}},
	{Number: "2026100200068866", PlacedAt: time.Date(2026, 10, 2, 2, 0, 0, 0, time.UTC), Lines: []Line{{ID: "E1", Name: "雨伞"}}},
	{Number: "2026100300079911", PlacedAt: time.Date(2026, 10, 3, 2, 0, 0, 0, time.UTC), Lines: []Line{{ID: "F1", Name: "台灯"}},
		Refunds: []Refund{{Status: "rejected", AmountFen: 5000}}},
	{Number: "2026100400089922", PlacedAt: time.Date(2026, 10, 4, 2, 0, 0, 0, time.UTC), PaymentMethod: "card", Lines: []Line{{ID: "G1", Name: "书包"}},
		Refunds: []Refund{{Status: "approved", AmountFen: 8800, ExpectedAt: time.Date(2026, 11, 18, 2, 0, 0, 0, time.UTC)}}},
	{Number: "2026100500099933", PlacedAt: time.Date(2026, 10, 5, 2, 0, 0, 0, time.UTC), Lines: []Line{{ID: "H1", Name: "耳机"}},
		Refunds: []Refund{{Status: "requested", AmountFen: 19900}}},
}

// conversation is one call as written in testdata.
type conversation struct {
	Name string `yaml:"name"`
	From string `yaml:"from"`
	// Orders is "", "down", "silent" or "number_down"; Tickets "", "pending",
	// "failed" or "silent".
	Orders  string     `yaml:"orders"`
	Tickets string     `yaml:"tickets"`
	Turns   []exchange `yaml:"turns"`
	Outcome Outcome    `yaml:"outcome"`
	// Dialects, Likely and Begins are of Start; Dialect is what the call ends in.
	Dialects []string `yaml:"dialects"`
	Likely   string   `yaml:"likely"`
	Begins   string   `yaml:"begins"`
	Dialect  string   `yaml:"dialect"`
	Slots    map[string]string
}

// exchange is what happens once and what follows from it.
type exchange struct {
	Say        string  `yaml:"say"`
	Confidence float64 `yaml:"confidence"`
	Keys       string  `yaml:"keys"`
	// Event is silence, handoff_failed, ticket (a late answer), resumed, cut,
	// deaf or hearing.
	Event string `yaml:"event"`
	// Bot lists the prompts by name, Text parts of what is said, Acts the
	// rest of what is done.
	Bot  []string `yaml:"bot"`
	Text []string `yaml:"text"`
	Acts []string `yaml:"acts"`
}

func TestConversations(t *testing.T) {
	files, _ := filepath.Glob("testdata/conversations/*.yaml")
	n := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var all []conversation
		if err := yaml.UnmarshalWithOptions(data, &all, yaml.Strict()); err != nil {
			t.Fatalf("%s: %s", file, yaml.FormatError(err, false, true))
		}
		for _, c := range all {
			n++
			t.Run(c.Name, func(t *testing.T) { c.run(t) })
		}
	}
	if n == 0 {
		t.Fatal("no conversations found")
	}
}

func (c conversation) run(t *testing.T) {
	d := &desk{f: Default(), c: c}
	d.s = Begin(d.f, Start{CallID: "call-1", Caller: c.From, Dialects: c.Dialects, Likely: c.Likely, Dialect: c.Begins})
	for i, x := range c.Turns {
		d.bot, d.text, d.acts = nil, "", nil
		d.feed(t, x.input(d))
		where := fmt.Sprintf("turn %d %q%q%q", i+1, x.Say, x.Keys, x.Event)
		if !slices.Equal(d.bot, x.Bot) {
			t.Errorf("%s:\n got bot: [%s]\n     text: %s", where, strings.Join(d.bot, ", "), d.text)
		}
		for _, part := range x.Text {
			if !strings.Contains(d.text, part) {
				t.Errorf("%s: %q is not in %q", where, part, d.text)
			}
		}
		if x.Acts != nil && !slices.Equal(d.acts, x.Acts) || x.Acts == nil && d.terminal() {
			t.Errorf("%s:\n got acts: %q\n    want: %q", where, d.acts, x.Acts)
		}
	}
	if got := d.s.Outcome(); got != c.Outcome {
		t.Errorf("outcome: got %q, want %q", got, c.Outcome)
	}
	if d.s.Dialect != c.Dialect {
		t.Errorf("dialect: got %q, want %q", d.s.Dialect, c.Dialect)
	}
	for name, want := range c.Slots {
		if got := d.s.Slots[name].Value; got != want {
			t.Errorf("slot %s: got %q, want %q", name, got, want)
		}
	}
}

func (x exchange) input(d *desk) Input {
	switch {
	case x.Say != "":
		return Heard{Text: x.Say, Confidence: x.Confidence}
	case x.Keys != "":
		return Digits{Digits: x.Keys, Terminated: true}
	}
	switch x.Event {
	case "silence":
		return Silence{}
	case "handoff_failed":
		return HandoffFailed{Reason: "busy"}
	case "ticket":
		return TicketOpened{Key: d.s.Tickets[len(d.s.Tickets)-1].Request.Key, Number: "33781234"}
	case "deaf":
		return RecognitionLost{}
	case "hearing":
		return RecognitionBack{}
	case "resumed":
		return Resumed{}
	case "cut":
		return Resumed{Cut: true, HeardRunes: len([]rune(d.s.Said[0].Text)) + 1}
	}
	return Started{}
}

// desk plays everything around the dialogue.
type desk struct {
	f    *Flow
	s    State
	c    conversation
	bot  []string
	text string
	acts []string
}

func (d *desk) terminal() bool {
	return slices.ContainsFunc(d.acts, func(a string) bool {
		return strings.HasPrefix(a, "handoff") || strings.HasPrefix(a, "end") || strings.HasPrefix(a, "ticket")
	})
}

// feed gives one input, and the answers of the workers that follow from it.
// Every state goes through JSON, as at a takeover.
func (d *desk) feed(t *testing.T, in Input) {
	before := mustJSON(t, d.s)
	next, acts := d.f.Advance(d.s, callDay, in)
	if after := mustJSON(t, d.s); after != before {
		t.Errorf("Advance changed the state it was given")
	}
	var back State
	if err := json.Unmarshal([]byte(mustJSON(t, next)), &back); err != nil {
		t.Fatal(err)
	}
	d.s = back
	var answers []Input
	for _, a := range acts {
		answers = append(answers, d.do(a)...)
	}
	for _, in := range answers {
		d.feed(t, in)
	}
}

func (d *desk) do(a Act) []Input {
	switch a := a.(type) {
	case Say:
		d.bot = append(d.bot, a.Prompt.ID)
		d.text += a.Prompt.Text
	case FindOrders:
		d.acts = append(d.acts, "find "+a.Phone+a.Number+a.LastDigits)
		return d.orders(a)
	case OpenTicket:
		d.acts = append(d.acts, fmt.Sprintf("ticket %s %s/%s %s received=%t verified=%t",
			a.Kind, a.OrderNumber, a.OrderLine, a.Reason, a.Received, a.Verified))
		switch d.c.Tickets {
		case "pending":
			return []Input{TicketFailed{Key: a.Key, Reason: "bus away", Pending: true}}
		case "failed":
			return []Input{TicketFailed{Key: a.Key, Reason: "refused"}}
		case "silent":
			return nil
		}
		return []Input{TicketOpened{Key: a.Key, Number: "33781234"}}
	case ListenIn:
		d.acts = append(d.acts, "listen "+cmp.Or(a.Dialect, "none"))
	case Handoff:
		d.acts = append(d.acts, "handoff "+string(a.Reason))
	case End:
		d.acts = append(d.acts, "end "+string(a.Outcome))
	}
	return nil
}

func (d *desk) orders(q FindOrders) []Input {
	switch {
	case d.c.Orders == "silent":
		return nil
	case d.c.Orders == "down" || d.c.Orders == "number_down" && q.Phone == "":
		return []Input{OrdersFound{RequestID: q.RequestID, Err: "unavailable"}}
	case q.Phone != "":
		return []Input{OrdersFound{RequestID: q.RequestID, Orders: shop[q.Phone]}}
	}
	var out []Order
	for _, o := range slices.Concat(byNumber, shop["13800000001"], shop["13811110002"], shop["13811110007"], shop["13811110001"]) {
		if o.Number == q.Number || q.LastDigits != "" && strings.HasSuffix(o.Number, q.LastDigits) {
			out = append(out, o)
		}
	}
	return []Input{OrdersFound{RequestID: q.RequestID, Orders: out}}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestStateRoundTrip(t *testing.T) {
	f := Default()
	s := Begin(f, Start{CallID: "c", Caller: "13800000001"})
	s, _ = f.Advance(s, callDay, Started{})
	var back State
	if err := json.Unmarshal([]byte(mustJSON(t, s)), &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(mustJSON(t, back), mustJSON(t, s)) {
		t.Errorf("got %+v, want %+v", back, s)
	}
}
