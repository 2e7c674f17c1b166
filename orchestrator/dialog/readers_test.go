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

func TestPlaceAndTime(t *testing.T) {
	f, err := pickupFlow(t)
	if err != nil {
		t.Fatal(err)
	}
	const begin = "我要退货，太小了，收到了"
	for name, c := range map[string]struct {
		turns []exchange
		slots map[string]string
	}{
		"one after the other": {[]exchange{
			{Say: begin, Bot: []string{"offer_order_return"}},
			{Say: "是的", Bot: []string{"ask_address"}},
			{Say: "我住在上海市浦东新区世纪大道一二八八号，四零二室", Bot: []string{"address_got", "ask_pickup_time"}, Text: []string{"好的，上海市浦东新区世纪大道，幺二八八号四零二室。"}},
			{Say: "明天下午三点到五点", Bot: []string{"confirm_pickup"}, Text: []string{"明天下午三点到五点，到上海市浦东新区世纪大道，幺二八八号四零二室取件"}},
			{Say: "不对，是后天上午", Bot: []string{"confirm_pickup"}, Text: []string{"后天上午九点到中午十二点"}},
		}, map[string]string{"address": "上海市浦东新区世纪大道1288号402室", "pickup_time": "2026-11-17T09:00+08:00/2026-11-17T12:00+08:00"}},
		"both in advance": {[]exchange{
			{Say: "我要退货太小了收到了，明天下午上门取件，地址是杭州市西湖区文三路25号", Bot: []string{"offer_order_return"}},
			{Say: "嗯", Bot: []string{"confirm_pickup"}, Text: []string{"明天下午两点到六点", "文三路，二十五号"}},
			{Say: "不对，地址是杭州市西湖区文三路52号", Bot: []string{"confirm_pickup"}, Text: []string{"五十二号"}},
		}, map[string]string{"address": "杭州市西湖区文三路52号"}},
		"by key, a day alone, and what is neither": {[]exchange{
			{Say: begin, Bot: []string{"offer_order_return"}},
			{Say: "是的", Bot: []string{"ask_address"}},
			{Say: "嗯这个嘛", Bot: []string{"bridge_miss", "ask_address"}},
			{Say: "幸福小区3号楼", Bot: []string{"address_got", "ask_pickup_time"}},
			{Say: "昨天下午", Bot: []string{"bridge_miss", "ask_pickup_time"}},
			{Keys: "2", Bot: []string{"confirm_pickup"}, Text: []string{"明天下午两点到六点"}},
			{Say: "周六吧", Bot: []string{"confirm_pickup"}, Text: []string{"十一月二十一号下午两点到六点"}},
		}, map[string]string{"address": "幸福小区3号楼"}},
		"times of other things": {[]exchange{
			{Say: "我要退货，上周五下午买的，太小了，收到了", Bot: []string{"offer_order_return"}},
			{Say: "对，周五下午买的那个", Bot: []string{"ask_address"}},
		}, map[string]string{"address": "", "pickup_time": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			c := conversation{From: "13800000001", Turns: c.turns, Slots: c.slots, Outcome: OutcomeUnfinished}
			c.Turns = append([]exchange{{Bot: []string{"greeting", "ask_intent"}}}, c.Turns...)
			c.runIn(t, f)
		})
	}
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
