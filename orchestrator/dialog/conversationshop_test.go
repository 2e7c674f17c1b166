package dialog

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// callDay and shop are those of the conversations in Mandarin.
var callDay, shop = func() (time.Time, map[string][]Order) {
	now, callers, _, err := readShop(embedded, shipped)
	if err != nil {
		panic(err)
	}
	return now, callers
}()

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestStateRoundTrip(t *testing.T) {
	f := Default()
	s := Begin(f, Start{CallID: "c", Caller: "13800000001"})
	s, _ = f.Advance(s, callDay, Started{})
	var back State
	if err := json.Unmarshal([]byte(mustJSON(t, s)), &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(mustJSON(t, back), mustJSON(t, s)) {
		t.Errorf("got %+v, want %+v", back, s)
	}
}
