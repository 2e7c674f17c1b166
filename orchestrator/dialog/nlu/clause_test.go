package nlu

import (
	"slices"
	"testing"
)

func TestMeant(t *testing.T) {
	m := Train([]Class{
		{Name: "back", Priority: 5, Core: []string{"退货"}, Examples: []string{"我要退货", "退货", "帮我退货", "想退货"}},
		{Name: "swap", Priority: 4, Core: []string{"换货"}, Examples: []string{"我要换货", "换货", "帮我换货", "想换货"}},
		{Name: "human", Priority: 9, Core: []string{"人工"}, Examples: []string{"转人工", "我要人工", "人工客服"}},
		{Name: "bye", Priority: 2, Core: []string{"再见"}, Examples: []string{"再见", "拜拜", "那再见"}},
		{Name: OutOfScope, Examples: []string{"今天天气怎么样", "没有", "好的", "我", "嗯", "怎么做菜"}},
	}, Options{
		Reject: 0.4, Negations: []string{"不是", "不要", "别"}, Links: []string{"要", "给我", "转"},
		Corrections: []string{"不对", "说错了"}, Joints: []string{"还有", "转人工"},
	})
	for text, want := range map[string][]string{
		"我要退货": {"back"}, "我要退货，转人工": {"human", "back"}, "我要换货，还有退货": {"back", "swap"},
		"我不是要退货，我要换货": {"swap"}, "我要退货，不对，我要换货": {"swap"}, "我不是要退货": nil, "不要给我转人工": nil,
		"退货，再见": {"back"}, "要不要退货": {"back"}, "不要，退货": {"back"}, "不要退货了，还是要退货": {"back"}, "不对": nil,
	} {
		var got []string
		for _, s := range m.Classify(text).Intents {
			got = append(got, s.Intent)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}
