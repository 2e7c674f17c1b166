package nlu

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

var classes = []Class{
	{Name: "back", Priority: 1, Examples: []string{"我要退货", "帮我把东西退了"}, Evidence: map[string]float64{"退货": 1.5}},
	{Name: "human", Priority: 9, Examples: []string{"转人工", "我要人工客服"}, Evidence: map[string]float64{"人工": 2}},
	{Name: OutOfScope, Examples: []string{"今天天气怎么样", "没有"}},
}

var options = Options{Reject: 0.5, Negations: []string{"不是", "不要"}}

func TestClassify(t *testing.T) {
	m := Train(classes, options)
	for text, want := range map[string]string{
		"我要退货": "back", "我要推货": "back", "退或": "back", "退货！！": "back", "转人工": "human", "转任工": "human",
		"我要退货，转人工": "human", "我不是退货": OutOfScope, "今天天气好": OutOfScope, "": OutOfScope, "🙂": OutOfScope, "没有": OutOfScope,
	} {
		if got := m.Classify(text); got.Intent != want {
			t.Errorf("%q: got %+v, want %s", text, got, want)
		}
	}
	if got := Train(nil, Options{}).Classify("退货"); got.Intent != OutOfScope {
		t.Errorf("a model of nothing: %+v", got)
	}
}

func TestSounds(t *testing.T) {
	for a, b := range map[rune]rune{'退': '推', '货': '或', '是': '四', '零': '林', '南': '蓝', '张': '赞'} {
		if sound(a) != sound(b) {
			t.Errorf("%c sounds %q, %c %q", a, sound(a), b, sound(b))
		}
	}
}

func TestFind(t *testing.T) {
	u := Listen("订单，不对。是质量问题")
	nots := Compile([]string{"不是", "不对", "没"})
	m, ok := u.Find(Compile([]string{"质量", "治量问题", "质量问题"}))
	if !ok || m != (Match{At: 5, Len: 4, Exact: true}) {
		t.Errorf("got %+v", m)
	}
	for text, want := range map[string]bool{
		"不是质量问题": true, "不是，质量问题": false, "不是是质量问题": false, "质量问题": false, "没有什么质量问题": false,
		"没什么质量问题": true, "不对。是质量问题": false,
	} {
		u := Listen(text)
		m, _ := u.Find(Compile([]string{"质量问题"}))
		if got := u.Negated(m, nots); got != want {
			t.Errorf("%q: got %t", text, got)
		}
	}
	if _, ok := u.Find(Compile([]string{"", "退货"})); ok {
		t.Error("found what is not there")
	}
}

// TestTrainingIsDeterministic: two models of the same classes say the same.
func TestTrainingIsDeterministic(t *testing.T) {
	a, b := Train(classes, options), Train(classes, options)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("我要退货转人工不是没有天气a1，")), 0, 40, -1).Draw(t, "text")
		x, y := a.Classify(text), b.Classify(text)
		if !reflect.DeepEqual(x, y) {
			t.Fatalf("%q: %+v, %+v", text, x, y)
		}
		if x.Confidence < 0 || x.Confidence > 1 {
			t.Fatalf("%q: confidence %v", text, x.Confidence)
		}
	})
}

func FuzzClassify(f *testing.F) {
	for _, s := range []string{"我要退货", "转人工", "", "\xff", "ＡＢ１２"} {
		f.Add(s)
	}
	m := Train(classes, options)
	f.Fuzz(func(t *testing.T, s string) { m.Classify(s) })
}
