package dialog

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// callDay, shop and byNumber are those of the shipped conversations. Package
// conversation reads them properly; its import here would be a circle.
var callDay, shop, byNumber = func() (time.Time, map[string][]Order, []Order) {
	var s struct {
		Now     time.Time          `json:"now"`
		Callers map[string][]Order `json:"callers"`
		Others  []Order            `json:"others"`
	}
	data, err := embedded.ReadFile(shipped + "/" + ConversationsFolder + "/shop.yaml")
	if err != nil {
		panic(err)
	}
	js, err := yaml.YAMLToJSON(data)
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(js, &s); err != nil {
		panic(err)
	}
	return s.Now, s.Callers, s.Others
}()

func mustJSON(t *testing.T, v any) string {
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
