package dialog

import (
	"testing"

	"github.com/tidegate/tidegate/internal/zhtext"
)

// TestWishes: how callers ask for a dialect, and what sounds like it.
func TestWishes(t *testing.T) {
	f := Default()
	const open = "open"
	for want, texts := range map[string][]string{
		"yue": {"可以说粤语吗", "我讲广东话", "能不能讲粤语", "你听得懂白话吗", "可不可以用广东话", "我想讲粤语", "会不会说广州话", "识唔识听白话呀",
			"讲广东话得唔得", "粤语可以吗", "广东话你听得懂吗", "用粤语跟我说吧", "换成粤语", "切换到粤语", "麻烦转粤语服务", "有没有粤语服务",
			"我只会讲白话", "我不太会说普通话，我讲粤语行不行", "能听懂一点广东话吗", "粤语", "广东话吧", "请问可以提供粤语服务吗",
			"喂你好我想退货可以讲广东话吗", "我普通话不好，能不能讲粤语", "说点粤语行吗", "不说普通话了，讲粤语", "粤语行不行啊", "我们讲白话的"},
		"zh-sichuan":   {"能不能说四川话", "我说四川话你听得懂不", "我是四川人讲四川话", "可以说成都话吗", "四川话得行不嘛，你懂四川话不"},
		"zh-shanghai":  {"我讲上海话可以吗", "我妈只会说上海话", "侬听得懂上海话伐"},
		"nan":          {"会讲闽南话吗", "你懂不懂潮汕话", "可以讲台语吗"},
		"hak":          {"我们讲客家话的", "能说客家话吗"},
		"zh-dongbei":   {"我说东北话行吗"},
		"zh":           {"说普通话吧", "换回普通话", "还是讲普通话", "我讲普通话", "改用普通话", "普通话", "可以说国语吗", "我不讲广东话，讲普通话", "别说粤语了，说普通话"},
		"zh-henan":     {"我讲的是河南话，能听懂河南话吗"},
		"zh-chongqing": {"你们会不会讲重庆话"},
		open: {"可以说方言吗", "我不会说普通话", "我普通话不好", "我普通话说得不好", "我听不懂普通话", "能讲家乡话吗", "我只会讲方言", "你们支持方言吗",
			"我不太会讲普通话", "我普通话不太标准"},
		"": {"我要退货", "我想退一本粤语歌碟", "那个四川话教材我不要了", "我粤语不好", "不会说粤语", "我不会讲广东话", "不要粤语", "听不懂上海话",
			"有四川话版的吗我买的是粤语版", "我在广东", "我是四川人", "真是无语了", "太贵了", "转人工", "这衣服太小了", "收到了", "可以", "", "🙂",
			"说明书是方言的", "我买了本上海话词典想退", "没有"},
	} {
		for _, text := range texts {
			w, ok := f.readWish(text, "", false)
			got := w.id
			if w.open {
				got = open
			}
			if got != want || ok != (want != "") {
				t.Errorf("%q: got %q %+v, want %q", text, got, w, want)
			}
		}
	}
}

// TestWishRefused: what the call has now can be turned down.
func TestWishRefused(t *testing.T) {
	f := Default()
	for _, c := range []struct{ text, now, want string }{
		{"不要说粤语了", "yue", "zh"}, {"我听不懂粤语", "yue", "zh"}, {"不要说粤语了", "", ""}, {"别讲上海话", "wuu", "zh"}, {"别讲上海话", "yue", ""},
	} {
		if w, _ := f.readWish(c.text, c.now, false); w.id != c.want {
			t.Errorf("%q with %q: %+v", c.text, c.now, w)
		}
	}
	if w, ok := f.readWish("那就讲那个上海话吧", "", true); !ok || w.id != "zh-shanghai" {
		t.Errorf("after the question which: %+v", w)
	}
	if w, ok := f.readWish("粤语好了谢谢", "", true); !ok || w.id != "yue" {
		t.Errorf("after the question which: %+v", w)
	}
}

func TestPlainQuestion(t *testing.T) {
	for in, want := range map[string]string{
		"能不能说": "能说", "可不可以讲": "可以讲", "识唔识听": "识听", "有没有会": "有会", "我不会说": "我不会说", "": "", "不": "不", "好不好": "好", "对不对不对": "对",
	} {
		if got := plainQuestion(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// TestWishNeverConfirms: "may I speak Cantonese" at the confirmation is not
// the yes that opens a ticket.
func TestWishNeverConfirms(t *testing.T) {
	f := Default()
	for _, text := range []string{"可以说粤语吗", "可以讲粤语", "好，讲粤语", "是的我讲广东话", "对，我们讲白话的"} {
		s := Begin(f, Start{CallID: "c", Caller: "13800000001", Dialects: []string{"yue"}})
		for _, in := range []Input{Started{}, OrdersFound{RequestID: "c/orders/1", Orders: shop["13800000001"]},
			Heard{Text: "我要退货，太小了，收到了，自己寄"}, Heard{Text: "是的"}, Heard{Text: text}} {
			var acts []Act
			s, acts = f.Advance(s, callDay, in)
			for _, a := range acts {
				if k, ok := a.(OpenTicket); ok {
					t.Errorf("%q opened a ticket: %+v", text, k)
				}
			}
		}
		if s.Question != "confirm_return" || s.Dialect != "yue" {
			t.Errorf("%q: at %s in %q", text, s.Question, s.Dialect)
		}
	}
}

func TestCantoneseAnswers(t *testing.T) {
	for text, want := range map[string]zhtext.Answer{
		"系": zhtext.AnswerYes, "系呀": zhtext.AnswerYes, "啱": zhtext.AnswerYes, "冇错": zhtext.AnswerYes, "得": zhtext.AnswerYes, "好嘅": zhtext.AnswerYes,
		"係": zhtext.AnswerYes, "唔系": zhtext.AnswerNo, "唔係": zhtext.AnswerNo, "唔啱": zhtext.AnswerNo, "唔使啦": zhtext.AnswerNo, "唔要": zhtext.AnswerNo,
		"冇": zhtext.AnswerNo, "唔": zhtext.AnswerUnknown,
	} {
		if got := zhtext.ReadYesNo(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func BenchmarkWish(b *testing.B) {
	f := Default()
	for b.Loop() {
		f.readWish("喂你好我前几天在你们那买了双鞋子现在想退了可以讲广东话吗", "", false)
	}
}
