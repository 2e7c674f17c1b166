package notify

import (
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
)

func example(t testing.TB, name string) *Spec {
	t.Helper()
	b, err := Example(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse(name+".yaml", b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestExamplesAreRightAndShort(t *testing.T) {
	if len(Examples()) < 3 {
		t.Fatalf("examples %v", Examples())
	}
	for _, name := range Examples() {
		s := example(t, name)
		c, err := Connect(s)
		if err != nil {
			t.Fatal(name, err)
		}
		defer c.Close()
		for event, byChannel := range s.Events {
			for channel, m := range byChannel {
				for lang := range m.Text {
					o, err := c.Compose(Sample(event, lang, true, time.Now()), channel)
					if err != nil {
						t.Errorf("%s %s %s: %v", name, event, lang, err)
						continue
					}
					n, chars := Segments(o.Text, true)
					t.Logf("%-12s %-16s %s %2d characters, %d SMS: %s", name, event, lang, chars, n, o.Text)
					if lang == Chinese && n != 1 {
						t.Errorf("%s %s: %d SMS", name, event, n)
					}
				}
			}
		}
	}
}

func TestMistakesAreNamedWithTheirLine(t *testing.T) {
	whole, err := Example("webhook")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"unknown key":        {"brand: 潮汐商城", "brnad: x", `wh.yaml:5: unknown field "brnad"`},
		"connector":          {"connector: notify", "connector: rest", "wh.yaml:3: connector: wants notify"},
		"language":           {"language: zh-CN", "language: fr", "wh.yaml:4: language: \"fr\" is none of zh-CN, en-US"},
		"unknown channel":    {"  sms:\n    base", "  fax:\n    base", "gateways.fax: there is no such channel; there are sms, message"},
		"plain http":         {"https://sms-gateway", "http://sms-gateway", "gateways.sms.base: http:// to another machine"},
		"secret in the file": {"value: {env: SMS_TOKEN}", "value: hunter2", "gateways.sms.auth.header.value: wants {env: NAME} or {file: PATH}"},
		"quiet":              {`from: "21:00"`, `from: "25:00"`, `gateways.sms.quiet.from: "25:00" is no HH:MM`},
		"template":           {"{{ .ticket.number }}。\"\n        en-US: \"We have", "{{ .ticket.nubmer }}。\"\n        en-US: \"We have", `events.opened.sms.text.zh-CN: map has no entry for key "nubmer"`},
		"template syntax":    {"取件码{{ .pickup.code }}", "取件码{{ .pickup.code }", "events.pickup_code.sms.text.zh-CN: template: "},
		"function":           {"reference: \"{{ .ticket.number }}\"", "reference: \"{{ printf .ticket.number }}\"", `there is no function "printf"`},
		"request":            {"text: \"{{ .text }}\"", "text: \"{{ .txt }}\"", `gateways.sms.send.body.text: map has no entry for key "txt"`},
		"event":              {"  status_resolved:", "  status_solved:", "events.status_solved: there is no such event; there are opened"},
		"codes":              {"accepted: [accepted, queued]", "accepted: []", "gateways.sms.outcome.accepted: missing"},
		"code twice":         {"later: [rate_limited]", "later: [blocked]", `gateways.sms.outcome: "blocked" is there twice`},
		"status":             {"otherwise: unknown", "otherwise: unknown\n      not_sent: [200]", "gateways.sms.outcome.not_sent: 200 is none of"},
		"no secret":          {"  secret: {env: SMS_REPLIES_KEY}\n  items", "  items", "replies.secret: missing"},
		"reply field":        {"phone: from, text: text", "phone: from, txt: text", "replies.map.txt: there is no such field; there are phone, text, at"},
		"code of nothing":    {"map: {return: rma, code: code}", "map: {code: code}", "pickup_codes.map.return: missing, and ticket too"},
		"jmespath":           {"items: replies", "items: \"replies[\"", "replies.items: JMESPath:"},
	} {
		text := strings.Replace(string(whole), c.old, c.new, 1)
		if text == string(whole) {
			t.Errorf("%s: nothing was changed", name)
			continue
		}
		_, err := Parse("wh.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
			continue
		}
		for _, line := range strings.Split(err.Error(), "\n") {
			if !strings.HasPrefix(line, "wh.yaml:") {
				t.Errorf("%s: no file and line in %q", name, line)
			}
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the secret is quoted", name)
		}
	}
}

func TestTheLanguageIsTheCallers(t *testing.T) {
	s := example(t, "webhook")
	m := s.Events[EventOpened][ChannelSMS]
	for wanted, want := range map[string]string{"zh-CN": Chinese, "en-US": English, "en-GB": English, "": Chinese, "yue-CN": Chinese} {
		if got := s.language(m, wanted); got != want {
			t.Errorf("%q: %s, want %s", wanted, got, want)
		}
	}
}

func TestSegments(t *testing.T) {
	for _, c := range []struct {
		text     string
		mainland bool
		segments int
	}{
		{"", true, 1}, {strings.Repeat("字", 70), true, 1}, {strings.Repeat("字", 71), true, 2}, {strings.Repeat("字", 134), true, 2},
		{strings.Repeat("字", 135), true, 3}, {strings.Repeat("a", 71), true, 2}, {strings.Repeat("a", 160), false, 1},
		{strings.Repeat("a", 161), false, 2}, {strings.Repeat("a", 306), false, 2}, {strings.Repeat("€", 81), false, 2}, {strings.Repeat("字", 70), false, 1},
		{strings.Repeat("😀", 35), true, 1}, {strings.Repeat("😀", 36), true, 2},
	} {
		if n, chars := Segments(c.text, c.mainland); n != c.segments {
			t.Errorf("%d of %.4q, mainland %v: %d, want %d", chars, c.text, c.mainland, n, c.segments)
		}
	}
}

func TestKindsOfNumbers(t *testing.T) {
	for contact, want := range map[string]kind{
		"13800138001": mobile, "+8613800138001": mobile, "008613800138001": mobile, "013800138001": mobile, "138 0013 8001": mobile, "tel:+86-138-0013-8001": mobile,
		"01012345678": landline, "+861012345678": landline, "021-6888 8888": landline, "4008123123": landline, "95588": landline, "12300138001": landline,
		"+85261234567": foreign, "0085261234567": foreign, "+14155550100": foreign,
		"": hidden, "anonymous": hidden, "alice": hidden, "alice13800138001": hidden, "000": hidden, "0000000": hidden, "sip:13800138001@x": hidden,
	} {
		if got, _ := kindOf(contact); got != want {
			t.Errorf("%q: %s, want %s", contact, got, want)
		}
	}
}

func TestQuietHours(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, shanghai) }
	night := &Quiet{From: "21:00", Until: "08:00"}
	noon := &Quiet{From: "12:00", Until: "14:30"}
	for _, q := range []*Quiet{night, noon} {
		if err := q.validate(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		q        *Quiet
		at, over time.Time
	}{
		{night, at(20, 20, 59), time.Time{}}, {night, at(20, 21, 0), at(21, 8, 0)}, {night, at(20, 23, 59), at(21, 8, 0)},
		{night, at(21, 0, 0), at(21, 8, 0)}, {night, at(21, 7, 59), at(21, 8, 0)}, {night, at(21, 8, 0), time.Time{}}, {night, at(30, 22, 0), at(31, 8, 0)},
		{noon, at(20, 11, 59), time.Time{}}, {noon, at(20, 12, 0), at(20, 14, 30)}, {noon, at(20, 14, 30), time.Time{}}, {nil, at(20, 23, 0), time.Time{}},
	} {
		over, quiet := c.q.Over(c.at.UTC())
		if quiet != !c.over.IsZero() || quiet && !over.Equal(c.over) {
			t.Errorf("%v: %v %v, want %v", c.at, over, quiet, c.over)
		}
	}
}

func TestRepliesAreReadAsMeant(t *testing.T) {
	s := example(t, "webhook")
	for _, text := range []string{"TD", " td ", "ＴＤ", "退订", "退订。", "R", "r", "Stop", "T"} {
		found := false
		for _, w := range s.Replies.OptOut {
			found = found || plainReply(w) == plainReply(text)
		}
		if !found {
			t.Errorf("%q does not opt out", text)
		}
	}
	for _, text := range []string{"我不要退订", "谢谢", "TDS", ""} {
		for _, w := range s.Replies.OptOut {
			if plainReply(w) == plainReply(text) {
				t.Errorf("%q opts out", text)
			}
		}
	}
}

// What the codes and failures of a gateway mean: only what was not sent for
// certain is tried again.
func TestJudgement(t *testing.T) {
	g := example(t, "alibaba-sms").Gateways[ChannelSMS]
	for code, want := range map[string]fate{"OK": fateAccepted, "isv.BUSINESS_LIMIT_CONTROL": fateLater, "isv.MOBILE_NUMBER_ILLEGAL": fateRefused} {
		v := g.judge(restcall.Answer{Status: 200, Values: restcall.Values{"code": code, "id": "900619746936498440^0", "reason": "m"}}, nil)
		if v.fate != want || v.ID != "900619746936498440^0" || v.Code != code {
			t.Errorf("%s: %+v, want %s", code, v, want)
		}
	}
}
