package zhtext

import (
	"testing"
	"unicode/utf8"
)

func TestShortAddress(t *testing.T) {
	for text, want := range map[string]string{
		"上海市浦东新区世纪大道1288号402室": "世纪大道",
		"浙江省杭州市西湖区文三路25号":      "文三路",
		"北京市朝阳区望京街道阜通东大街6号院":   "阜通东大街",
		"广州市天河区幸福小区3号楼":        "幸福小区",
		"黄浦区北京西路100号":          "北京西路",
		"四川省成都市郫都区三道堰镇12号":     "三道堰镇",
		"中山路":    "中山路",
		"":       "",
		"随便什么地方": "",
		"12号":    "",
	} {
		if got := ShortAddress(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func FuzzShortAddress(f *testing.F) {
	f.Add("上海市浦东新区世纪大道1288号402室")
	f.Fuzz(func(t *testing.T, s string) {
		if n := utf8.RuneCountInString(ShortAddress(s)); n > maxShortAddress {
			t.Errorf("%d characters of %q", n, s)
		}
	})
}
