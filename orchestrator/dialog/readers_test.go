package dialog

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// changedFlow is the shipped flow with one of its files changed.
func changedFlow(t *testing.T, file string, change ...string) (*Flow, error) {
	t.Helper()
	m := copyFlow(t)
	old := string(m[shipped+"/"+file].Data)
	changed := strings.NewReplacer(change...).Replace(old)
	if changed == old {
		t.Fatalf("%s has changed, there is no %q", file, change[0])
	}
	m[shipped+"/"+file] = &fstest.MapFile{Data: []byte(changed)}
	return LoadFlow(m, shipped)
}

func TestPlaceAndTimeAreChecked(t *testing.T) {
	for _, c := range []struct{ file, old, new, want string }{
		{"pickup.yaml", "快递{pickup_time}到", "快递{pickup_day}到", "unknown placeholder {pickup_day}"},
		{"pickup.yaml", `"1": 明天上午`, `"1": 哪天都不是`, `"哪天都不是", which is no time`},
		{"pickup.yaml", "    reader: address\n", "    reader: address\n    values: [{name: a, say: b}]\n", `reader "address" takes no values`},
		{"pickup.yaml", "    reader: address\n", "    reader: address\n    got: address_taken\n", `unknown prompt "address_taken"`},
		{"pickup.yaml", "    offer: offer_address\n", "    offer: offer_place\n", `unknown question "offer_place"`},
		{"pickup.yaml", `implies: {pickup: "yes"}`, `implies: {pickup: "maybe"}`, `has no value "maybe"`},
		{"pickup.yaml", "also: [pickup_time, address]", "also: [pickup_time, place]", `unknown slot "place"`},
		{"tasks.yaml", "plan: return_plan", "plan: return_plans", `unknown rules "return_plans"`},
		{"service.yaml", "pickup_until: 20", "pickup_until: 9", "must be hours of a day"},
		{"service.yaml", "pickup_days: 5", "pickup_days: 0", "must be from 1 to 60"},
		{"pickup.yaml", "  time_far: {", "  time_further: {", `unknown prompt "time_far"`},
	} {
		_, err := changedFlow(t, c.file, c.old, c.new)
		if !errors.Is(err, ErrFlow) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), ".yaml:") {
			t.Errorf("%s: %v", c.new, err)
		}
	}
	for _, r := range []string{readerTimeRange, readerAddress} {
		if !slices.Contains(readers, r) {
			t.Errorf("%s is no reader", r)
		}
	}
}
