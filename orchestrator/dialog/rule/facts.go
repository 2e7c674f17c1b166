package rule

import (
	"strings"
	"time"
)

// Facts are the variables of a rule, by the names in their tags. Times are in
// the flow's zone; the zero time, "" and Unknown stand for what nobody knows.
type Facts struct {
	// Now is when the caller speaks: an input, never a clock.
	Now     time.Time         `expr:"now"`
	Order   Order             `expr:"order"`
	Line    Line              `expr:"line"`
	Parcel  Parcel            `expr:"parcel"`
	Refund  Refund            `expr:"refund"`
	Slots   map[string]string `expr:"slots"`
	Terms   Terms             `expr:"terms"`
	Holiday Holiday           `expr:"holiday"`
	Call    Call              `expr:"call"`
}

// Unknown is the number of days since something that is not known.
const Unknown = -1

// Order is the order in hand.
type Order struct {
	Found bool `expr:"found"`
	// Status is one of schemas.OrderStatus, or "".
	Status    string    `expr:"status"`
	Placed    time.Time `expr:"placed"`
	Delivered time.Time `expr:"delivered"`
	// DaysPlaced and DaysDelivered are calendar days until now, or Unknown.
	DaysPlaced    int    `expr:"days_placed"`
	DaysDelivered int    `expr:"days_delivered"`
	PaidFen       int    `expr:"paid_fen"`
	Payment       string `expr:"payment"`
	// Insured: the buyer has freight insurance for sending things back.
	Insured bool `expr:"insured"`
	Lines   int  `expr:"lines"`
}

// Line is the article in hand. When several are, a rule is asked for each.
type Line struct {
	Name     string   `expr:"name"`
	Category string   `expr:"category"`
	Tags     []string `expr:"tags"`
	PriceFen int      `expr:"price_fen"`
	Quantity int      `expr:"quantity"`
}

// Parcel is the shipment that is least far on its way.
type Parcel struct {
	Known   bool   `expr:"known"`
	Status  string `expr:"status"`
	Carrier string `expr:"carrier"`
	Count   int    `expr:"count"`
	Arrived int    `expr:"arrived"`
}

// Refund is the order's latest refund; its Status is "none" without one.
type Refund struct {
	Status    string `expr:"status"`
	AmountFen int    `expr:"amount_fen"`
	// DaysOverdue is how many calendar days ago it should have come; 0 up to
	// that day, and when nobody knows the day.
	DaysOverdue int `expr:"days_overdue"`
}

// Terms are the shop's numbers and lists, data of the flow.
type Terms struct {
	ReturnDays  int `expr:"return_days" yaml:"return_days"`
	QualityDays int `expr:"quality_days" yaml:"quality_days"`
	// LateDays is after how many days a delivery is late.
	LateDays int `expr:"late_days" yaml:"late_days"`
	// FinalWords and FinalTags name goods that are not taken back without a
	// fault, by words in their name and by tags or categories. SealedWords and
	// SealedTags are those that are not once they were opened.
	FinalWords  []string `expr:"final_words" yaml:"final_words"`
	FinalTags   []string `expr:"final_tags" yaml:"final_tags"`
	SealedWords []string `expr:"sealed_words" yaml:"sealed_words"`
	SealedTags  []string `expr:"sealed_tags" yaml:"sealed_tags"`
	// Pickup: couriers call for what goes back, from PickupFrom to PickupUntil
	// o'clock, up to PickupDays days ahead.
	Pickup      bool `expr:"pickup" yaml:"pickup"`
	PickupFrom  int  `expr:"pickup_from" yaml:"pickup_from"`
	PickupUntil int  `expr:"pickup_until" yaml:"pickup_until"`
	PickupDays  int  `expr:"pickup_days" yaml:"pickup_days"`
}

// Holiday is the festival that the order was placed in, if any.
type Holiday struct {
	Name string `expr:"name"`
	// Extended is true up to the day until which goods bought in it may go
	// back; Until is that day.
	Extended bool      `expr:"extended"`
	Until    time.Time `expr:"until"`
}

// Call is what this call has come to so far.
type Call struct {
	Complaints int `expr:"complaints"`
	Tickets    int `expr:"tickets"`
	// About is the request in hand, or the one that a question interrupts.
	About string `expr:"about"`
}

// Days counts calendar days from one time to another, in the zone of the
// second; Unknown when either is zero.
func (Facts) Days(from, to time.Time) int {
	if from.IsZero() || to.IsZero() {
		return Unknown
	}
	return int(midnight(to, to.Location()).Sub(midnight(from, to.Location())).Hours() / 24)
}

// midnight is the date of t in a zone, as a time that days can be counted by.
func midnight(t time.Time, zone *time.Location) time.Time {
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// Names says whether any of the words is in a text.
func (Facts) Names(text string, words []string) bool {
	for _, w := range words {
		if w != "" && strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// Tagged says whether an article has any of the tags, or is of such a
// category.
func (Facts) Tagged(line Line, tags []string) bool {
	for _, tag := range tags {
		if tag == line.Category && tag != "" {
			return true
		}
		for _, has := range line.Tags {
			if has == tag {
				return true
			}
		}
	}
	return false
}
