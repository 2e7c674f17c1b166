package dialog

import "time"

// on is a day of the conversations' November, at noon in China; negative days
// are of October.
func on(day int) time.Time {
	month := time.November
	if day < 0 {
		month, day = time.October, -day
	}
	return time.Date(2026, month, day, 12, 0, 0, 0, time.FixedZone("", 8*3600))
}

// came is a parcel that was delivered, going one that is on its way.
func came(day int) []Parcel {
	return []Parcel{{Carrier: "顺丰速运", Number: "SF0000001122", Status: "delivered", DeliveredAt: on(day)}}
}

func going(status string) []Parcel {
	return []Parcel{{Carrier: "京东物流", Number: "JD0000009876", Status: status}}
}

func one(name string) []Line { return []Line{{ID: "1", Name: name, Quantity: 1, PriceFen: 19900}} }

// customers are callers with one story each, by what their number ends in.
var customers = map[string][]Order{
	"13811110001": {{Number: "2026111300110001", Status: "delivered", PlacedAt: on(13), PaymentMethod: "alipay", FreightInsured: true, Lines: one("羊绒毛衣"), Parcels: came(14)}},
	"13811110002": {{Number: "2026101500110002", Status: "completed", PlacedAt: on(-15), PaymentMethod: "wechat", Lines: one("运动裤"), Parcels: came(5)}},
	"13811110003": {{Number: "2026101000110003", Status: "completed", PlacedAt: on(-10), PaymentMethod: "card", Lines: one("电饭煲"), Parcels: came(-16)}},
	"13811110004": {{Number: "2026111300110004", Status: "delivered", PlacedAt: on(13), PaymentMethod: "wechat", Lines: one("定制马克杯"), Parcels: came(14)}},
	"13811110005": {{Number: "2026111300110005", Status: "delivered", PlacedAt: on(13), PaymentMethod: "wechat", Lines: one("保湿面膜"), Parcels: came(14)}},
	"13811110006": {{Number: "2026111400110006", Status: "paid", PlacedAt: on(14), PaymentMethod: "alipay", Lines: one("长款风衣")}},
	"13811110007": {{Number: "2026111300110007", Status: "shipped", PlacedAt: on(13), PaymentMethod: "card", Lines: one("折叠跑步机"), Parcels: going("in_transit")}},
	"13811110008": {{Number: "2026110500110008", Status: "shipped", PlacedAt: on(5), PaymentMethod: "wechat", Lines: one("台式电脑"), Parcels: going("in_transit")}},
	"13811110009": {{Number: "2026111300110009", Status: "cancelled", PlacedAt: on(13), PaymentMethod: "wechat", Lines: one("露营帐篷")}},
	"13811110010": {{Number: "2026111300110010", Status: "delivered", PlacedAt: on(13), PaymentMethod: "cod", Lines: one("实木书架"), Parcels: came(14)}},
	"13811110011": {{Number: "2026111200110011", Status: "delivered", PlacedAt: on(12), PaymentMethod: "credit", Parcels: came(14),
		Lines: []Line{{ID: "1", Name: "短款羽绒服", Quantity: 1}, {ID: "2", Name: "羊毛围巾", Quantity: 1}, {ID: "3", Name: "皮手套", Quantity: 1}}}},
	"13811110012": {{Number: "2026110100110012", Status: "delivered", PlacedAt: on(1), PaymentMethod: "card", Lines: one("加湿器"), Parcels: came(3)}},
	"13811110013": {{Number: "2026111300110013", Status: "shipped", PlacedAt: on(13), PaymentMethod: "cod", Lines: one("东北大米"), Parcels: going("out_for_delivery")}},
	"13811110014": {{Number: "2026111200110014", Status: "shipped", PlacedAt: on(12), PaymentMethod: "card", Parcels: append(came(14), going("in_transit")...),
		Lines: []Line{{ID: "1", Name: "升降书桌", Quantity: 1}, {ID: "2", Name: "办公椅", Quantity: 1}}}},
	"13811110015": {{Number: "2026110200110015", Status: "delivered", PlacedAt: on(2), PaymentMethod: "wechat", Lines: one("行李箱"), Parcels: came(4),
		Refunds: []Refund{{Status: "approved", AmountFen: 25900, RequestedAt: on(6), ExpectedAt: on(10)}}}},
	"13811110016": {{Number: "2026110500110016", Status: "paid", PlacedAt: on(5), PaymentMethod: "wechat", Lines: one("投影仪")}},
	"13811110017": {
		{Number: "2026111300110017", Status: "delivered", PlacedAt: on(13), PaymentMethod: "alipay", Lines: one("棉拖鞋"), Parcels: came(14)},
		{Number: "2026111200110117", Status: "shipped", PlacedAt: on(12), PaymentMethod: "alipay", Lines: one("蒸汽熨斗"), Parcels: going("in_transit")},
	},
	"13811110018": {{Number: "2026111300110018", Status: "delivered", PlacedAt: on(13), PaymentMethod: "alipay", Lines: one("空气炸锅"), Parcels: came(14),
		Refunds: []Refund{{Status: "requested", AmountFen: 19900, RequestedAt: on(14)}}}},
	"13811110019": {{Number: "2026111400110019", Status: "shipped", PlacedAt: on(14), PaymentMethod: "alipay", Lines: one("瑜伽垫"), Parcels: going("created")}},
	"13811110020": {{Number: "2026110800110020", Status: "delivered", PlacedAt: on(8), PaymentMethod: "wechat", Lines: one("机械键盘"), Parcels: going("returned"),
		Refunds: []Refund{{Status: "paid", AmountFen: 19900, RequestedAt: on(10), PaidAt: on(13)}}}},
	"13811110021": {{Number: "2026111000110021", Status: "completed", PlacedAt: on(10), PaymentMethod: "wechat", Lines: one("保温壶")}},
	"13811110022": {
		{Number: "2026111300110022", Status: "delivered", PlacedAt: on(13), PaymentMethod: "wechat", Lines: one("牛仔裤"), Parcels: came(14)},
		{Number: "2026111100110122", Status: "delivered", PlacedAt: on(11), PaymentMethod: "wechat", Lines: one("帆布鞋"), Parcels: came(13)},
	},
	"13811110023": {{Number: "2026111300110023", Status: "delivered", PlacedAt: on(13), PaymentMethod: "wechat", Parcels: came(14),
		Lines: []Line{{ID: "1", Name: "精华", Category: "cosmetics", Quantity: 1}, {ID: "2", Name: "礼品卡", Tags: []string{"final_sale"}, Quantity: 1}}}},
}

func init() {
	for phone, orders := range customers {
		shop[phone] = orders
	}
}
