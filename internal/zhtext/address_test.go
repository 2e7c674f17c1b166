package zhtext

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestFindAddress(t *testing.T) {
	for in, want := range map[string]string{
		"上海市浦东新区世纪大道1288号3号楼402室":           "上海市浦东新区世纪大道1288号3号楼402室",
		"我的地址是上海市浦东新区世纪大道一二八八号三号楼四零二室":      "上海市浦东新区世纪大道1288号3号楼402室",
		"来上海市，浦东新区，嗯，世纪大道一千二百八十八号，402室吧谢谢":  "上海市浦东新区世纪大道1288号402室",
		"我住在杭州市西湖区文三路二十五号":                  "杭州市西湖区文三路25号",
		"送到朝阳区建国路88号SOHO现代城A座1203":          "朝阳区建国路88号SOHO现代城A座1203",
		"我要退货，地址在安徽省滁州市来安县新安镇建阳南路5号，明天下午来取": "安徽省滁州市来安县新安镇建阳南路5号",
		"广东深圳南山区科技园南区八栋五层":                  "广东深圳南山区科技园南区8栋5层",
		"阳光花园十二栋二单元六零一":                     "阳光花园12栋2单元601",
		"改成幸福小区3号楼501门口":                    "幸福小区3号楼501门口",
		"浦东新区世纪大道，十二号来取":                    "浦东新区世纪大道",
		"河北省保定市李家村":                         "河北省保定市李家村",
	} {
		got, ok := FindAddress(in)
		if !ok || got.Text != want {
			t.Errorf("FindAddress(%q) = %+v, %t, want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{
		"", "还在路上", "我在超市买的", "十一月十二号买的", "上个月三号在你们店买的", "有什么区别", "我要退货", "三号楼", "怎么弄", "你们在上海市哪个区",
		"明天上门取件", "这个城市真大", "不知道", "一楼", "顺路寄的", "退货地址是什么路", "尾号三三七八", "北京", "把衣服弄坏了", "我要去北京市", "快递到上海市了吗",
	} {
		if got, ok := FindAddress(in); ok {
			t.Errorf("FindAddress(%q) = %+v, want none", in, got)
		}
	}
	if got, ok := FindPlace("世纪大道"); !ok || got.Text != "世纪大道" || !got.Place || got.House {
		t.Errorf("a road alone: %+v, %t", got, ok)
	}
	if got, ok := FindPlace("嗯，南京西路，12号"); !ok || got.Text != "南京西路12号" || !got.House {
		t.Errorf("a road and a number: %+v, %t", got, ok)
	}
}

func TestSayAddress(t *testing.T) {
	for in, want := range map[string]string{
		"上海市浦东新区世纪大道1288号3号楼402室": "上海市浦东新区世纪大道，幺二八八号三号楼四零二室",
		"阳光花园12栋2单元601":           "阳光花园，十二栋二单元六零幺",
		"幸福小区2栋5层":                "幸福小区，两栋五层",
		"河北省保定市李家村":               "河北省保定市李家村",
		"建国路88号A座":                "建国路，八十八号A座",
		"":                        "",
	} {
		if got := SayAddress(in); got != want {
			t.Errorf("SayAddress(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAddressesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
		number := func(name string, most int) string { return decimal(int64(rapid.IntRange(1, most).Draw(t, name))) }
		a := pick("area", "", "上海市浦东新区", "浙江省杭州市西湖区", "安徽省滁州市来安县", "内蒙古自治区通辽市", "重庆渝北区") +
			pick("road", "世纪大道", "文三路", "南京西路", "幸福小区", "建国门外大街", "李家村") + number("number", 9999) + "号" +
			pick("house", "", "3号楼", "12栋", "5号楼2单元") + pick("room", "", number("room", 9)+"0"+number("door", 9)+"室")
		for _, said := range []string{a, SayAddress(a)} {
			got, ok := FindAddress(pick("before", "", "地址是", "我住在", "嗯，来") + said + pick("after", "", "，谢谢", "。"))
			if !ok || got.Text != a {
				t.Fatalf("%s said %q, understood %+v", a, said, got)
			}
		}
	})
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"上海市浦东新区世纪大道一二八八号三号楼四零二室", "来安县，来安县", "号号号", "路\xff3号", "一千千号楼幸福路"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, ok := FindAddress(s)
		if n := utf8.RuneCountInString(a.Text); n > 2*maxAddress || ok && n < 3 {
			t.Fatalf("%q is %q, %t", s, a.Text, ok)
		}
		if said := SayAddress(a.Text); strings.ContainsAny(said, "0123456789") {
			t.Fatalf("%q said %q", a.Text, said)
		}
	})
}
