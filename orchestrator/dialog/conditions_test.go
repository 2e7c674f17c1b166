package dialog

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// TestConditionsAreChecked: what is wrong about a rule is said with file,
// line, set and place when the flow loads.
func TestConditionsAreChecked(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"unknown fact", `order.status == "cancelled"', say: refuse_cancelled}`, `order.state == "cancelled"', say: refuse_cancelled}`,
			[]string{"service.yaml:24", "rules.return_allowed, rule 1", "1:7", "no field state"}},
		{"unknown value", `slots.reason == "missing_parts"`, `slots.reason == "missing_part"`,
			[]string{"rules.return_allowed, rule 3", `slots.reason has no value "missing_part"`}},
		{"no condition", `'slots.opened == "yes"'`, `'order.paid_fen'`,
			[]string{"rules.return_allowed", "expected bool"}},
		{"loop", `'holiday.extended'`, `'any(line.tags, # == "x")'`,
			[]string{"rules.return_allowed", "not allowed"}},
		{"advice without offer", "offer: parts_request, advise: true", "advise: true",
			[]string{"rules.return_allowed, rule 3", "an advice must offer something"}},
		{"handoff with offer", "say: complaint_again, handoff: true", "say: complaint_again, handoff: true, offer: transfer_human",
			[]string{"rules.complaint, rule 1", "nothing to offer"}},
		{"silent offer", `{if: 'order.payment == "cod"'}`, `{if: 'order.payment == "cod"', offer: transfer_human}`,
			[]string{"rules.cancel_money, rule 1", "an offer must be said"}},
		{"silent answer", "- {say: complaint_answer, offer: transfer_human}", "- {}",
			[]string{"rules.complaint", "unknown prompt"}},
		{"last rule", "    - {say: note_cancel_slow}", `    - {if: 'order.found', say: note_cancel_slow}`,
			[]string{"rules.cancel_money", "last rule must hold always"}},
		{"only_if", "variant: 'not (slots.reason", "variant: 'not (slots.reasons",
			[]string{"service.yaml:", "tasks.exchange_request.only_if.variant", `unknown slot "reasons"`}},
		{"check", "check: cancel_allowed", "check: cancel_alowed", []string{"tasks.cancel_order.check", `unknown rules "cancel_alowed"`}},
		{"notes", "notes: [cancel_money]", "notes: [money]", []string{"tasks.cancel_order.notes", `unknown rules "money"`}},
		{"prefer", "prefer: open", "prefer: opened", []string{"tasks.cancel_order.prefer", `unknown value "opened"`}},
		{"summary", "summary: summary_cancel", "summary: summary_none", []string{"tasks.cancel_order.summary"}},
		{"label", "    label: 催单\n", "", []string{"tasks.urge_request", "no label of its own"}},
		{"days", "return_days: 7", "return_days: -7", []string{"service.yaml:4", "terms.return_days"}},
		{"date", `until: "2026-11-30"`, `until: "30.11.2026"`, []string{"terms.holidays", "no date like"}},
		{"order of dates", `until: "2026-11-30"`, `until: "2026-11-01"`, []string{"terms.holidays", "in order"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := copyFlow(t)
			file := m[shipped+"/service.yaml"]
			damaged := strings.Replace(string(file.Data), c.old, c.new, 1)
			if damaged == string(file.Data) {
				t.Fatalf("%q is not there", c.old)
			}
			m[shipped+"/service.yaml"] = &fstest.MapFile{Data: []byte(damaged)}
			_, err := LoadFlow(m, shipped)
			if !errors.Is(err, ErrFlow) {
				t.Fatalf("got %v", err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in %q", w, err)
				}
			}
		})
	}
}

// TestReturnTerms walks the days on which a return is taken.
func TestReturnTerms(t *testing.T) {
	f := Default()
	for _, c := range []struct {
		name      string
		placed    string
		days      int
		reason    string
		say, line string
	}{
		{"seventh day", "2026-10-01", 7, "changed_mind", "", ""},
		{"eighth day", "2026-10-01", 8, "changed_mind", "refuse_late", ""},
		{"eighth day, size", "2026-10-01", 8, "wrong_size", "refuse_late_size", ""},
		{"sixteenth day, size", "2026-10-01", 16, "wrong_size", "refuse_long_ago", ""},
		{"fifteenth day, quality", "2026-10-01", 15, "quality", "", ""},
		{"sixteenth day, quality", "2026-10-01", 16, "quality", "refuse_quality_late", ""},
		{"first day of the festival", "2026-10-20", 16, "changed_mind", "", ""},
		{"last day of the festival", "2026-11-12", 2, "changed_mind", "", ""},
		{"the day before", "2026-10-19", 20, "changed_mind", "refuse_long_ago", ""},
		{"custom goods", "2026-10-20", 1, "changed_mind", "refuse_final", "刻字钢笔"},
		{"custom goods, broken", "2026-10-20", 1, "damaged", "", "刻字钢笔"},
	} {
		t.Run(c.name, func(t *testing.T) {
			placed, err := time.ParseInLocation(time.DateOnly, c.placed, f.zone)
			if err != nil {
				t.Fatal(err)
			}
			name := c.line
			if name == "" {
				name = "台灯"
			}
			o := Order{Number: "1", Status: "delivered", PlacedAt: placed, Lines: []Line{{ID: "1", Name: name, Quantity: 1}},
				Parcels: []Parcel{{Status: "delivered", DeliveredAt: callDay.AddDate(0, 0, -c.days).Add(13 * time.Hour)}}}
			s := State{Intent: "return_request", Orders: OrderSearch{Chosen: &o}, Slots: map[string]Slot{
				"order": {Value: "1"}, "line": {Value: "1"}, "reason": {Value: c.reason}, "received": {Value: "yes"}}}
			tn := &turn{f: f, s: &s, now: callDay.In(f.zone)}
			if got := tn.objection(f.tasks["return_request"], o.Lines[0]).Say; got != c.say {
				t.Errorf("got %q, want %q", got, c.say)
			}
		})
	}
}

func TestReadVariant(t *testing.T) {
	for text, want := range map[string]string{
		"大一号": "大一号", "换大一个码的": "大一个码", "小两码": "小两码", "加大一号": "加大一号", "换个大点的": "大点的", "大一点的吧": "大一点的",
		"要L码": "L码", "xl": "XL", "换成XXL的": "XXL", "2XL": "2XL", "S号": "S号", "三十八码": "三十八码", "38码的": "38码", "42.5码": "42.5码",
		"黑色": "黑色", "深蓝色大一号": "深蓝色、大一号", "不要黑色要白色": "白色", "均码": "均码", "中号": "中号", "特大号": "特大号", "同款换新": "同款",
		"太大了": "", "有点小": "", "尺码不对": "", "号码是多少": "", "十一月十二号买的": "", "": "", "a small one": "",
	} {
		if got := (chineseEar{}).variant(text); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestSeveralLines(t *testing.T) {
	lines := shop["13811110011"][0].Lines
	tn := &turn{f: Default(), s: &State{}, now: callDay}
	for text, want := range map[string]string{
		"围巾和手套": "2,3", "第一个和第三个": "1,3", "第1个跟第2个": "1,2", "羽绒服还有手套都退": "1,3", "围巾": "", "第二个": "",
		"围巾和帽子": "", "第一个和第九个": "", "都退": "", "羽绒服、围巾、手套": "1,2,3",
	} {
		if got := strings.Join(tn.understand(text).severalLines(lines), lineSeparator); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
