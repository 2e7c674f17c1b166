package zhtext

import "testing"

func TestErrorRate(t *testing.T) {
	for _, tt := range []struct {
		reference, heard  string
		wrong, characters int
	}{
		{"我要退货", "我要退货", 0, 4},
		{"我要退货", "我要退火", 1, 4},
		{"我要退货", "我退货", 1, 4},
		{"我要退货", "我要要退货", 1, 4},
		{"我要退货", "", 4, 4},
		{"", "我", 1, 0},
		{"你好，我要退货。", "你好 我要退货", 0, 6},
		{"尾号5069", "尾号五零六九", 0, 6},
		{"尾号幺三〇", "尾号130", 0, 5},
		{"一件", "幺件", 0, 2},
		{"IPHONE 坏了", "iphone坏了！", 0, 8},
		{"退款", "货物已经签收", 6, 2},
		{"订单号是一二三", "是订单号三二一", 4, 7},
	} {
		wrong, characters := ErrorRate(tt.reference, tt.heard)
		if wrong != tt.wrong || characters != tt.characters {
			t.Errorf("%q heard as %q: %d of %d, want %d of %d", tt.reference, tt.heard, wrong, characters, tt.wrong, tt.characters)
		}
	}
}

func TestErrorsAddUp(t *testing.T) {
	var e Errors
	if e.Rate() != 0 {
		t.Errorf("rate of nothing: %v", e.Rate())
	}
	e.Add("我要退货", "我要退火")
	e.Add("对", "对")
	e.Add("不是的", "是的")
	if e != (Errors{Wrong: 2, Characters: 8, Exact: 1, Texts: 3}) || e.Rate() != 0.25 {
		t.Errorf("%+v, rate %v", e, e.Rate())
	}
}
