package dialog

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

var sentences = []string{
	"我要退货", "查退款", "运费谁出", "转人工", "我要换货", "对", "不对", "不是", "嗯", "没有了", "再见", "收到了", "没收到",
	"太小了", "质量问题", "尾号3378", "八八六六", "幺两洞拐", "2026111200013378", "不是这个订单", "第一个", "第二个", "全部",
	"再说一遍", "等一下", "单号是多少", "不知道", "今天天气怎么样", "", "🙂🙂", "'; DROP TABLE calls; --", "{order}",
	"我要退货，订单尾号3378，衣服太小了，已经收到了", "不对，是质量问题", "不退了", "退货有什么规定", "我要投诉", "可以", "枕头",
	"我的手机号是13800000002", "原因", "订单不对", "你们太过分了，我要投诉", "换大一号", "取消订单", "我的快递到哪了", "缺配件", "拆封了", "其实是质量问题", "第一个和第二个",
	"赠品要不要一起退", "你们会员等级怎么看", "吊牌剪了还能退吗", "可以说粤语吗", "说普通话吧", "能讲方言吗", "我不会说普通话", "粤语", "唔系",
	"三三", "七八", "二零二六", "不是五是九", "是2026开头那个", "最后一位是八", "二零二六一一一二", "明天下午三点到五点", "上海市浦东新区世纪大道1288号402室",
}

// helpful are answers that bring a conversation on, so that random calls get
// as far as tickets.
var helpful = map[string]string{
	"intent": "我要退货", "offer_order_return": "是的", "order": "尾号3378", "choose_order": "第一个", "line": "第一个",
	"offer_order_exchange": "是的", "offer_order_cancel": "是的", "offer_order_delivery": "是的", "variant": "大一号", "exchange_reason": "太大了",
	"confirm_exchange": "对", "confirm_cancel": "对", "confirm_urge": "对", "confirm_parts": "对", "opened": "没拆", "offer": "好的",
	"reason": "太小了", "received": "收到了", "confirm_return": "对", "anything_else": "我要退货",
	"pickup": "需要", "pickup_time": "明天下午三点到五点", "offer_address": "对", "address": "上海市浦东新区世纪大道1288号402室",
}

// inputs draws anything that can happen, answers to old questions included.
func (c *callers) inputs(asked *[]Act, s State) *rapid.Generator[Input] {
	return rapid.Custom(func(t *rapid.T) Input {
		if help := c.helpful[s.Question]; help != "" && rapid.IntRange(0, 2).Draw(t, "helpful") > 0 {
			return Heard{Text: help}
		}
		if n := len(*asked); n > 0 && (s.Step != StepAsking || s.Consulting != nil) && rapid.IntRange(0, 2).Draw(t, "prompt") > 0 {
			return c.answer(t, (*asked)[n-1])
		}
		switch rapid.IntRange(0, 12).Draw(t, "kind") {
		case 0, 1, 2, 3, 4:
			return Heard{Text: rapid.SampledFrom(c.sentences).Draw(t, "text"), Confidence: rapid.SampledFrom([]float64{0, 0.1, 0.9}).Draw(t, "conf")}
		case 5:
			return Heard{Text: rapid.String().Draw(t, "noise")}
		case 6:
			return Digits{Digits: rapid.StringMatching(`[0-9*#]{0,20}`).Draw(t, "keys"), Terminated: rapid.Bool().Draw(t, "end")}
		case 7:
			return Silence{}
		case 8:
			return Resumed{Cut: rapid.Bool().Draw(t, "cut"), HeardRunes: rapid.IntRange(-1, 80).Draw(t, "heard")}
		case 9:
			return rapid.SampledFrom([]Input{HandoffFailed{}, Started{}, RecognitionLost{}, RecognitionBack{}}).Draw(t, "other")
		}
		if len(*asked) == 0 {
			return Started{}
		}
		return c.answer(t, rapid.SampledFrom(*asked).Draw(t, "asked"))
	})
}

func (c *callers) answer(t *rapid.T, a Act) Input {
	switch a := a.(type) {
	case FindOrders:
		if rapid.IntRange(0, 4).Draw(t, "down") == 0 {
			return OrdersFound{RequestID: a.RequestID, Err: "timeout"}
		}
		orders := rapid.SampledFrom(c.orders).Draw(t, "orders")
		return OrdersFound{RequestID: a.RequestID, Orders: orders}
	case Consult:
		return rapid.SampledFrom([]Input{
			ConsultFailed{ID: a.ID}, Worded{ID: a.ID, Sentence: "要一起寄回。"}, Worded{ID: a.ID, Sentence: "退您一万元{order}"}, Worded{ID: a.ID, Last: true},
			Consulted{ID: a.ID, Intent: rapid.SampledFrom([]string{"", "return_request", "transfer_human", "goodbye", "open_ticket"}).Draw(t, "intent"),
				Answer: rapid.SampledFrom([]string{"", "yes", "no", "x"}).Draw(t, "answer"), Slots: map[string]string{"reason": "damaged", "order": "1", "": ""}},
		}).Draw(t, "consulted")
	case OpenTicket:
		return rapid.SampledFrom([]Input{
			TicketOpened{Key: a.Key, Number: "12345678"}, TicketFailed{Key: a.Key, Reason: "no"},
			TicketFailed{Key: a.Key, Pending: true},
		}).Draw(t, "ticket")
	}
	return Silence{}
}

// TestRandomCalls holds what no conversation may ever break.
func TestRandomCalls(t *testing.T) {
	eachFlow(t, func(t *testing.T, c *callers) { rapid.Check(t, c.randomCall) })
}

func (c *callers) randomCall(t *rapid.T) {
	f := c.f
	s := Begin(f, Start{CallID: "c", Caller: rapid.SampledFrom(c.phones).Draw(t, "caller"),
		Dialects: rapid.SampledFrom([][]string{nil, {"yue"}, {"yue", "wuu"}}).Draw(t, "dialects"), Likely: rapid.SampledFrom([]string{"", "yue", "nan"}).Draw(t, "likely"),
		Advice: Advice{Understand: rapid.Bool().Draw(t, "understand"), Word: rapid.Bool().Draw(t, "word")}})
	s, _ = f.Advance(s, c.now, Started{})
	var asked []Act
	keys := map[string]OpenTicket{}
	for range rapid.IntRange(1, 30).Draw(t, "turns") {
		in := c.inputs(&asked, s).Draw(t, "input")
		before := toJSON(t, s)
		next, acts := f.Advance(s, c.now, in)
		if toJSON(t, s) != before {
			t.Fatalf("%#v changed the state it was given", in)
		}
		c.checkTakeover(t, before, in, next, acts)
		c.checkActs(t, s, in, next, acts, keys)
		for _, a := range acts {
			switch a.(type) {
			case FindOrders, OpenTicket, Consult:
				asked = append(asked, a)
			}
		}
		s = next
	}
	if s.Outcome() == OutcomeUnknown {
		t.Fatal("a call without an outcome")
	}
}

// checkTakeover repeats a step from the snapshot: another orchestrator must do
// exactly the same.
func (c *callers) checkTakeover(t *rapid.T, snapshot string, in Input, next State, acts []Act) {
	var s State
	if err := json.Unmarshal([]byte(snapshot), &s); err != nil {
		t.Fatal(err)
	}
	again, sameActs := c.f.Advance(s, c.now, in)
	if toJSON(t, again) != toJSON(t, next) || !reflect.DeepEqual(toJSON(t, sameActs), toJSON(t, acts)) {
		t.Fatalf("%#v: the snapshot behaves differently:\n%s\n%s", in, toJSON(t, acts), toJSON(t, sameActs))
	}
}

func (c *callers) checkActs(t *rapid.T, s State, in Input, next State, acts []Act, keys map[string]OpenTicket) {
	for i, a := range acts {
		switch a := a.(type) {
		case Say:
			if a.Prompt.Text == "" || placeholder.MatchString(a.Prompt.Text) {
				t.Fatalf("%#v: prompt %s says %q", in, a.Prompt.ID, a.Prompt.Text)
			}
		case OpenTicket:
			c.checkTicket(t, s, in, a, keys)
		case End:
			if i != len(acts)-1 {
				t.Fatalf("%#v: something follows the end", in)
			}
		}
	}
	c.checkListening(t, in, next, acts)
}

// checkTicket: only after a yes to a confirmation, one key per order line.
func (c *callers) checkTicket(t *rapid.T, s State, in Input, a OpenTicket, keys map[string]OpenTicket) {
	if _, resumed := in.(Resumed); !resumed {
		yes := false
		switch in := in.(type) {
		case Heard:
			yes = in.Text != ""
		case Digits:
			yes = in.Digits == "1" || in.Digits == "1#"
		}
		if s.Step != StepAsking || s.Question != c.f.tasks[s.Intent].Confirm || s.Question == "" || !yes {
			t.Fatalf("%#v at %v/%s opened a ticket", in, s.Step, s.Question)
		}
	}
	id := fmt.Sprint(a.Kind, a.OrderNumber, a.OrderLine)
	if old, ok := keys[id]; ok && old.Key != a.Key {
		t.Fatalf("two keys for %s: %s, %s", id, old.Key, a.Key)
	}
	keys[id] = a
}

// checkListening: whoever is in the conversation is listened to, with a limit.
func (c *callers) checkListening(t *rapid.T, in Input, next State, acts []Act) {
	var last *Prompt
	for _, a := range acts {
		if say, ok := a.(Say); ok {
			if last != nil && last.Expect.Kind != ExpectNone {
				t.Fatalf("%#v: %s is followed by speech but waits for an answer", in, last.ID)
			}
			last = &say.Prompt
		}
	}
	if next.Deaf && next.Step == StepAsking && !c.f.keyable(next.Question) {
		t.Fatalf("%#v: nothing but speech answers %s", in, next.Question)
	}
	switch next.Step {
	case StepAsking, StepLooking, StepOpening:
		// While a model words an answer the consult's own time limit ends it;
		// what is said last then listens.
		if e := next.Expecting(); next.Consulting == nil && (e.Kind == ExpectNone || e.NoInputMS == 0) {
			t.Fatalf("%#v: %v/%s listens for nothing: %+v", in, next.Step, next.Question, next.Said)
		}
	}
}

// TestEveryCallEnds: whatever is said, a bounded number of turns brings an end
// or a human.
func TestEveryCallEnds(t *testing.T) {
	eachFlow(t, func(t *testing.T, c *callers) {
		rapid.Check(t, func(t *rapid.T) {
			s := Begin(c.f, Start{CallID: "c"})
			s, _ = c.f.Advance(s, c.now, Started{})
			for range 3 * c.f.policy.MaxTurns {
				in := rapid.SampledFrom([]Input{Silence{}, Heard{Text: rapid.SampledFrom(c.sentences).Draw(t, "text")}}).Draw(t, "input")
				s, _ = c.f.Advance(s, c.now, in)
				if s.Step == StepEnded || s.Step == StepHandoff {
					return
				}
			}
			t.Fatalf("still at %v/%s", s.Step, s.Question)
		})
	})
}

func toJSON(t *rapid.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
