package ticket

import (
	"strings"
	"testing"

	"github.com/tidegate/tidegate/schemas"
)

func TestBuiltInRules(t *testing.T) {
	rules, err := LoadRules("")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind   schemas.RequestKind
		reason string
		want   schemas.Group
	}{
		{schemas.KindReturn, "wrong_size", schemas.GroupAfterSales},
		{schemas.KindRefund, "", schemas.GroupFinance},
		{schemas.KindExchange, "damaged", schemas.GroupAfterSales},
		{schemas.KindComplaint, "overcharged", schemas.GroupFinance},
		{schemas.KindInquiry, "", schemas.GroupAfterSales},
	} {
		if got := rules.Group(&schemas.TicketOpen{Kind: c.kind, Reason: c.reason}); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.kind, c.reason, got, c.want)
		}
	}
}

func TestWrongRulesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"rules: []":                "1..",
		"rules: [{group: nobody}]": "rules[0].group",
		"rules: [{kinds: [steal], group: finance}]":               "rules[0].kinds",
		"rules: [{kinds: [refund], group: finance}]":              "last rule",
		"rules: [{group: finance, priority: 1}]":                  "priority",
		"rules: {":                                                "dispatch rules",
		"rules: [{reasons: [x], group: finance}, {group: later}]": "rules[1].group",
	} {
		if _, err := ParseRules([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v does not say %q", text, err, want)
		}
	}
}

func FuzzParseRules(f *testing.F) {
	f.Add([]byte("rules: [{group: finance}]"))
	f.Add(builtinRules)
	f.Add([]byte("rules: [{kinds: ["))
	f.Fuzz(func(t *testing.T, b []byte) {
		rules, err := ParseRules(b)
		if err == nil && rules.Group(&schemas.TicketOpen{Kind: schemas.KindReturn}) == "" {
			t.Errorf("%q: no group", b)
		}
	})
}
