package rule

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var words = Vocabulary{Slots: map[string][]string{"reason": {"quality", "late"}, "order": nil, "opened": {"yes", "no"}}}

var zone = time.FixedZone("", 8*3600)

func facts() Facts {
	now := time.Date(2026, 11, 15, 10, 0, 0, 0, zone)
	return Facts{
		Now:    now,
		Order:  Order{Found: true, Status: "delivered", Delivered: now.AddDate(0, 0, -3), DaysDelivered: 3, PaidFen: 100, Payment: "card"},
		Line:   Line{Name: "定制杯子", Category: "cup", Tags: []string{"gift"}},
		Refund: Refund{Status: "none"},
		Slots:  map[string]string{"reason": "quality"},
		Terms:  Terms{ReturnDays: 7, QualityDays: 15, FinalWords: []string{"定制"}, FinalTags: []string{"gift"}, SealedTags: []string{"cup"}},
	}
}

func TestHolds(t *testing.T) {
	for text, want := range map[string]bool{
		`true`: true,
		`order.found and order.days_delivered <= terms.return_days`: true,
		`slots.reason in ["quality", "late"]`:                       true,
		`slots.opened == "yes"`:                                     false,
		`slots.opened == ""`:                                        true,
		`Names(line.name, terms.final_words)`:                       true,
		`Names(line.name, terms.sealed_words)`:                      false,
		`Tagged(line, terms.final_tags)`:                            true,
		`Tagged(line, terms.sealed_tags)`:                           true,
		`"gift" in line.tags`:                                       true,
		`Days(order.delivered, now) == 3`:                           true,
		`Days(order.placed, now) == -1`:                             true,
		`now > order.delivered`:                                     true,
		`order.paid_fen > 50 ? order.payment == "card" : false`:     true,
		`not (refund.status != "none")`:                             true,
	} {
		p, err := Compile(text, words)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := p.Holds(facts()); err != nil || got != want {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                                      "0 characters",
		strings.Repeat("1", MaxLength+1):        "601 characters",
		`order.stat == "paid"`:                  "1:7: type rule.Order has no field stat",
		`order.status == "payed"`:               `1:17: order.status has no value "payed"`,
		`"payed" == order.status`:               `order.status has no value "payed"`,
		`slots.reason in ["quality", "lat"]`:    `slots.reason has no value "lat"`,
		`slots.color == "red"`:                  `1:7: unknown slot "color"`,
		`slots[order.status] == "x"`:            "a name must follow the dot",
		`order.paid_fen == "5"`:                 "invalid operation",
		`order.paid_fen`:                        "expected bool",
		`nobody`:                                "unknown name nobody",
		`now.Unix() > 5`:                        "only Days, Names, Tagged can be called",
		`len(line.tags) > 0`:                    "not allowed",
		`any(line.tags, # == "a")`:              "not allowed",
		`1 in 1..1000000`:                       `operator ".." is not allowed`,
		`line.name matches "(a+)+"`:             `operator "matches" is not allowed`,
		`2 ** 100 > 1`:                          `operator "**" is not allowed`,
		`let x = 1; x == 1`:                     "not allowed",
		`order.found &&`:                        "unexpected token",
		`now() > now`:                           "not allowed",
		`Days("a", now) > 1`:                    "cannot use string",
		`Names(line.name, ["瓶"])`:               "cannot use",
		strings.Repeat("true && ", 70) + "true": "maximum",
	} {
		_, err := Compile(text, words)
		if !errors.Is(err, ErrRule) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: got %v, want %q", text, err, want)
		}
	}
}

func TestSlots(t *testing.T) {
	p, err := Compile(`slots.reason == "late" or order.found && slots.opened != "yes" or slots.reason == ""`, words)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Slots(), " "); got != "opened reason" {
		t.Errorf("got %q", got)
	}
}

func TestDaysCountDates(t *testing.T) {
	late := time.Date(2026, 11, 14, 23, 59, 0, 0, zone)
	early := time.Date(2026, 11, 15, 0, 1, 0, 0, zone)
	if got := (Facts{}).Days(late.UTC(), early); got != 1 {
		t.Errorf("over midnight: %d", got)
	}
	if got := (Facts{}).Days(early, late); got != -1 {
		t.Errorf("backwards: %d", got)
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{`order.status == "paid"`, `slots.reason in ["late"]`, `Days(now, now) > 1`, `a..b`, `{`, `"`, `((((`, `not not true`, `order.status contains "a" ? true : false`} {
		f.Add(s)
	}
	known := facts()
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Compile(text, words)
		if err != nil {
			if !errors.Is(err, ErrRule) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		first, err1 := p.Holds(known)
		second, err2 := p.Holds(known)
		if first != second || (err1 == nil) != (err2 == nil) {
			t.Fatalf("%q: %v %v, then %v %v", text, first, err1, second, err2)
		}
	})
}

func BenchmarkHolds(b *testing.B) {
	p, err := Compile(`slots.reason in ["quality", "late"] && order.days_delivered <= terms.quality_days && not Names(line.name, terms.final_words)`, words)
	if err != nil {
		b.Fatal(err)
	}
	known := facts()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Holds(known); err != nil {
			b.Fatal(err)
		}
	}
}
