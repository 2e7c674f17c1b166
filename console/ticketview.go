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

type ticketDetailView struct {
	ticketView
	Assignee string        `json:"assignee,omitempty"`
	Version  int64         `json:"version,omitempty"`
	Next     []string      `json:"next"`
	History  []changeView  `json:"history"`
	Comments []commentView `json:"comments"`
	Links    ticketLinks   `json:"links"`
}

type changeView struct {
	At    time.Time `json:"at"`
	Actor string    `json:"actor"`
	Field string    `json:"field"`
	From  string    `json:"from"`
	To    string    `json:"to"`
	Note  string    `json:"note,omitempty"`
}

type commentView struct {
	At    time.Time `json:"at"`
	Actor string    `json:"actor"`
	Text  string    `json:"text"`
}

// ticketLinks are where a ticket came from.
type ticketLinks struct {
	Self       string `json:"self"`
	Call       string `json:"call"`
	Transcript string `json:"transcript,omitempty"`
}

func viewTicketDetail(t store.Ticket, h History, personal bool) ticketDetailView {
	v := ticketDetailView{
		ticketView: viewTicket(t, personal), Assignee: h.Assignee, Version: h.Version,
		Next: []string{}, History: []changeView{}, Comments: []commentView{},
		Links: ticketLinks{Self: "/api/v1/tickets/" + t.ID, Call: "/api/v1/calls/" + t.CallID, Transcript: t.TranscriptURL},
	}
	for _, s := range h.Next {
		v.Next = append(v.Next, string(s))
	}
	for _, c := range h.Changes {
		v.History = append(v.History, changeView{At: c.At.UTC(), Actor: c.Actor, Field: c.Field, From: c.From, To: c.To, Note: shownText(c.Note, personal)})
	}
	for _, c := range h.Comments {
		v.Comments = append(v.Comments, commentView{At: c.At.UTC(), Actor: c.Actor, Text: shownText(c.Text, personal)})
	}
	return v
}
