package dialog

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// talk leads a call from a number of the shipped shop, and returns where it
// got to and the ticket asked for.
func talk(t *testing.T, f *Flow, from string, said ...string) (State, *OpenTicket) {
	t.Helper()
	var ticket *OpenTicket
	s := Begin(f, Start{CallID: "c", Caller: from})
	inputs := []Input{Started{}}
	for _, text := range said {
		inputs = append(inputs, Heard{Text: text, Confidence: 0.9})
	}
	for _, in := range inputs {
		for queue := []Input{in}; len(queue) > 0; queue = queue[1:] {
			var acts []Act
			s, acts = f.Advance(s, callDay, queue[0])
			for _, a := range acts {
				switch a := a.(type) {
				case FindOrders:
					queue = append(queue, OrdersFound{RequestID: a.RequestID, Orders: shop[a.Phone]})
				case OpenTicket:
					ticket = &a
				}
			}
		}
	}
	return s, ticket
}

// TestPickupCanBeSwitchedOff: terms.pickup alone takes the questions away.
func TestPickupCanBeSwitchedOff(t *testing.T) {
	f, err := changedFlow(t, "service.yaml", "pickup: true", "pickup: false")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := talk(t, f, "13800000001", "我要退货，太小了，收到了", "对")
	if s.Prompt != "confirm_return" || strings.Contains(s.Said[0].Text, "取件") {
		t.Errorf("asked %s: %v", s.Prompt, s.Said)
	}
	_, ticket := talk(t, f, "13800000001", "我要退货，太小了，收到了，明天下午上门取件", "对", "对")
	if ticket == nil || ticket.Pickup != nil {
		t.Errorf("ticket %+v", ticket)
	}
}

// TestPickupInTheTicket: the ticket carries what was confirmed, as a snapshot
// restores it.
func TestPickupInTheTicket(t *testing.T) {
	s, ticket := talk(t, Default(), "13800000001", "我要退货，太小了，收到了", "对", "明天下午三点到五点来取", "对", "对")
	if ticket == nil || ticket.Pickup == nil {
		t.Fatalf("ticket %+v", ticket)
	}
	p := *ticket.Pickup
	if p.Address != "上海市黄浦区中山路128号5栋402室" || p.From.Hour() != 15 || p.Until.Sub(p.From).Hours() != 2 {
		t.Errorf("pick-up %+v", p)
	}
	var back State
	if err := json.Unmarshal([]byte(mustJSON(t, s)), &back); err != nil {
		t.Fatal(err)
	}
	if got := back.Tickets[0].Request.Pickup; got == nil || !got.From.Equal(p.From) || got.Address != p.Address {
		t.Errorf("restored %+v", got)
	}
}

// TestOwnAddressStaysPrivate: of an address that the caller did not say, only
// as much is said as it takes to recognise it, and only to the buyer.
func TestOwnAddressStaysPrivate(t *testing.T) {
	s, _ := talk(t, Default(), "13800000001", "我要退货，太小了，收到了", "对", "需要", "明天下午", "是")
	if !strings.Contains(s.Said[len(s.Said)-1].Text, "到中山路取件") {
		t.Errorf("said %v", s.Said)
	}
	for _, p := range s.Said {
		if strings.Contains(p.Text, "128") || strings.Contains(p.Text, "黄浦") || strings.Contains(p.Text, "402") {
			t.Errorf("said %s", p.Text)
		}
	}
	stranger := Begin(Default(), Start{CallID: "c", Caller: "13900000000"})
	stranger, _ = Default().Advance(stranger, callDay, Started{})
	stranger, acts := Default().Advance(stranger, callDay, Heard{Text: "我要退货，订单尾号三三七八，太小了，收到了"})
	i := slices.IndexFunc(acts, func(a Act) bool { _, ok := a.(FindOrders); return ok })
	if i < 0 {
		t.Fatalf("acts %+v", acts)
	}
	stranger, _ = Default().Advance(stranger, callDay, OrdersFound{RequestID: acts[i].(FindOrders).RequestID, Orders: shop["13800000001"]})
	stranger, _ = Default().Advance(stranger, callDay, Heard{Text: "明天下午来取"})
	if stranger.Prompt != "ask_address" {
		t.Errorf("a stranger is asked %s: %v", stranger.Prompt, stranger.Said)
	}
}

// TestOlderSnapshotWithoutPickup: a call begun before there were couriers
// goes on.
func TestOlderSnapshotWithoutPickup(t *testing.T) {
	s, _ := talk(t, Default(), "13800000001", "我要退货，太小了", "对")
	var m map[string]any
	if err := json.Unmarshal([]byte(mustJSON(t, s)), &m); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"declined"} {
		if _, there := m[k]; there {
			t.Errorf("%s is written without need", k)
		}
	}
	if strings.Contains(mustJSON(t, Order{Number: "1"}), "address") {
		t.Error("an order without an address writes one")
	}
}

func TestWithoutQuestion(t *testing.T) {
	for text, want := range map[string]string{
		"没有退款记录。您是要申请退货吗？":                     "没有退款记录。",
		"您是要申请退货吗？":                            "您是要申请退货吗？",
		"没有了。":                                 "没有了。",
		"":                                     "",
		"There is none. Shall I send it back?": "There is none.",
	} {
		if got := withoutQuestion(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
