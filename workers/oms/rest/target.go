package rest

import "github.com/tidegate/tidegate/schemas"

type kind int

const (
	kindText kind = iota
	kindCount
	kindMoney
	kindTime
	kindFlag
	kindTexts
	kindList
)

// target is one of our fields: what a value has to become.
type target struct {
	name     string
	kind     kind
	required bool
	enum     []string
	max      int // characters of a text; longer ones are cut
	of       []target
}

var (
	orderStates   = []string{string(schemas.OrderPaid), string(schemas.OrderShipped), string(schemas.OrderDelivered), string(schemas.OrderCompleted), string(schemas.OrderStatusCancelled)}
	payMethods    = []string{"alipay", "wechat", "card", "credit", "cod"}
	parcelStates  = []string{"created", "in_transit", "out_for_delivery", "delivered", "returned"}
	refundStates  = []string{"requested", "approved", "paid", "rejected"}
	paymentStates = []string{"pending", "paid", "failed", "refunded"}
	writeStates   = []string{string(schemas.WriteDone), string(schemas.WriteRequested), string(schemas.WriteRefused)}
	refusalCodes  = []string{
		string(schemas.RefusedNotShipped), string(schemas.RefusedNotDelivered), string(schemas.RefusedAlreadyShipped), string(schemas.RefusedAlreadyDelivered),
		string(schemas.RefusedAlreadyDone), string(schemas.RefusedNotAllowed), string(schemas.RefusedTooLate), string(schemas.RefusedOther),
	}
)

var refundTarget = []target{
	{name: "id", required: true}, {name: "status", required: true, enum: refundStates}, {name: "amount_fen", kind: kindMoney, required: true},
	{name: "method"}, {name: "requested_at", kind: kindTime, required: true}, {name: "expected_at", kind: kindTime}, {name: "paid_at", kind: kindTime},
}

// checkPhone is a field of no order: it is compared with the number that was
// asked for, and dropped.
const checkPhone = "phone"

var orderTarget = []target{
	{name: "number", required: true, max: 64}, {name: "status", required: true, enum: orderStates}, {name: "placed_at", kind: kindTime, required: true},
	{name: "customer_name", max: 64}, {name: "payment_method", enum: payMethods}, {name: "total_fen", kind: kindMoney, required: true},
	{name: "freight_insured", kind: kindFlag}, {name: "address", max: 200}, {name: checkPhone},
	{name: "lines", kind: kindList, required: true, of: []target{
		{name: "id", required: true, max: 64}, {name: "sku", max: 64}, {name: "title", required: true, max: 200}, {name: "quantity", kind: kindCount, required: true},
		{name: "price_fen", kind: kindMoney, required: true}, {name: "category", max: 64}, {name: "tags", kind: kindTexts},
	}},
	{name: "parcels", kind: kindList, of: []target{
		{name: "carrier", max: 64}, {name: "tracking_no", required: true, max: 64}, {name: "status", required: true, enum: parcelStates},
		{name: "shipped_at", kind: kindTime}, {name: "delivered_at", kind: kindTime},
	}},
	{name: "payments", kind: kindList, of: []target{
		{name: "id", required: true}, {name: "method"}, {name: "status", required: true, enum: paymentStates},
		{name: "amount_fen", kind: kindMoney, required: true}, {name: "paid_at", kind: kindTime},
	}},
	{name: "refunds", kind: kindList, of: refundTarget},
}

var traceTarget = []target{
	{name: "order_number", max: 64}, {name: "carrier", max: 64}, {name: "tracking_no", required: true, max: 64}, {name: "status", required: true, enum: parcelStates},
	{name: "expected_at", kind: kindTime},
	{name: "events", kind: kindList, required: true, of: []target{
		{name: "at", kind: kindTime, required: true}, {name: "text", required: true, max: 500}, {name: "place", max: 200},
	}},
}

var writeTarget = []target{
	{name: "status", required: true, enum: writeStates}, {name: "code", enum: refusalCodes}, {name: "reason", max: 500}, {name: "at", kind: kindTime},
}

var returnTarget = append([]target{{name: "number", max: 64}, {name: "address", max: 200}, {name: "pickup_code", max: 32}}, writeTarget...)

// targetOf is what an operation's map fills.
func targetOf(op string) []target {
	switch op {
	case opFindByPhone, opFindByNumber, opFindByDigits, opOrder:
		return orderTarget
	case opTrace:
		return traceTarget
	case opRefunds:
		return refundTarget
	case opReturn:
		return returnTarget
	case opCancel, opIntercept:
		return writeTarget
	}
	return nil
}
