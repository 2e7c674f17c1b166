package speech

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/internal/zhtext"
)

// Phrasing is one way to return something.
type Phrasing struct {
	Name   string `yaml:"name"`
	From   string `yaml:"from"`   // calling number
	Order  string `yaml:"order"`  // that the ticket has to name
	Reason string `yaml:"reason"` // that the ticket has to give
	// Says are the answers by what is asked, a key of questions: in other words
	// each time that one has to be given again.
	Says map[string][]string `yaml:"says"`
}

//go:embed phrasings.yaml
var phrasings []byte

// Phrasings are all that there are.
func Phrasings() ([]Phrasing, error) {
	var out []Phrasing
	if err := yaml.UnmarshalWithOptions(phrasings, &out, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("phrasings: %s", yaml.FormatError(err, false, false))
	}
	for _, p := range out {
		for asked := range p.Says {
			if !slices.ContainsFunc(questions, func(q question) bool { return q.name == asked }) {
				return nil, fmt.Errorf("phrasings: %s answers %q, which nobody asks", p.Name, asked)
			}
		}
	}
	return out, nil
}

// question is what the agent may ask, as the parts of its sentences by which
// people tell that it does.
type question struct {
	name  string
	asked []string
}

var questions = []question{
	{"open", []string{"请问有什么可以帮您", "您可以说我要退货", "比如说我要退"}},
	{"offer", []string{"您是想退"}},
	{"offer_again", []string{"您说是或者不是", "您可以直接报订单号"}},
	{"number", []string{"请说一下您的订单号", "一个数字一个数字地说", "您说最后四位就行"}},
	{"choose", []string{"您说的是第几个", "您说第几个就可以"}},
	{"line", []string{"您要退哪一件", "您说第几个或者说全部"}},
	{"reason", []string{"请问是什么原因要退", "比如尺码不合适质量有问题", "您简单说一下为什么要退"}},
	{"received", []string{"货您已经收到了吗", "货收到了吗您说收到了"}},
	{"pickup", []string{"需要快递上门取件吗", "快递上门取还是您自己寄"}},
	{"pickup_more", []string{"您什么时间方便", "您说哪天几点就行", "那个地址取吗", "到哪个地址取呢"}},
	{"confirm", []string{"跟您确认一下"}},
	{"confirm_again", []string{"对的话请说对不对请说不对"}},
	{"correct", []string{"哪里不对呢", "您可以说订单不对"}},
	{"more", []string{"还有什么可以帮您", "没有的话您可以说没有了"}},
	{"nothing", []string{"好的我查一下", "好的我看一下", "马上为您登记", "正在登记请稍等", "正在查请稍等"}},
}

// reasons as the agent reads them back.
var reasons = map[string]string{
	"wrong_size": "尺码不合适", "changed_mind": "不想要了", "damaged": "收到时有破损", "wrong_item": "发错货", "missing_parts": "少发了东西",
	"not_as_described": "和描述不符", "quality": "质量问题", "late": "送得太晚", "other": "其他原因",
}

// say is what a caller says to a question: the phrasing's own words, or what
// anybody would say who is asked.
func (p Phrasing) say(asked string) []string {
	if words := p.Says[asked]; len(words) > 0 {
		return words
	}
	switch asked {
	case "offer_again":
		if offer := p.Says["offer"]; len(offer) > 0 && strings.HasPrefix(offer[0], "不") {
			return []string{"不是"}
		}
		return []string{"是的"}
	case "number":
		return []string{"尾号" + strings.ReplaceAll(zhtext.ReadDigits(p.Order[len(p.Order)-4:], 4), "幺", "一")}
	case "offer":
		return []string{"是的"}
	case "confirm_again":
		return []string{"对", "是的"}
	case "pickup", "pickup_more":
		return []string{"不用了", "不用"}
	case "choose", "line":
		return []string{"第一个"}
	case "correct":
		return p.Says["reason"]
	}
	return nil
}

// patience is how long a call may take.
const patience = 100 * time.Second

// summaries are what the caller says to the summary of its request: it
// corrects what is not as it said.
func (p Phrasing) summaries() []scenarios.Answer {
	correct := func(words []string) (out []string) {
		for _, w := range words {
			out = append(out, "不对"+w)
		}
		return out
	}
	out := []scenarios.Answer{{Asked: []string{"货还没有收到"}, Say: correct(p.Says["received"])}}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		a := scenarios.Answer{Asked: []string{"原因是" + reasons[reason] + "货已经收到"}, Say: correct(p.Says["reason"])}
		if reason == p.Reason {
			a.Say = append(slices.Clone(p.Says["confirm"]), "是的", "对")
		}
		out = append(out, a)
	}
	return out
}

// Scenario is the phrasing's call, spoken by a voice to a called number.
func (p Phrasing) Scenario(voice, called string) scenarios.Scenario {
	var answers []scenarios.Answer
	for _, q := range questions {
		if words := p.say(q.name); q.name == "nothing" || len(words) > 0 {
			answers = append(answers, scenarios.Answer{Asked: q.asked, Say: words})
		}
	}
	answers = append(answers, p.summaries()...)
	answers = append(answers, scenarios.Answer{Asked: []string{"马上为您转人工", "我帮您转人工"}, Hangup: true})
	ticket := true
	return scenarios.Scenario{
		Name: p.Name, From: p.From, To: called, Language: scenarios.DefaultLanguage, Voice: voice, Timeout: patience,
		Caller: []scenarios.Step{{Answers: answers, Silence: scenarios.DefaultSilence, Timeout: scenarios.DefaultWaitTimeout}},
		Expect: scenarios.Expect{
			Outcome: "ticket_opened", Intent: "return_request", Ticket: &ticket, EndedBy: scenarios.EndedByAgent,
			Slots: map[string]string{"order": p.Order, "reason": p.Reason},
		},
	}
}

// ErrTicket is wrapped when a call has another outcome than the right ticket.
var ErrTicket = errors.New("not the right ticket")

// Ticketed is nil when a call ended with the ticket that its caller wanted: a
// return of the right order, for the right reason, of goods that have arrived.
func (p Phrasing) Ticketed(r caller.Result) error {
	if r.Record == nil || len(r.Record.Tickets) != 1 {
		return fmt.Errorf("%w: none, or several", ErrTicket)
	}
	t := r.Record.Tickets[0]
	received := t.Received != nil && *t.Received // as all of the phrasings say
	if t.OrderNumber != p.Order || t.Kind != "return" || t.Reason != p.Reason || !received {
		return fmt.Errorf("%w: %s of order %s because of %s, received %t; not a return of %s, received, because of %s",
			ErrTicket, t.Kind, t.OrderNumber, t.Reason, received, p.Order, p.Reason)
	}
	return nil
}
