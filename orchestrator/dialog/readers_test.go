package dialog

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// pickupFlow is the shipped flow with questions for a place and a time.
func pickupFlow(t *testing.T, change ...string) (*Flow, error) {
	t.Helper()
	m := copyFlow(t)
	more, err := os.ReadFile("testdata/pickup.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m[shipped+"/pickup.yaml"] = &fstest.MapFile{Data: []byte(strings.NewReplacer(change...).Replace(string(more)))}
	tasks := m[shipped+"/tasks.yaml"]
	changed := strings.Replace(string(tasks.Data), "slots: [order, line, reason, received", "slots: [order, line, reason, received, address, pickup_time", 1)
	changed = strings.Replace(changed, "    ask: confirm_return\n", "    ask: confirm_pickup\n", 1)
	if !strings.Contains(changed, "pickup_time") || !strings.Contains(changed, "confirm_pickup") {
		t.Fatal("tasks.yaml has changed")
	}
	m[shipped+"/tasks.yaml"] = &fstest.MapFile{Data: []byte(changed)}
	return LoadFlow(m, shipped)
}

func TestPlaceAndTimeAreChecked(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"{pickup_time}，到", "{pickup_day}，到", "unknown placeholder {pickup_day}"},
		{`"1": 明天上午`, `"1": 哪天都不是`, `"哪天都不是", which is no time`},
		{"    reader: address\n", "    reader: address\n    values: [{name: a, say: b}]\n", `reader "address" takes no values`},
		{"got: address_got", "got: address_taken", `unknown prompt "address_taken"`},
	} {
		_, err := pickupFlow(t, c.old, c.new)
		if !errors.Is(err, ErrFlow) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "pickup.yaml:") {
			t.Errorf("%s: %v", c.new, err)
		}
	}
	for _, r := range []string{readerTimeRange, readerAddress} {
		if !slices.Contains(readers, r) {
			t.Errorf("%s is no reader", r)
		}
	}
}
