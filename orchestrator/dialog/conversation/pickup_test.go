package conversation

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// pickupFlow is the default flow with questions for a place and a time, and
// its shop.
func pickupFlow(t *testing.T) (*dialog.Flow, Shop) {
	t.Helper()
	folder, err := dialog.ShippedFlow("returns/zh-CN")
	if err != nil {
		t.Fatal(err)
	}
	more, err := os.ReadFile("../testdata/pickup.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m := fstest.MapFS{"pickup.yaml": {Data: more}}
	names, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(folder, name)
		if err != nil {
			t.Fatal(err)
		}
		if name == "tasks.yaml" {
			data = []byte(strings.NewReplacer("slots: [order, line, reason, received", "slots: [order, line, reason, received, address, pickup_time",
				"    ask: confirm_return\n", "    ask: confirm_pickup\n").Replace(string(data)))
		}
		m[name] = &fstest.MapFile{Data: data}
	}
	f, err := dialog.LoadFlow(m, ".")
	if err != nil {
		t.Fatal(err)
	}
	shop, err := LoadShop(folder, dialog.ConversationsFolder+"/"+ShopFile)
	if err != nil {
		t.Fatal(err)
	}
	return f, shop
}

func TestPlaceAndTime(t *testing.T) {
	f, shop := pickupFlow(t)
	const begin = "我要退货，太小了，收到了"
	for name, c := range map[string]struct {
		turns []Exchange
		slots map[string]string
	}{
		"one after the other": {[]Exchange{
			{Say: begin, Bot: []string{"offer_order_return"}},
			{Say: "是的", Bot: []string{"ask_address"}},
			{Say: "我住在上海市浦东新区世纪大道一二八八号，四零二室", Bot: []string{"address_got", "ask_pickup_time"}, Text: []string{"好的，上海市浦东新区世纪大道，幺二八八号四零二室。"}},
			{Say: "明天下午三点到五点", Bot: []string{"confirm_pickup"}, Text: []string{"明天下午三点到五点，到上海市浦东新区世纪大道，幺二八八号四零二室取件"}},
			{Say: "不对，是后天上午", Bot: []string{"confirm_pickup"}, Text: []string{"后天上午九点到中午十二点"}},
		}, map[string]string{"address": "上海市浦东新区世纪大道1288号402室", "pickup_time": "2026-11-17T09:00+08:00/2026-11-17T12:00+08:00"}},
		"both in advance": {[]Exchange{
			{Say: "我要退货太小了收到了，明天下午上门取件，地址是杭州市西湖区文三路25号", Bot: []string{"offer_order_return"}},
			{Say: "嗯", Bot: []string{"confirm_pickup"}, Text: []string{"明天下午两点到六点", "文三路，二十五号"}},
			{Say: "不对，地址是杭州市西湖区文三路52号", Bot: []string{"confirm_pickup"}, Text: []string{"五十二号"}},
		}, map[string]string{"address": "杭州市西湖区文三路52号"}},
		"by key, a day alone, and what is neither": {[]Exchange{
			{Say: begin, Bot: []string{"offer_order_return"}},
			{Say: "是的", Bot: []string{"ask_address"}},
			{Say: "嗯这个嘛", Bot: []string{"bridge_miss", "ask_address"}},
			{Say: "幸福小区3号楼", Bot: []string{"address_got", "ask_pickup_time"}},
			{Say: "昨天下午", Bot: []string{"bridge_miss", "ask_pickup_time"}},
			{Keys: "2", Bot: []string{"confirm_pickup"}, Text: []string{"明天下午两点到六点"}},
			{Say: "周六吧", Bot: []string{"confirm_pickup"}, Text: []string{"十一月二十一号下午两点到六点"}},
		}, map[string]string{"address": "幸福小区3号楼"}},
		"times of other things": {[]Exchange{
			{Say: "我要退货，上周五下午买的，太小了，收到了", Bot: []string{"offer_order_return"}},
			{Say: "对，周五下午买的那个", Bot: []string{"ask_address"}},
		}, map[string]string{"address": "", "pickup_time": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			turns := append([]Exchange{{Bot: []string{"greeting", "ask_intent"}}}, c.turns...)
			for _, failure := range Run(f, shop, Conversation{From: "13800000001", Turns: turns, Slots: c.slots, Outcome: dialog.OutcomeUnfinished}).Failures {
				t.Error(failure)
			}
		})
	}
}
