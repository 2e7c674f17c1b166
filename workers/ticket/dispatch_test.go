package ticket

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/calendar"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

func mainland(t testing.TB) *calendar.Calendar {
	t.Helper()
	c, err := calendar.Mainland(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func rules(t testing.TB, text string) *Dispatch {
	t.Helper()
	d, err := ParseRules("own.yaml", []byte(text), mainland(t))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var shanghai = time.FixedZone("CST", 8*3600)

// thursday is a working day with none off around it.
var thursday = time.Date(2026, 11, 26, 10, 0, 0, 0, shanghai)

func TestBuiltInRules(t *testing.T) {
	d, err := LoadRules("", mainland(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		req  schemas.TicketOpen
		want string
	}{
		{schemas.TicketOpen{Kind: schemas.KindReturn, Reason: "wrong_size"}, "everything-else after_sales  18h0m0s false"},
		{schemas.TicketOpen{Kind: schemas.KindRefund}, "money finance  18h0m0s true"}, // not verified: the amount is not known
		{schemas.TicketOpen{Kind: schemas.KindRefund, OrderVerified: true, AmountFen: 500000}, "money finance  18h0m0s false"},
		{schemas.TicketOpen{Kind: schemas.KindRefund, OrderVerified: true, AmountFen: 500001}, "money finance  18h0m0s true"},
		{schemas.TicketOpen{Kind: schemas.KindExchange, Reason: "damaged"}, "everything-else after_sales  18h0m0s false"},
		{schemas.TicketOpen{Kind: schemas.KindComplaint, Reason: "overcharged"}, "money-reasons finance high 9h0m0s false"},
		{schemas.TicketOpen{Kind: schemas.KindComplaint}, "complaints complaints high 9h0m0s false"},
		{schemas.TicketOpen{Kind: schemas.KindInquiry}, "everything-else after_sales  18h0m0s false"},
		{schemas.TicketOpen{Kind: schemas.KindInquiry, OrderStatus: schemas.OrderShipped}, "on-the-way logistics  18h0m0s false"},
		{schemas.TicketOpen{Kind: schemas.KindReturn, CustomerLevel: "Gold"}, "dear-customers after_sales high 9h0m0s false"},
	} {
		c.req.RequestedAt = thursday
		p := d.Place(&c.req, thursday)
		got := fmt.Sprintf("%s %s %s %v %v", p.Rule, p.Group, p.Priority, d.calendar.Between(thursday, p.DueAt), p.Approval)
		if got != c.want {
			t.Errorf("%+v: %s, want %s", c.req, got, c.want)
		}
		if p.WarnAt.IsZero() || !p.WarnAt.Before(p.DueAt) {
			t.Errorf("%s: near at %v, due at %v", p.Rule, p.WarnAt, p.DueAt)
		}
	}
}

func TestWhatARuleMatches(t *testing.T) {
	base := schemas.TicketOpen{
		Tenant: "north", Kind: schemas.KindReturn, Reason: "damaged", OrderVerified: true, AmountFen: 10000, OrderStatus: schemas.OrderDelivered,
		Carrier: "顺丰速运", Contact: "+86 138-0013-8001", RequestedAt: thursday,
	}
	for match, want := range map[string]bool{
		"": true, "kinds: [return, refund]": true, "kinds: [refund]": false, "reasons: [damaged]": true, "reasons: [late]": false,
		"tenants: [north]": true, "tenants: [south, \"\"]": false, "order_statuses: [delivered]": true, "order_statuses: [paid]": false,
		"carriers: [中通快递, 顺丰速运]": true, "carriers: [中通快递]": false, "from_fen: 10000": true, "from_fen: 10001": false,
		"below_fen: 10001": true, "below_fen: 10000": false, "vip: true": true, "vip: false": false,
		"kinds: [return], vip: true, from_fen: 1, tenants: [north]": true, "kinds: [return], vip: true, from_fen: 1, tenants: [south]": false,
	} {
		text := "rules: [{name: it, group: complaints}, {name: rest, group: finance}]\nvip: {contacts: [\"13800138001\"]}"
		if match != "" {
			text = strings.Replace(text, "group: complaints", "group: complaints, "+match, 1)
		}
		if got := rules(t, text).Place(&base, thursday).Rule == "it"; got != want {
			t.Errorf("%s: fits %v", match, got)
		}
	}
	unknown := base
	unknown.OrderVerified, unknown.AmountFen = false, 0
	if p := rules(t, "rules: [{name: cheap, below_fen: 100, group: finance}, {name: rest, group: finance}]").Place(&unknown, thursday); p.Rule != "rest" {
		t.Errorf("an unknown amount fits %s", p.Rule)
	}
	withheld := base
	withheld.Contact = ""
	if p := rules(t, "rules: [{name: vip, vip: true, group: finance}, {name: rest, group: finance}]").Place(&withheld, thursday); p.Rule != "rest" {
		t.Error("a withheld number is dear")
	}
}

const teams = `
rules:
- {name: r, group: finance, assign: least_loaded, due: 4h, warn: 1h}
groups:
  finance:
    lead: wang.fang
    people:
    - {name: wang.fang, absent: [2026-11-27]}
    - {name: li.na, capacity: 3}
    - {name: zhao.lei, absent: [2026-11-20..2026-11-26]}
  complaints: {lead: chen.jie}
`

func TestPeopleDueTimesAndLeads(t *testing.T) {
	d := rules(t, teams)
	friday := thursday.AddDate(0, 0, 1)
	for _, c := range []struct {
		now         time.Time
		people, led string
	}{
		{thursday, "[{wang.fang 0} {li.na 3}]", "map[complaints:chen.jie finance:wang.fang]"},
		{friday, "[{li.na 3} {zhao.lei 0}]", "map[complaints:chen.jie]"},
		// 00:30 on Friday in Shanghai is still Thursday in UTC.
		{time.Date(2026, 11, 26, 16, 30, 0, 0, time.UTC), "[{li.na 3} {zhao.lei 0}]", "map[complaints:chen.jie]"},
	} {
		p := d.Place(&schemas.TicketOpen{RequestedAt: c.now}, c.now)
		if fmt.Sprint(p.Candidates) != c.people || fmt.Sprint(d.Leads(c.now)) != c.led || p.Assign != store.AssignLeastLoaded {
			t.Errorf("%v: %v, %v", c.now, p.Candidates, d.Leads(c.now))
		}
	}
	for _, c := range []struct {
		asked, now, due, warn time.Time
	}{
		{thursday, thursday, thursday.Add(4 * time.Hour), thursday.Add(3 * time.Hour)},
		// A request that lay somewhere has used up some of its time.
		{thursday, thursday.Add(2 * time.Hour), thursday.Add(4 * time.Hour), thursday.Add(3 * time.Hour)},
		// The asker's clock is ahead.
		{thursday.Add(24 * time.Hour), thursday, thursday.Add(4 * time.Hour), thursday.Add(3 * time.Hour)},
		// Over the night.
		{thursday.Add(6 * time.Hour), thursday.Add(6 * time.Hour), friday.Add(time.Hour), friday},
	} {
		p := d.Place(&schemas.TicketOpen{RequestedAt: c.asked}, c.now)
		if !p.DueAt.Equal(c.due) || !p.WarnAt.Equal(c.warn) {
			t.Errorf("asked %v, now %v: due %v, near %v", c.asked, c.now, p.DueAt, p.WarnAt)
		}
	}
}

func TestWrongRulesAreNamedWithTheirLine(t *testing.T) {
	const rest = "\n- group: finance"
	for text, want := range map[string]string{
		"rules: []":               "own.yaml:1: rules: want 1..",
		"rules:\n- group: nobody": "own.yaml:2: rules[0].group: \"nobody\" is no group",
		"rules:\n- kinds: [steal]\n  group: finance" + rest: "own.yaml:2: rules[0].kinds[0]: \"steal\" is no kind",
		"rules: [{kinds: [refund], group: finance}]":        "last rule",
		"rules: [{vip: true, group: finance}]":              "last rule",
		"rules:\n- group: finance\n  severity: 1":           "own.yaml:3: ",
		"rules: {": "own.yaml",
		"rules:\n- {reasons: [x], group: finance}\n- {group: later}":                            "own.yaml:3: rules[1].group",
		"rules:\n- {group: finance, priority: now}":                                             "own.yaml:2: rules[0].priority",
		"rules:\n- group: finance\n  due: 4h\n  warn: 4h":                                       "own.yaml:4: rules[0].warn",
		"rules:\n- {group: finance, due: -1h}":                                                  "rules[0].due",
		"rules:\n- {group: finance, due: tomorrow}":                                             "own.yaml:2",
		"rules:\n- {from_fen: 5, below_fen: 5, group: finance}" + rest:                          "own.yaml:2: rules[0].below_fen",
		"rules:\n- {approval_over_fen: -1, group: finance}":                                     "rules[0].approval_over_fen: is below 0",
		"rules:\n- {order_statuses: [gone], group: finance}" + rest:                             "rules[0].order_statuses[0]",
		"rules:\n- {group: finance, assign: by_name}":                                           "rules[0].assign: \"by_name\" is no policy",
		"rules:\n- {group: finance, assign: round_robin}":                                       "rules[0].assign: group \"finance\" has no people",
		"rules: [{group: finance}]\ngroups: {sales: {}}":                                        "own.yaml:2: groups: \"sales\" is no group",
		"rules: [{group: finance}]\ngroups:\n  finance:\n    people:\n    - {name: li na}":      "own.yaml:5: groups.finance.people[0].name",
		"rules: [{group: finance}]\ngroups: {finance: {people: [{name: a}, {name: a}]}}":        "is there twice",
		"rules: [{group: finance}]\ngroups: {finance: {people: [{name: a, capacity: -1}]}}":     "capacity",
		"rules: [{group: finance}]\ngroups: {finance: {people: [{name: a, absent: [soon]}]}}":   "absent[0]",
		"rules: [{group: finance}]\nvip: {contacts: [\"13800138001\", \"nobody 13800138002\"]}": "own.yaml:2: vip.contacts[1]: is no telephone number",
	} {
		_, err := ParseRules("own.yaml", []byte(text), mainland(t))
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, ErrRules) {
			t.Errorf("%q: error %v does not say %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "13800138002") {
			t.Errorf("the error quotes a number: %v", err)
		}
	}
}

func FuzzParseRules(f *testing.F) {
	f.Add([]byte("rules: [{group: finance}]"))
	f.Add(builtinRules)
	f.Add([]byte(teams))
	f.Add([]byte("rules: [{kinds: ["))
	cal := mainland(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseRules("own.yaml", b, cal)
		if err == nil && d.Place(&schemas.TicketOpen{Kind: schemas.KindReturn}, thursday).Group == "" {
			t.Errorf("%q: no group", b)
		}
	})
}

// No tenant and the default tenant are the same.
func TestRulesOfTheDefaultTenant(t *testing.T) {
	for _, named := range []string{"default", `""`} {
		d := rules(t, "rules: [{name: own, tenants: ["+named+"], group: finance}, {name: others, group: after_sales}]")
		for tenant, want := range map[string]string{"": "own", "default": "own", "acme": "others"} {
			if p := d.Place(&schemas.TicketOpen{Kind: schemas.KindReturn, Tenant: tenant, RequestedAt: thursday}, thursday); p.Rule != want {
				t.Errorf("tenants [%s], tenant %q: rule %s, want %s", named, tenant, p.Rule, want)
			}
		}
	}
}
