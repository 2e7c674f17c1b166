package dialog

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tidegate/tidegate/internal/zhtext"
)

// TestUnderstanding uses sentences that are no examples of the flow, many of
// them as a recogniser gets them wrong.
func TestUnderstanding(t *testing.T) {
	f := Default()
	for want, texts := range map[string][]string{
		"return_request": {"我要推货", "我想退或", "喂你好我前几天在你们那买了双鞋子现在想退了", "帮忙办个退货吧", "那个裙子我不想要了给退了呗",
			"诶我想问一下我要把这个东西退掉怎么弄", "麻烦退一下货谢谢", "收到的杯子碎了我要退货"},
		"refund_status":    {"我那个退款怎么还没到账啊", "查一下我的退款到哪儿了", "退宽到了没有", "钱什么时候退给我", "我退货的钱退了没"},
		"freight_policy":   {"运非谁出", "退货的邮费是谁来付", "那个寄回去的运费怎么算的", "快递费要我出吗", "请问退货运费是谁承担的"},
		"transfer_human":   {"转人功", "给我转人工", "我要找人工客服", "别废话了叫个真人来", "麻烦转接人工", "人工人工人工", "接人工客服"},
		"exchange_request": {"我想换一件大点的", "可以换货吗"},
		"order_status":     {"我的包裹到哪了", "什么时候给我发货啊"},
		"refund_policy":    {"一般退款要几天到账"},
		"return_policy":    {"你们这个退货规则是什么样的", "几天内可以退货"},
		"cancel_order":     {"帮我取消一下这个订单"},
		"complaint":        {"我要投诉你们客服", "你们就是骗子"},
		"goodbye":          {"好的再见", "拜拜了"},
		"out_of_scope": {"我不是要退货", "明天会下雨吗", "红烧肉怎么做", "没有没有", "是的是的", "我收到了", "哈哈哈哈", "帮我订一张机票",
			"abc def", "", "第二个", "苹果今天多少钱一斤"},
	} {
		for _, text := range texts {
			got := f.model.Classify(text)
			if got.Intent != want {
				t.Errorf("%q: got %s %.2f %v, want %s", text, got.Intent, got.Confidence, got.Ranked, want)
			}
			if got.Confidence < 0 || got.Confidence > 1 {
				t.Errorf("%q: confidence %v", text, got.Confidence)
			}
		}
	}
}

func TestSlotValues(t *testing.T) {
	tn := &turn{f: Default(), s: &State{}, now: callDay}
	for _, c := range []struct{ text, reason, received string }{
		{"太小了", "wrong_size", ""}, {"穿不下", "wrong_size", ""}, {"有点挤脚", "wrong_size", ""},
		{"有色差", "not_as_described", ""}, {"压坏了", "damaged", ""}, {"少一件", "missing_parts", ""},
		{"发错了", "wrong_item", ""}, {"不想要了", "changed_mind", ""}, {"不喜欢", "changed_mind", ""},
		{"质量问题", "quality", ""}, {"治量问题", "quality", ""}, {"起球了", "quality", ""},
		{"不是质量问题，就是不喜欢", "changed_mind", ""}, {"等太久了", "late", ""},
		{"收到了", "", "yes"}, {"已经签收了", "", "yes"}, {"还没收到呢", "", "no"}, {"没有收到", "", "no"},
		{"还在路上", "", "no"}, {"货没到", "", ""}, {"昨天刚收到就坏了", "damaged", "yes"}, {"受到了", "", "yes"},
		{"好的", "", ""},
	} {
		h := tn.understand(c.text)
		if h.values["reason"] != c.reason || h.values["received"] != c.received {
			t.Errorf("%q: got %v", c.text, h.values)
		}
	}
}

func TestOrderReferences(t *testing.T) {
	f := Default()
	for _, c := range []struct {
		text string
		want orderRef
	}{
		{"尾号三三七八", orderRef{refTail, "3378", true}},
		{"2026111200013378", orderRef{refNumber, "2026111200013378", false}},
		{"二零二六一一一二，零零零一三三七八", orderRef{refNumber, "2026111200013378", false}},
		{"TG20261112", orderRef{refNumber, "TG20261112", false}},
		{"双八双六", orderRef{refTail, "8866", false}},
		{"我电话是13812345678", orderRef{refPhone, "13812345678", false}},
		{"我十一月十二号买的两件衣服", orderRef{}},
		{"尾号三七八", orderRef{refTail, "378", true}},
		{"花了三百二十块", orderRef{}},
		{"三七八", orderRef{}},
	} {
		if got := f.readRef(c.text); got != c.want {
			t.Errorf("%q: got %+v, want %+v", c.text, got, c.want)
		}
	}
}

// TestReasonsByMeaning: sentences as people give reasons, and what sounds like
// one and is none.
func TestReasonsByMeaning(t *testing.T) {
	tn := &turn{f: Default(), s: &State{}, now: callDay}
	for want, texts := range map[string][]string{
		"wrong_size":       {"穿不下", "大了一号", "裤子长了太长", "肩宽不合适", "拉链拉不上", "我家孩子套不进去", "柜子放不下", "勒得慌"},
		"changed_mind":     {"不想要了", "买多了", "朋友别人送了一个", "穿着不好看显胖", "拍错了", "别家便宜", "没理由就是不要了", "用不到"},
		"damaged":          {"压坏了", "快递弄坏的", "箱子都挤扁了", "屏碎了", "里面洒出来了", "掉漆", "有裂缝"},
		"wrong_item":       {"发错了", "寄错了给我发了别的", "型号发错了", "不是我拍的那个", "装错了吧", "码发错了"},
		"missing_parts":    {"少一件", "少了一件", "里面少了一个", "漏发了", "配件不齐", "只收到一只", "没有充电器", "没发全", "买两件就来一件少一件"},
		"not_as_described": {"有色差", "颜色不一样", "面料不一样", "跟图片差太多", "尺寸不符", "山寨的吧"},
		"quality":          {"质量问题", "缩水了", "一充电就黑屏", "噪音大", "做工粗糙", "用两天就坏", "线头特别多", "有股异味", "不加热"},
		"late":             {"太慢了", "赶不上用", "等不及了", "来得太晚"},
		"":                 {"对不起", "一位客服", "司机来过了", "是了", "发没发货", "七毛钱", "好的", "鼓励一下", "可以", "我想问一下", "尾号三三七八", "明天下午", "喂你好", "谢谢"},
	} {
		for _, text := range texts {
			if got := tn.understand(text).values["reason"]; got != want {
				t.Errorf("%q: got %q, want %q", text, got, want)
			}
		}
	}
}

// TestNumbersAreNoReasons: words are also known by their sound, and digits
// have sounds like any other ("是零" is 失灵).
func TestNumbersAreNoReasons(t *testing.T) {
	tn := &turn{f: Default(), s: &State{}, now: callDay}
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[0-9]{4,16}`).Draw(t, "digits")
		said := rapid.SampledFrom([]string{"", "后面是", "尾号是", "不是，是"}).Draw(t, "before") + zhtext.ReadDigits(digits, 4)
		if rapid.Bool().Draw(t, "plain") {
			said = strings.ReplaceAll(said, "幺", "一")
		}
		if h := tn.understand(said); len(h.values) > 0 || h.ref.kind == refNone {
			t.Fatalf("%q: %v, %+v", said, h.values, h.ref)
		}
	})
}

func TestKeysMeanWhatTheySay(t *testing.T) {
	tn := &turn{f: Default(), s: &State{Step: StepAsking, Question: "received"}, now: callDay}
	if h := tn.keys("2"); h.answer != zhtext.AnswerNo || h.values["received"] != "no" {
		t.Errorf("got %+v", h)
	}
}

func BenchmarkUnderstand(b *testing.B) {
	tn := &turn{f: Default(), s: &State{}, now: callDay}
	for b.Loop() {
		tn.understand("喂你好我前几天在你们那买了双鞋子现在想退了尾号三三七八")
	}
}

// TestUnsureNamesArticle: what follows a yes and is hardly recognised may
// still sound like one of the order's articles.
func TestUnsureNamesArticle(t *testing.T) {
	orders := slices.DeleteFunc(slices.Clone(shop["13800000002"]), func(o Order) bool { return len(o.Lines) < 2 })
	for text, question := range map[string]string{"是的就那个记衣枕头的": "reason", "是的那天一绒": "line"} {
		s, _ := run(Default(), Started{}, OrdersFound{RequestID: "c/orders/1", Orders: orders}, Heard{Text: "我要退货"},
			Heard{Text: text, Confidence: 0.2})
		if s.Question != question {
			t.Errorf("%s: asked for %q, want %q", text, s.Question, question)
		}
	}
}
