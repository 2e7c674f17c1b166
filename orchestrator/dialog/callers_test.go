package dialog

import (
	"encoding/json"
	"io/fs"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// callers are people who ring up a shipped flow and speak its language.
type callers struct {
	f   *Flow
	now time.Time
	// orders are those of the flow's conversations, each caller's and, last,
	// those found by number only; phones are the callers'.
	orders [][]Order
	phones []string
	lines
}

// lines are what callers say in one language.
type lines struct {
	sentences []string
	// helpful are answers that bring a conversation on, so that random calls
	// get as far as tickets.
	helpful    map[string]string
	human, bye string
}

var spokenLines = map[string]lines{
	"zh": {sentences, helpful, "转人工", "再见"},
	"en": {englishSentences, englishHelpful, "I want to talk to a person", "goodbye"},
}

var englishSentences = []string{
	"I want to return something", "where's my refund", "who pays for return shipping", "give me a human", "I want to exchange it", "yes", "no", "that's wrong",
	"uh huh", "that's all", "goodbye", "I got it", "not yet", "it's too small", "it's defective", "it ends in 3378", "double eight double six",
	"three three seven eight", "2026111200013378", "wrong order", "the first one", "the second one", "all of them", "say that again", "hold on", "ticket number",
	"I don't know", "what's the weather like", "", "🙂🙂", "'; DROP TABLE calls; --", "{order}", "never mind", "what's your return policy", "I want to complain",
	"I want to return my order ending in 3378, it's too big, I already received it", "no, it's broken", "okay", "the pillow", "my number is 13800000002",
	"the reason", "this is ridiculous, you people are liars", "one size up", "size ten, black", "cancel my order", "where is my package", "there are parts missing",
	"I opened it", "actually it's defective", "the first and the second", "do I need the original box", "how do I redeem my points", "can you speak Cantonese",
	"three three", "seven eight", "twenty twenty six", "no, nine not five", "the last digit is eight", "the one that starts with 2026", "last Friday", "November fifth",
}

var englishHelpful = map[string]string{
	"intent": "I want to return something", "offer_order_return": "yes", "order": "it ends in 3378", "choose_order": "the first one", "line": "the first one",
	"offer_order_exchange": "yes", "offer_order_cancel": "yes", "offer_order_delivery": "yes", "offer_order_refund": "yes", "offer_order_parts": "yes",
	"variant": "one size up", "exchange_reason": "it's too big", "exchange_line": "the first one", "parts_line": "the first one",
	"confirm_exchange": "yes", "confirm_cancel": "yes", "confirm_urge": "yes", "confirm_parts": "yes", "opened": "not opened", "offer": "yes",
	"reason": "it's too small", "received": "I got it", "confirm_return": "yes", "anything_else": "I want to return something",
}

// eachFlow runs a test with the callers of every shipped flow.
func eachFlow(t *testing.T, test func(t *testing.T, c *callers)) {
	t.Helper()
	for _, name := range ShippedFlows() {
		t.Run(name, func(t *testing.T) { test(t, callersOf(t, name)) })
	}
}

func callersOf(t testing.TB, name string) *callers {
	t.Helper()
	folder, err := ShippedFlow(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := LoadFlow(folder, ".")
	if err != nil {
		t.Fatal(err)
	}
	lang, _, _ := strings.Cut(f.Language(), "-")
	c := &callers{f: f, lines: spokenLines[lang]}
	if len(c.sentences) == 0 {
		t.Fatalf("nobody speaks %s", f.Language())
	}
	now, shop, others, err := readShop(folder, ".")
	if err != nil {
		t.Fatal(err)
	}
	c.now, c.phones, c.orders = now, []string{""}, [][]Order{nil}
	for _, phone := range sortedKeys(shop) {
		c.phones = append(c.phones, phone)
		c.orders = append(c.orders, shop[phone])
	}
	c.orders = append(c.orders, others)
	return c
}

// readShop reads the shop of a flow's conversations. Package conversation reads
// it properly; its import here would be a circle.
func readShop(fsys fs.FS, dir string) (now time.Time, callers map[string][]Order, others []Order, err error) {
	var s struct {
		Now     time.Time          `json:"now"`
		Callers map[string][]Order `json:"callers"`
		Others  []Order            `json:"others"`
	}
	data, err := fs.ReadFile(fsys, path.Join(dir, ConversationsFolder, "shop.yaml"))
	if err != nil {
		return now, nil, nil, err
	}
	js, err := yaml.YAMLToJSON(data)
	if err != nil {
		return now, nil, nil, err
	}
	err = json.Unmarshal(js, &s)
	return s.Now, s.Callers, s.Others, err
}

// begin is a call that has just been answered, with the orders that are known
// by its number.
func (c *callers) begin(phone string, orders []Order) State {
	s := Begin(c.f, Start{CallID: "c", Caller: phone})
	s, acts := c.f.Advance(s, c.now, Started{})
	for _, a := range acts {
		if find, ok := a.(FindOrders); ok {
			s, _ = c.f.Advance(s, c.now, OrdersFound{RequestID: find.RequestID, Orders: orders})
		}
	}
	return s
}
