package dialog

import (
	"fmt"
	"slices"
	"testing"
)

func TestHintsNameWhatTheCallerBought(t *testing.T) {
	f := Default()
	tn := &turn{f: f, s: &State{Orders: OrderSearch{Known: []Order{
		{Number: "20261112003378", Lines: []Line{{Name: "黑色长款羽绒服 女款 XL"}, {Name: "咖啡机"}}},
		{Number: "20261112007729", Lines: []Line{{Name: "咖啡机"}}},
	}}}}
	got := tn.hints(f.expects["digits"])
	for _, want := range []string{"尾号", "黑色长款羽绒服", "咖啡机", "二零二六幺幺幺二", "二零二六一一一二"} {
		if n := len(slices.DeleteFunc(slices.Clone(got), func(s string) bool { return s != want })); n != 1 {
			t.Errorf("%s is %d times among %q", want, n, got)
		}
	}
	if h := tn.hints(f.expects["none"]); len(h) != 0 {
		t.Errorf("hints without a question: %q", h)
	}
}

func TestHintsAreBounded(t *testing.T) {
	f := Default()
	s := &State{}
	for i := range 300 {
		s.Orders.Known = append(s.Orders.Known, Order{Number: "1", Lines: []Line{{Name: fmt.Sprintf("商品%d", i)}}})
	}
	if n := len((&turn{f: f, s: s}).hints(f.expects["open"])); n != maxHints {
		t.Errorf("%d hints, want %d", n, maxHints)
	}
}
