package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// told is what a notification tells beside its ticket; it is kept with it,
// sealed, so that a repeat says the same.
type told struct {
	Status        schemas.TicketStatus `json:"status,omitempty"`
	ReturnNumber  string               `json:"return_number,omitempty"`
	ReturnAddress string               `json:"return_address,omitempty"`
	PickupCode    string               `json:"pickup_code,omitempty"`
	At            time.Time            `json:"at"`
}

// Occasion is what a message is composed of.
type Occasion struct {
	Key      string
	Event    string // of Events
	Tenant   string
	Language string // the caller's; "" when it is not known
	Ticket   store.Ticket
	told     told
}

// Composed is a message with everything that is in it.
type Composed struct {
	Key      string
	Channel  string
	Language string
	Text     string // with what the gateway puts before it and the way out after it
	Phone    string // "" for a company's people
	Kind     string // of number
	data     map[string]any
}

// what is said of kinds and statuses, by language.
var words = map[string]map[string]string{
	Chinese: {
		"return": "退货", "refund": "退款", "exchange": "换货", "cancel": "取消订单", "complaint": "投诉", "inquiry": "咨询",
		"open": "已受理", "assigned": "已安排专人", "in_progress": "处理中", "waiting_customer": "等您回复", "waiting_approval": "审核中",
		"resolved": "已处理好", "closed": "已完成", "reopened": "重新处理中", "cancelled": "已取消",
	},
	English: {
		"return": "return", "refund": "refund", "exchange": "exchange", "cancel": "cancellation", "complaint": "complaint", "inquiry": "question",
		"open": "received", "assigned": "with a colleague", "in_progress": "being worked on", "waiting_customer": "waiting for you",
		"waiting_approval": "being checked", "resolved": "done", "closed": "closed", "reopened": "open again", "cancelled": "cancelled",
	},
}

// data is what texts and requests see. Nothing in it is missing: what is not
// known is empty, so that a file that is right for one ticket is for all.
func (s *Spec) data(o Occasion, channel, lang string) (map[string]any, kind) {
	t := o.Ticket
	status := o.told.Status
	if status == "" {
		status = t.Status
	}
	numberKind, phone := kindOf(t.Contact)
	e164 := ""
	switch numberKind {
	case mobile:
		e164 = "+86" + phone
	case foreign:
		e164 = "+" + strings.TrimPrefix(phone, "00")
	}
	pickup := map[string]any{"code": o.told.PickupCode, "from": "", "until": "", "address": ""}
	if p := t.Pickup; p != nil {
		pickup["from"], pickup["until"], pickup["address"] = p.From.UTC().Format(time.RFC3339), p.Until.UTC().Format(time.RFC3339), p.Address
	}
	data := map[string]any{
		"key": o.Key, "tenant": label(o.Tenant), "event": o.Event, "channel": channel, "language": lang, "brand": s.Brand,
		"at": o.told.At.UTC().Format(time.RFC3339), "to": phone, "to_e164": e164, "caller": obs.Phone(phone).String(),
		"ticket": map[string]any{
			"number": t.Number, "kind": string(t.Kind), "kind_text": words[lang][string(t.Kind)], "status": string(status),
			"status_text": words[lang][string(status)], "order_number": t.OrderNumber, "group": string(t.Group), "priority": string(t.Priority),
		},
		"return": map[string]any{"number": o.told.ReturnNumber, "address": o.told.ReturnAddress},
		"pickup": pickup,
	}
	if g := s.Gateways[channel]; g != nil && g.To == toTeam {
		// A group of people reads this; they look the number up.
		data["to"], data["to_e164"], pickup["address"] = "", "", ""
	}
	return data, numberKind
}

// errNothing: the file does not say anything of this.
var errNothing = errors.New("nothing is said of this")

// compose makes the message of an occasion. Errors name the key in the file.
func (s *Spec) compose(o Occasion, channel string) (*Composed, error) {
	m, g := s.Events[o.Event][channel], s.Gateways[channel]
	if m == nil || g == nil {
		return nil, errNothing
	}
	lang := s.language(m, o.Language)
	data, numberKind := s.data(o, channel, lang)
	key := "events." + o.Event + "." + channel
	text, err := m.Text[lang].Render(data)
	if err != nil {
		return nil, fmt.Errorf("%s.text.%s: %w", key, lang, err)
	}
	text = strings.TrimSpace(text)
	params := map[string]any{}
	for name, t := range m.Params {
		if params[name], err = t.Render(data); err != nil {
			return nil, fmt.Errorf("%s.params.%s: %w", key, name, err)
		}
	}
	if more := g.OptOutText[lang]; more != "" {
		text += more
	}
	data["text"], data["params"], data["template"] = text, params, m.Template[lang]
	out := &Composed{Key: o.Key, Channel: channel, Language: lang, Text: g.Signature + text, Kind: string(numberKind), data: data}
	if g.To == toCaller {
		out.Phone, _ = data["to"].(string)
	}
	if _, err := g.Send.Render("gateways."+channel+".send", data); err != nil {
		var e *restcall.Error
		if errors.As(err, &e) {
			err = fmt.Errorf("gateways.%s.send.%s", channel, e.Detail)
		}
		return nil, err
	}
	return out, nil
}

// wanted says whether the file has something to say of an occasion.
func (s *Spec) wanted(o Occasion, channel string) (bool, error) {
	m := s.Events[o.Event][channel]
	if m == nil {
		return false, nil
	}
	if !m.When.Set() {
		return true, nil
	}
	data, _ := s.data(o, channel, s.language(m, o.Language))
	v, err := m.When.Search(data)
	if err != nil {
		return false, fmt.Errorf("events.%s.%s.when: %w", o.Event, channel, err)
	}
	yes, _ := v.(bool)
	return yes, nil
}

// Compose makes the message of an occasion over a channel.
func (c *Connection) Compose(o Occasion, channel string) (*Composed, error) {
	out, err := c.Spec.compose(o, channel)
	if errors.Is(err, errNothing) {
		return nil, fmt.Errorf("events.%s.%s: %w", o.Event, channel, err)
	}
	return out, err
}

// Sample is an occasion of nobody, with everything that may be there, or with
// nothing that need not.
func Sample(event, lang string, full bool, now time.Time) Occasion {
	o := Occasion{Key: store.NotifyID("sample"+now.Format(time.RFC3339Nano), event, "", ""), Event: event, Language: lang, told: told{At: now}}
	o.Ticket = store.Ticket{Number: "62084713", Kind: schemas.KindReturn, Status: schemas.StatusOpen, Contact: "13800138000"}
	if status, ok := strings.CutPrefix(event, statusPrefix); ok {
		o.told.Status = schemas.TicketStatus(status)
	}
	if full {
		o.Ticket.OrderNumber, o.Ticket.Group, o.Ticket.Priority = "20261112003378", schemas.GroupAfterSales, schemas.PriorityNormal
		from := now.Add(24 * time.Hour).Truncate(time.Hour)
		o.Ticket.Pickup = &schemas.Pickup{From: from, Until: from.Add(2 * time.Hour), Address: "上海市浦东新区世纪大道100号"}
		o.told.ReturnNumber, o.told.ReturnAddress, o.told.PickupCode = "RMA2026112001", "杭州市余杭区文一西路969号3号仓", "8-2-3306"
	}
	return o
}

// For gives a sample to another number.
func (o Occasion) For(phone string) Occasion {
	o.Ticket.Contact = phone
	return o
}

func (t told) json() (json.RawMessage, error) { return json.Marshal(t) }

func readTold(data json.RawMessage) (told, error) {
	var t told
	if err := json.Unmarshal(data, &t); err != nil {
		return t, fmt.Errorf("%w: what is told cannot be read", store.ErrInvalid)
	}
	return t, nil
}
