package store

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/tidegate/tidegate/schemas"
)

// SeededCustomer is a customer of the built-in shop with their orders,
// newest first. Numbers and people are invented.
type SeededCustomer struct {
	ID, Name, Phone string
	Orders          []schemas.Order
}

// parcelPlan and the like say times as days before "now", so that a seeded
// order is always as old as its story needs; days after now are negative.
type orderPlan struct {
	number  string
	status  schemas.OrderStatus
	placed  float64
	pay     string
	lines   []schemas.OrderLine
	parcels []parcelPlan
	refunds []refundPlan
}

type parcelPlan struct {
	carrier, no, status string
	shipped, delivered  float64 // 0: not yet
}

type refundPlan struct {
	id, status               string
	fen                      int64
	requested, expected, pay float64 // expected, pay 0: unknown, not yet
}

type customerPlan struct {
	id, name, phone string
	orders          []orderPlan
}

func item(sku, title string, quantity int, fen int64) schemas.OrderLine {
	return schemas.OrderLine{SKU: sku, Title: title, Quantity: quantity, PriceFen: fen}
}

var shop = []customerPlan{
	{"C1001", "张伟", "13800138001", []orderPlan{
		{"20261112003378", schemas.OrderDelivered, 9, "alipay",
			[]schemas.OrderLine{item("COAT-BLK-L", "黑色长款羽绒服 L码", 1, 69900), item("SCARF-GRY", "灰色羊毛围巾", 1, 12900)},
			[]parcelPlan{{"顺丰速运", "SF1400000003378", "delivered", 8, 3}}, nil},
		{"20261028001125", schemas.OrderCompleted, 25, "alipay",
			[]schemas.OrderLine{item("SOCK-5P", "纯棉袜五双装", 2, 3990)},
			[]parcelPlan{{"中通快递", "ZT7200000001125", "delivered", 24, 21}}, nil},
		{"20260706000361", schemas.OrderCompleted, 138, "wechat",
			[]schemas.OrderLine{item("TSHIRT-WHT-L", "白色短袖 L码", 3, 4900)},
			[]parcelPlan{{"圆通速递", "YT6600000000361", "delivered", 137, 134}}, nil},
	}},
	{"C1002", "王芳", "13800138002", []orderPlan{
		{"20261110002816", schemas.OrderDelivered, 11, "wechat",
			[]schemas.OrderLine{item("SHOE-RUN-38", "女款跑步鞋 38码", 1, 45900)},
			[]parcelPlan{{"圆通速递", "YT6600000002816", "returned", 10, 7}},
			[]refundPlan{{"R20261116081", "approved", 45900, 5, -2, 0}}},
		{"20261101000932", schemas.OrderCompleted, 21, "wechat",
			[]schemas.OrderLine{item("LEG-BLK-M", "黑色打底裤 M码", 2, 7900)},
			[]parcelPlan{{"圆通速递", "YT6600000000932", "delivered", 20, 17}},
			[]refundPlan{{"R20261108017", "paid", 7900, 12, 7, 8}}},
	}},
	{"C1003", "李娜", "13800138003", []orderPlan{
		{"20261118005540", schemas.OrderShipped, 3, "wechat",
			[]schemas.OrderLine{item("POT-26", "不粘炒锅 26厘米", 1, 19900)},
			[]parcelPlan{{"京东物流", "JD9900000005540", "in_transit", 2, 0}}, nil},
		{"20261111004406", schemas.OrderDelivered, 10, "card",
			[]schemas.OrderLine{item("QUILT-200", "蚕丝被 两米乘两米三", 1, 129900), item("PILLOW-2", "乳胶枕两只装", 1, 25900)},
			[]parcelPlan{{"德邦快递", "DP3300000004406", "delivered", 9, 5}, {"德邦快递", "DP3300000004407", "delivered", 9, 4}}, nil},
	}},
	{"C1004", "刘洋", "13800138004", []orderPlan{
		{"20261120006671", schemas.OrderPaid, 1, "alipay",
			[]schemas.OrderLine{item("PHONE-CASE", "手机保护壳", 1, 2990), item("CABLE-C", "快充数据线", 2, 1990)}, nil, nil},
		{"20261107004512", schemas.OrderDelivered, 15, "alipay",
			[]schemas.OrderLine{item("LAMP-DESK", "护眼台灯", 1, 18900)},
			[]parcelPlan{{"中通快递", "ZT7200000004512", "delivered", 14, 12}}, nil},
	}},
	{"C1005", "陈静", "13800138005", []orderPlan{
		{"20261113007729", schemas.OrderDelivered, 8, "credit",
			[]schemas.OrderLine{item("COFFEE-M1", "家用咖啡机", 1, 89900)},
			[]parcelPlan{{"顺丰速运", "SF1400000007729", "delivered", 7, 2}},
			[]refundPlan{{"R20261120033", "requested", 89900, 1, 0, 0}}},
		{"20260915000218", schemas.OrderCompleted, 67, "credit",
			[]schemas.OrderLine{item("CUP-SET", "陶瓷杯四件套", 1, 9900)},
			[]parcelPlan{{"中通快递", "ZT7200000000218", "delivered", 66, 62}}, nil},
	}},
	{"C1006", "杨磊", "13800138006", []orderPlan{
		{"20261115008830", schemas.OrderDelivered, 6, "alipay",
			[]schemas.OrderLine{item("DRESS-RED-S", "红色连衣裙 S码", 1, 32900), item("BELT-BRN", "棕色皮带", 1, 8900), item("HAT-WOOL", "羊毛帽", 1, 6900)},
			[]parcelPlan{{"韵达快递", "YD5500000008830", "delivered", 5, 1}}, nil},
		{"20261111003378", schemas.OrderStatusCancelled, 10, "alipay",
			[]schemas.OrderLine{item("TENT-3P", "三人帐篷", 1, 39900)}, nil,
			[]refundPlan{{"R20261112005", "paid", 39900, 9, 7, 8}}},
		{"20261005000450", schemas.OrderCompleted, 47, "alipay",
			[]schemas.OrderLine{item("BOOT-BRN-42", "棕色皮靴 42码", 1, 52900)},
			[]parcelPlan{{"韵达快递", "YD5500000000450", "delivered", 46, 43}}, nil},
	}},
	{"C1007", "赵敏", "13800138007", []orderPlan{
		{"20261117009914", schemas.OrderShipped, 4, "cod",
			[]schemas.OrderLine{item("RICE-10K", "东北大米 十公斤", 2, 7990)},
			[]parcelPlan{{"极兔速递", "JT8800000009914", "out_for_delivery", 3, 0}}, nil},
		{"20261109002051", schemas.OrderDelivered, 12, "wechat",
			[]schemas.OrderLine{item("EAR-BT", "蓝牙耳机", 1, 29900)},
			[]parcelPlan{{"京东物流", "JD9900000002051", "delivered", 11, 9}},
			[]refundPlan{{"R20261114052", "rejected", 29900, 7, 0, 0}}},
	}},
	{"C1008", "周涛", "13800138008", []orderPlan{
		{"20261114010086", schemas.OrderDelivered, 7, "wechat",
			[]schemas.OrderLine{item("VASE-BLU", "青花瓷花瓶", 1, 15900)},
			[]parcelPlan{{"顺丰速运", "SF1400000010086", "delivered", 6, 2}}, nil},
		{"20261112010011", schemas.OrderShipped, 9, "card",
			[]schemas.OrderLine{item("DESK-140", "升降书桌 一米四", 1, 159900), item("CHAIR-MESH", "网布办公椅", 1, 69900)},
			[]parcelPlan{{"德邦快递", "DP3300000010011", "delivered", 8, 5}, {"德邦快递", "DP3300000010012", "in_transit", 8, 0}}, nil},
		{"20261110010203", schemas.OrderDelivered, 11, "alipay",
			[]schemas.OrderLine{item("TOY-BLOCK", "儿童积木一千块", 1, 19900)},
			[]parcelPlan{{"中通快递", "ZT7200000010203", "delivered", 10, 5}}, nil},
		{"20260820000077", schemas.OrderCompleted, 93, "alipay",
			[]schemas.OrderLine{item("FAN-USB", "桌面小风扇", 1, 5900)},
			[]parcelPlan{{"中通快递", "ZT7200000000077", "delivered", 92, 89}}, nil},
	}},
	{"C1010", "郑凯", "13800138010", []orderPlan{
		{"20261113006120", schemas.OrderShipped, 8, "wechat", // late: under way for a week
			[]schemas.OrderLine{item("KETTLE-17", "电热水壶", 1, 12900)},
			[]parcelPlan{{"中通快递", "ZT7200000006120", "in_transit", 7, 0}}, nil},
	}},
	{"C1011", "孙丽", "13800138011", []orderPlan{
		{"20261104007315", schemas.OrderDelivered, 17, "wechat", // its money is overdue
			[]schemas.OrderLine{item("CARDI-BEI", "米色针织衫", 1, 25900)},
			[]parcelPlan{{"圆通速递", "YT6600000007315", "returned", 16, 13}},
			[]refundPlan{{"R20261109044", "approved", 25900, 12, 4, 0}}},
	}},
	{"C1012", "何军", "13800138012", []orderPlan{
		{"20261120006698", schemas.OrderPaid, 1, "wechat",
			[]schemas.OrderLine{item("TOWEL-3", "纯棉毛巾三条装", 1, 4990), item("SHAMPOO-5", "洗发水 五百毫升", 2, 3990)}, nil, nil},
	}},
	{"C1009", "吴桂英", "13800138009", nil}, // a caller who never bought anything
}

// addresses are where the orders were sent to whose senders tell.
var addresses = map[string]string{
	"20261112003378": "上海市黄浦区中山路128号5栋402室", "20261110002816": "浙江省杭州市西湖区文三路25号3单元501室",
	"20261113007729": "北京市朝阳区幸福小区6号楼1203室", "20261115008830": "广东省广州市天河区天河路385号2608室",
	"20261114010086": "四川省成都市武侯区人民南路四段27号",
}

// insured are orders that were bought with freight insurance.
var insured = []string{"20261115008830", "20261118005540"}

// sorts are what rules ask about goods.
var sorts = map[string]struct {
	category string
	tags     []string
}{
	"EAR-BT":   {"electronics", []string{"hygiene"}},
	"SOCK-5P":  {"clothing", []string{"hygiene"}},
	"RICE-10K": {"food", nil},
}

// levels are those of customers that the shop holds dear.
var levels = map[string]string{"C1003": "gold"}

// SeededCustomers lists the built-in shop as it stands at now: the same now
// gives the same shop.
func SeededCustomers(now time.Time) []SeededCustomer {
	var out []SeededCustomer
	for _, c := range shop {
		sc := SeededCustomer{ID: c.id, Name: c.name, Phone: c.phone}
		for _, p := range c.orders {
			o := p.order(now)
			o.CustomerName, o.CustomerLevel = c.name, levels[c.id]
			sc.Orders = append(sc.Orders, o)
		}
		slices.SortFunc(sc.Orders, func(a, b schemas.Order) int { return b.PlacedAt.Compare(a.PlacedAt) })
		out = append(out, sc)
	}
	return out
}

func daysBefore(now time.Time, days float64) time.Time {
	return stamp(now).Truncate(time.Minute).Add(-time.Duration(days * 24 * float64(time.Hour)))
}

func daysBeforePtr(now time.Time, days float64) *time.Time {
	if days == 0 {
		return nil
	}
	t := daysBefore(now, days)
	return &t
}

func (p orderPlan) order(now time.Time) schemas.Order {
	o := schemas.Order{Number: p.number, Status: p.status, PlacedAt: daysBefore(now, p.placed), PaymentMethod: p.pay,
		FreightInsured: slices.Contains(insured, p.number), Address: addresses[p.number]}
	for i, l := range p.lines {
		l.ID = string(rune('1' + i))
		l.Category, l.Tags = sorts[l.SKU].category, slices.Clone(sorts[l.SKU].tags)
		o.Lines = append(o.Lines, l)
		o.TotalFen += l.PriceFen * int64(l.Quantity)
	}
	for _, x := range p.parcels {
		o.Parcels = append(o.Parcels, schemas.Parcel{
			Carrier: x.carrier, TrackingNo: x.no, Status: x.status,
			ShippedAt: daysBeforePtr(now, x.shipped), DeliveredAt: daysBeforePtr(now, x.delivered),
		})
	}
	if p.pay != "cod" {
		paidAt := o.PlacedAt.Add(time.Minute)
		o.Payments = []schemas.Payment{{ID: "P" + p.number, Method: p.pay, Status: "paid", AmountFen: o.TotalFen, PaidAt: &paidAt}}
	}
	for _, f := range p.refunds {
		o.Refunds = append(o.Refunds, schemas.Refund{
			ID: f.id, Status: f.status, AmountFen: f.fen, Method: p.pay, RequestedAt: daysBefore(now, f.requested),
			ExpectedAt: daysBeforePtr(now, f.expected), PaidAt: daysBeforePtr(now, f.pay),
		})
	}
	return o
}

// Seed writes the built-in shop as it stands at now. Seeding again brings the
// same rows to the new now, so that a delivery of three days ago stays one,
// and touches no others.
func (s *Store) Seed(ctx context.Context, now time.Time) error {
	return s.inTx(ctx, opSeed, func(tx *gorm.DB) error {
		for _, c := range SeededCustomers(now) {
			row := customerRow{ID: c.ID, Name: c.Name, Phone: c.Phone, Level: levels[c.ID], CreatedAt: daysBefore(now, 365)}
			if err := upsert(tx, &row); err != nil {
				return err
			}
			for _, o := range c.Orders {
				if err := putOrder(tx, c.ID, o); err != nil {
					return err
				}
				if err := putTraces(tx, seededTraces(o)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// putOrder writes one order of a customer, over an earlier one of its number.
func putOrder(tx *gorm.DB, customerID string, o schemas.Order) error {
	rows := []any{&orderRow{
		Number: o.Number, NumberReversed: reversed(o.Number), CustomerID: customerID, Status: string(o.Status),
		PlacedAt: stamp(o.PlacedAt), PaymentMethod: o.PaymentMethod, TotalFen: o.TotalFen, FreightInsured: o.FreightInsured, Address: o.Address,
	}}
	for i, l := range o.Lines {
		rows = append(rows, &lineRow{OrderNumber: o.Number, ID: l.ID, Position: i, SKU: l.SKU, Title: l.Title, Quantity: l.Quantity, PriceFen: l.PriceFen, Category: l.Category, Tags: l.Tags})
	}
	for _, p := range o.Parcels {
		rows = append(rows, &parcelRow{
			TrackingNo: p.TrackingNo, OrderNumber: o.Number, Carrier: p.Carrier, Status: p.Status,
			ShippedAt: stampPtr(p.ShippedAt), DeliveredAt: stampPtr(p.DeliveredAt),
		})
	}
	for _, p := range o.Payments {
		rows = append(rows, &paymentRow{ID: p.ID, OrderNumber: o.Number, Method: p.Method, Status: p.Status, AmountFen: p.AmountFen, PaidAt: stampPtr(p.PaidAt)})
	}
	for _, f := range o.Refunds {
		rows = append(rows, &refundRow{
			ID: f.ID, OrderNumber: o.Number, Status: f.Status, AmountFen: f.AmountFen, Method: f.Method,
			RequestedAt: stamp(f.RequestedAt), ExpectedAt: stampPtr(f.ExpectedAt), PaidAt: stampPtr(f.PaidAt),
		})
	}
	for _, row := range rows {
		if err := upsert(tx, row); err != nil {
			return err
		}
	}
	return nil
}

// seededTraces makes up the ways of an order's parcels.
func seededTraces(o schemas.Order) []schemas.ParcelTrace {
	var out []schemas.ParcelTrace
	for _, p := range o.Parcels {
		t := schemas.ParcelTrace{TrackingNo: p.TrackingNo}
		if p.ShippedAt != nil {
			t.Events = append(t.Events, schemas.TraceEvent{At: *p.ShippedAt, Text: p.Carrier + "已揽收"},
				schemas.TraceEvent{At: p.ShippedAt.Add(9 * time.Hour), Text: "快件已到达转运中心"})
		}
		if p.DeliveredAt != nil {
			t.Events = append(t.Events, schemas.TraceEvent{At: p.DeliveredAt.Add(-3 * time.Hour), Text: "快递员正在派送"},
				schemas.TraceEvent{At: *p.DeliveredAt, Text: "快件已签收"})
		}
		out = append(out, t)
	}
	return out
}

func upsert(tx *gorm.DB, row any) error {
	return tx.Omit(clause.Associations).Clauses(clause.OnConflict{UpdateAll: true}).Create(row).Error
}
