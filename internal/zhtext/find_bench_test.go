package zhtext

import (
	"strings"
	"testing"
)

// BenchmarkFind measures every reader of sentences on one of a caller, and on
// the longest turn that the dialogue looks at.
func BenchmarkFind(b *testing.B) {
	sentence := "喂你好，我十一月十二号花了一百二十八块五买的衣服，订单尾号三三七五，不对，是三三七八，明天下午三点到五点来上海市浦东新区世纪大道一二八八号取"
	for name, text := range map[string]string{
		"sentence": sentence,
		"longest":  string([]rune(strings.Repeat(sentence, 10))[:400]),
		"hostile":  string([]rune(strings.Repeat("一个六，", 200))[:400]),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				FindDigits(text)
				FindFix(text)
				FindAmount(text)
				ParseDate(text, noon)
				FindTimeRange(text, noon)
				FindAddress(text)
				ReadYesNo(text)
			}
		})
	}
}
