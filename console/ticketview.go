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
	Pickup *schemas.Pickup `json:"pickup,omitempty"`
	// Tenant is empty for who is the only one, Assignee when nobody has it,
	// Approval when none is needed, Escalated when it is not late.
	Tenant      string        `json:"tenant,omitempty"`
	Assignee    string        `json:"assignee,omitempty"`
	Priority    string        `json:"priority"`
	Approval    string        `json:"approval,omitempty"`
	DueAt       *time.Time    `json:"due_at,omitempty"`
	Escalated   string        `json:"escalated,omitempty"`
	Version     int64         `json:"version"`
	External    *externalView `json:"external,omitempty"`
	RequestedAt time.Time     `json:"requested_at"`
	OpenedAt    time.Time     `json:"opened_at"`
}

func viewTicket(t store.Ticket, personal bool) ticketView {
	v := ticketView{
		ID: t.ID, Number: t.Number, CallID: t.CallID, Kind: string(t.Kind), Group: string(t.Group), Status: string(t.Status),
		OrderNumber: t.OrderNumber, OrderVerified: t.OrderVerified, OrderLine: t.OrderLine, Reason: t.Reason, ReasonText: shownText(t.ReasonText, personal),
		Received: t.Received, ContactMasked: obs.Phone(t.Contact).String(), Summary: shownText(t.Summary, personal), TranscriptURL: t.TranscriptURL,
		Tenant: schemas.TenantName(t.Tenant), Assignee: t.Assignee, Priority: string(t.Priority), Approval: string(t.Approval), DueAt: t.DueAt,
		Escalated: string(t.Escalated), Version: t.Version, External: viewExternal(t.External), RequestedAt: t.RequestedAt, OpenedAt: t.OpenedAt,
	}
	if personal {
		v.Contact, v.Pickup = t.Contact, t.Pickup
	}
	return v
}

type ticketDetailView struct {
	ticketView
	Next        []string         `json:"next"`
	History     []changeView     `json:"history"`
	Comments    []commentView    `json:"comments"`
	Attachments []attachmentView `json:"attachments"`
	Links       ticketLinks      `json:"links"`
}

type changeView struct {
	At    time.Time `json:"at"`
	Actor string    `json:"actor"`
	Field string    `json:"field"`
	From  string    `json:"from"`
	To    string    `json:"to"`
	Note  string    `json:"note,omitempty"`
	// Version is that which the change made.
	Version int64 `json:"version"`
}

type commentView struct {
	ID    string    `json:"id"`
	At    time.Time `json:"at"`
	Actor string    `json:"actor"`
	Text  string    `json:"text"`
}

type attachmentView struct {
	ID    string    `json:"id"`
	At    time.Time `json:"at"`
	Actor string    `json:"actor"`
	Kind  string    `json:"kind"`
	URL   string    `json:"url"`
	Title string    `json:"title,omitempty"`
}

// ticketLinks are where a ticket came from.
type ticketLinks struct {
	Self       string `json:"self"`
	Call       string `json:"call"`
	Transcript string `json:"transcript,omitempty"`
}

func viewTicketDetail(life store.TicketLife, personal bool) ticketDetailView {
	t := life.Ticket
	v := ticketDetailView{
		ticketView: viewTicket(t, personal), Next: []string{}, History: []changeView{}, Comments: []commentView{}, Attachments: []attachmentView{},
		Links: ticketLinks{Self: "/api/v1/tickets/" + t.ID, Call: "/api/v1/calls/" + t.CallID, Transcript: t.TranscriptURL},
	}
	for _, s := range life.Next {
		v.Next = append(v.Next, string(s))
	}
	for _, c := range life.History {
		v.History = append(v.History, changeView{At: c.At, Actor: c.By, Field: c.Field, From: c.From, To: c.To, Note: shownText(c.Why, personal), Version: c.Version})
	}
	for _, c := range life.Comments {
		v.Comments = append(v.Comments, commentView{ID: c.ID, At: c.At, Actor: c.By, Text: shownText(c.Text, personal)})
	}
	for _, a := range life.Attachments {
		v.Attachments = append(v.Attachments, attachmentView{ID: a.ID, At: a.At, Actor: a.By, Kind: string(a.Kind), URL: a.URL, Title: shownText(a.Title, personal)})
	}
	return v
}
