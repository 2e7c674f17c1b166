package console

import (
	"time"

	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

type ticketView struct {
	ID            string `json:"id"`
	Number        string `json:"number"`
	CallID        string `json:"call_id"`
	Kind          string `json:"kind"`
	Group         string `json:"group"`
	Status        string `json:"status"`
	OrderNumber   string `json:"order_number"`
	OrderVerified bool   `json:"order_verified"`
	OrderLine     string `json:"order_line,omitempty"`
	Reason        string `json:"reason,omitempty"`
	ReasonText    string `json:"reason_text,omitempty"`
	Received      *bool  `json:"received,omitempty"`
	ContactMasked string `json:"contact_masked"`
	Contact       string `json:"contact,omitempty"`
	Summary       string `json:"summary,omitempty"`
	TranscriptURL string `json:"transcript_url,omitempty"`
	// Pickup and Contact are in details only, for who may see them.
	Pickup      *schemas.Pickup `json:"pickup,omitempty"`
	RequestedAt time.Time       `json:"requested_at"`
	OpenedAt    time.Time       `json:"opened_at"`
}

func viewTicket(t store.Ticket, personal bool) ticketView {
	v := ticketView{
		ID: t.ID, Number: t.Number, CallID: t.CallID, Kind: string(t.Kind), Group: string(t.Group), Status: string(t.Status),
		OrderNumber: t.OrderNumber, OrderVerified: t.OrderVerified, OrderLine: t.OrderLine, Reason: t.Reason, ReasonText: shownText(t.ReasonText, personal),
		Received: t.Received, ContactMasked: obs.Phone(t.Contact).String(), Summary: shownText(t.Summary, personal), TranscriptURL: t.TranscriptURL,
		RequestedAt: t.RequestedAt, OpenedAt: t.OpenedAt,
	}
	if personal {
		v.Contact, v.Pickup = t.Contact, t.Pickup
	}
	return v
}
