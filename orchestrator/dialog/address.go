package dialog

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tidegate/tidegate/internal/zhtext"
)

// leavesAddress says whether people may settle what a question asks for.
func (f *Flow) leavesAddress(question string) bool {
	for _, meaning := range f.questions[question].Keys {
		if meaning == addressLater {
			return true
		}
	}
	return false
}

// ownAddress is where the chosen order was sent to, for its own buyer: whoever
// only knows a number of an order hears nothing of where it went.
func (t *turn) ownAddress() string {
	c := t.s.Orders.Chosen
	if c == nil || !slices.ContainsFunc(t.s.Orders.Known, func(o Order) bool { return o.Number == c.Number }) {
		return ""
	}
	return c.Address
}

// offerAddress asks whether the courier shall call where the order went.
func (t *turn) offerAddress(slot string) bool {
	q := t.f.slots[slot].Offer
	if q == "" || zhtext.ShortAddress(t.ownAddress()) == "" || t.s.Declined == t.s.Slots[slotOrder].Value {
		return false
	}
	t.ask(q)
	return true
}

func (t *turn) respondOfferedAddress(h heard, slot string) {
	others := t.fillSlots(h, slot)
	switch {
	case h.values[slot] != "":
	case h.answer != zhtext.AnswerYes && t.asksWhich(h) && t.f.has(promptAddress):
		t.progress()
		t.say(promptAddress)
		t.reask()
		return
	case h.answer == zhtext.AnswerYes, h.answer == zhtext.AnswerUnknown && t.says(h, phraseSame):
		t.s.Slots[slot] = Slot{Value: t.ownAddress(), Verified: true}
		t.s.LastFilled = slot
	case h.answer == zhtext.AnswerNo || t.says(h, "wrong"):
		t.s.Declined = t.s.Slots[slotOrder].Value
	case others > 0:
	default:
		t.digress(h)
		return
	}
	t.progress()
	t.proceed()
}

// asksWhich says whether a sentence asks for the whole address: 哪个地址, and not
// 那个地址, which sounds like it.
func (t *turn) asksWhich(h heard) bool {
	which, ok := h.sounds.Find(t.f.heard[phraseWhich])
	same, also := h.sounds.Find(t.f.heard[phraseSame])
	return ok && !h.keyed && (which.Exact || !also || !same.Exact)
}

// forgetOwnAddress forgets an address that was that of the order in hand.
func (t *turn) forgetOwnAddress() {
	for _, name := range t.f.slotOrder {
		if t.f.slots[name].Reader == readerAddress && t.s.Slots[name].Verified {
			delete(t.s.Slots, name)
		}
	}
}

// spokenAddress says the caller's own words back, but of an address that is
// only known from the order no more than it takes to recognise it.
func (t *turn) spokenAddress(s Slot) string {
	if s.Verified {
		return zhtext.ShortAddress(s.Value)
	}
	return zhtext.SayAddress(s.Value)
}

// samePlace keeps what was said of an address before, when only its house is
// corrected: "不对，是张杨路五百零五号".
func samePlace(held, said string) string {
	road := zhtext.ShortAddress(said)
	if at := strings.Index(held, road); road != "" && at > 0 && strings.HasPrefix(said, road) {
		return held[:at] + said
	}
	return said
}

// otherHouse is what was said of an address with another number of a house or
// room, when a sentence names nothing but that: "不对，是一二八九号". A number that
// may be a day is none.
func otherHouse(held, text string) string {
	m := onlyHouse.FindStringSubmatch(zhtext.Narrow(text))
	road := zhtext.ShortAddress(held)
	if m == nil || road == "" {
		return ""
	}
	said, ok := zhtext.FindAddress(road + m[1] + m[2])
	number, found := strings.CutSuffix(strings.TrimPrefix(said.Text, road), m[2])
	if n, err := strconv.Atoi(number); !ok || !found || err != nil || m[2] == "号" && n <= 31 {
		return ""
	}
	at := regexp.MustCompile(`[0-9]+` + m[2]).FindStringIndex(held)
	if at == nil {
		return ""
	}
	return held[:at[0]] + number + m[2] + held[at[1]:]
}

// onlyHouse is a sentence with nothing in it but the number of a house.
var onlyHouse = regexp.MustCompile(`^(?:不对|不是|错了|说错了|应该是|是|啊|哦|嗯|门牌号?|改成|[,.，。 ])*([0-9零〇一二两三四五六七八九十百千幺]{1,8})(号楼|号|栋|幢|单元|室)(?:的|啊|呀|吧|才对|[,.，。 ])*$`)

// houses are numbers of houses and rooms, which sound like days: 五号.
var houses = regexp.MustCompile(`[0-9零〇一二两三四五六七八九十百千幺]{1,8}(?:号楼|号院|号|栋|幢|座|单元|室|楼|层)`)

// forTime is a sentence as it is read for the time of a pick-up: without the
// days on which something came or was bought, and without the houses of an
// address that it holds.
func (t *turn) forTime(h heard) string {
	text := zhtext.WithoutArrivals(h.text)
	for _, name := range t.f.slotOrder {
		if t.f.slots[name].Reader == readerAddress && h.values[name] != "" {
			return houses.ReplaceAllString(text, "，")
		}
	}
	return text
}
