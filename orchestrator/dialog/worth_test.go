package dialog

import "testing"

func TestWhatARequestIsWorth(t *testing.T) {
	o := &Order{
		Status: "delivered", TotalFen: 25900, CustomerLevel: "gold",
		Lines:   []Line{{ID: "1", PriceFen: 9900, Quantity: 2}, {ID: "2", PriceFen: 6100}},
		Parcels: []Parcel{{Carrier: "sf"}, {Carrier: "zto"}},
	}
	for _, c := range []struct {
		lines []string
		want  int64
	}{{nil, 25900}, {[]string{"1"}, 19800}, {[]string{"1", "2"}, 25900}, {[]string{"9"}, 0}} {
		got := o.worth(c.lines)
		if want := (Worth{AmountFen: c.want, OrderStatus: "delivered", Carrier: "zto", CustomerLevel: "gold"}); got != want {
			t.Errorf("%v: %+v, want %+v", c.lines, got, want)
		}
	}
	if got := (*Order)(nil).worth(nil); got != (Worth{}) {
		t.Errorf("without an order: %+v", got)
	}
}
