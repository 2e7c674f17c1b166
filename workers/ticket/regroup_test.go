package ticket

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

const twoDesks = `
rules:
  - {name: dear-refunds, kinds: [refund], vip: true, group: finance, due: 9h, warn: 4h, assign: least_loaded}
  - {name: refunds, kinds: [refund], group: finance, from_fen: 1000, due: 9h, warn: 2h, assign: round_robin}
  - {name: on-the-way, order_statuses: [shipped], group: logistics, due: 9h, assign: round_robin}
  - {name: rest, group: after_sales}
groups:
  finance:
    lead: wang.fang
    people: [{name: li.na, capacity: 3}, {name: zhao.lei, absent: [2026-11-26]}]
  logistics: {people: [{name: sun.yu}]}
  after_sales: {people: [{name: chen.jie}]}
vip: {contacts: ["13912345678"]}
`

// What a ticket keeps of its request decides by which of the group's rules it
// is worked on; the group's first one when none fits.
func TestWhoATicketOfAnotherGroupIsFor(t *testing.T) {
	d := rules(t, twoDesks)
	for _, c := range []struct {
		ticket store.Ticket
		want   string
	}{
		{store.Ticket{Group: schemas.GroupFinance, Kind: schemas.KindRefund, OrderVerified: true, AmountFen: 1000}, "[wang.fang li.na zhao.lei] round_robin [{li.na 3}]"},
		{store.Ticket{Group: schemas.GroupFinance, Kind: schemas.KindRefund, Contact: "+8613912345678"}, "[wang.fang li.na zhao.lei] least_loaded [{li.na 3}]"},
		{store.Ticket{Group: schemas.GroupFinance, Kind: schemas.KindInquiry}, "[wang.fang li.na zhao.lei] least_loaded [{li.na 3}]"},
		{store.Ticket{Group: schemas.GroupLogistics, Kind: schemas.KindReturn}, "[sun.yu] round_robin [{sun.yu 0}]"},
		{store.Ticket{Group: schemas.GroupAfterSales}, "[chen.jie]  []"}, // people take tickets themselves
		{store.Ticket{Group: schemas.GroupComplaints}, "[]  []"},         // which no rule gives any
	} {
		got := d.Regroup(c.ticket, thursday)
		if s := fmt.Sprint(got.Members, " ", got.Assign, " ", got.Candidates); s != c.want {
			t.Errorf("%+v: %s, want %s", c.ticket, s, c.want)
		}
	}
	if got := d.Regroup(store.Ticket{Group: schemas.GroupFinance}, thursday.AddDate(0, 0, 1)); len(got.Candidates) != 2 {
		t.Errorf("zhao.lei is back: %+v", got.Candidates)
	}
}

func TestWhenASetDueTimeIsNear(t *testing.T) {
	d := rules(t, twoDesks)
	refund := store.Ticket{Group: schemas.GroupFinance, Kind: schemas.KindRefund, OrderVerified: true, AmountFen: 1000}
	at := func(days int, clock string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", fmt.Sprintf("2026-11-%d %s", 26+days, clock), shanghai)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	none := time.Time{}
	for _, c := range []struct {
		name      string
		ticket    store.Ticket
		due, want time.Time
	}{
		{"the same day", refund, at(0, "16:00"), at(0, "14:00")},
		{"over a night", refund, at(1, "10:00"), at(0, "17:00")},
		{"over a weekend", refund, at(4, "10:30"), at(1, "17:30")},
		{"due at night", refund, at(1, "23:00"), at(1, "16:00")},
		{"exactly as much is left", refund, at(0, "12:00"), none},
		{"less is left", refund, at(0, "11:00"), none},
		{"over already", refund, at(-1, "11:00"), none},
		{"a rule without warn", store.Ticket{Group: schemas.GroupLogistics}, at(1, "10:00"), none},
		{"no rule", store.Ticket{Group: schemas.GroupComplaints}, at(1, "10:00"), none},
	} {
		if got := d.Warn(c.ticket, c.due, thursday); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got.In(shanghai), c.want)
		}
	}
}

func TestADispatchIsThatOfItsFiles(t *testing.T) {
	cfg := Defaults()
	if d, err := NewDispatch(cfg, nil); err != nil || len(d.Rules) == 0 {
		t.Errorf("built in: %v, %v", d, err)
	}
	cfg.RulesFile = filepath.Join(t.TempDir(), "none.yaml")
	if _, err := NewDispatch(cfg, nil); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("%v", err)
	}
}
