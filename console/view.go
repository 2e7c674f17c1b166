package console

import (
	"time"

	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// The shapes of the API's answers; openapi.yaml describes them. Lists show
// telephone numbers masked; a single call shows them whole.

type callView struct {
	ID           string     `json:"id"`
	Status       string     `json:"status"`
	CallerMasked string     `json:"caller_masked"`
	Called       string     `json:"called"`
	Node         string     `json:"node"`
	Flow         string     `json:"flow"`
	FlowVersion  string     `json:"flow_version"`
	StartedAt    time.Time  `json:"started_at"`
	AnsweredAt   *time.Time `json:"answered_at,omitempty"`
	EndedAt      *time.Time `json:"ended_at,omitempty"`
	DurationMS   int64      `json:"duration_ms"`
	Outcome      string     `json:"outcome,omitempty"`
	Reason       string     `json:"reason,omitempty"`
	Cause        int        `json:"cause,omitempty"`
	CauseName    string     `json:"cause_name,omitempty"`
	Intent       string     `json:"intent,omitempty"`
	TicketNumber string     `json:"ticket_number,omitempty"`
	TurnCount    int        `json:"turn_count"`
}

type callDetailView struct {
	callView
	Caller       string            `json:"caller"`
	Orchestrator string            `json:"orchestrator"`
	Slots        map[string]string `json:"slots"`
	Turns        []turnView        `json:"turns"`
	Takeovers    []takeoverView    `json:"takeovers"`
	Handoffs     []handoffView     `json:"handoffs"`
	Tickets      []ticketView      `json:"tickets"`
}

type turnView struct {
	Index       int               `json:"index"`
	Role        string            `json:"role"`
	Text        string            `json:"text"`
	Input       string            `json:"input"`
	PromptID    string            `json:"prompt_id,omitempty"`
	Intent      string            `json:"intent,omitempty"`
	Confidence  float64           `json:"confidence"`
	Slots       map[string]string `json:"slots,omitempty"`
	Interrupted bool              `json:"interrupted"`
	StartedAt   time.Time         `json:"started_at"`
	EndedAt     time.Time         `json:"ended_at"`
	LatencyMS   int64             `json:"latency_ms,omitempty"`
}

type takeoverView struct {
	From    string    `json:"from"`
	To      string    `json:"to"`
	Turns   int       `json:"turns"`
	TakenAt time.Time `json:"taken_at"`
}

type handoffView struct {
	Reason  string            `json:"reason"`
	Target  string            `json:"target"`
	Kind    string            `json:"kind"`
	Context map[string]string `json:"context"`
	At      time.Time         `json:"at"`
}

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
	// Pickup is only in the details of a call, like the contact.
	Pickup      *schemas.Pickup `json:"pickup,omitempty"`
	External    *externalView   `json:"external,omitempty"`
	RequestedAt time.Time       `json:"requested_at"`
	OpenedAt    time.Time       `json:"opened_at"`
}

func viewCall(c store.Call) callView {
	status := "in_progress"
	if c.EndedAt != nil {
		status = "ended"
	}
	return callView{
		ID: c.ID, Status: status, CallerMasked: obs.Phone(c.Caller).String(), Called: c.Called, Node: c.Node, Flow: c.Flow,
		FlowVersion: c.FlowVersion, StartedAt: c.StartedAt, AnsweredAt: c.AnsweredAt, EndedAt: c.EndedAt, DurationMS: c.Duration.Milliseconds(),
		Outcome: string(c.Outcome), Reason: c.Reason, Cause: c.Cause, CauseName: c.CauseName, Intent: c.Intent,
		TicketNumber: c.TicketNumber, TurnCount: c.Turns,
	}
}

func viewDetail(d store.CallDetail) callDetailView {
	v := callDetailView{
		callView: viewCall(d.Call), Caller: d.Caller, Orchestrator: d.Orchestrator, Slots: filled(d.Slots),
		Turns: []turnView{}, Takeovers: []takeoverView{}, Handoffs: []handoffView{}, Tickets: []ticketView{},
	}
	for _, t := range d.Conversation {
		v.Turns = append(v.Turns, viewTurn(t))
	}
	for _, t := range d.Takeovers {
		v.Takeovers = append(v.Takeovers, takeoverView{From: t.From, To: t.To, Turns: t.Turns, TakenAt: t.TakenAt})
	}
	for _, h := range d.Handoffs {
		v.Handoffs = append(v.Handoffs, handoffView{Reason: h.Reason, Target: h.Target, Kind: h.Kind, Context: filled(h.Context), At: h.At})
	}
	for _, t := range d.Tickets {
		tv := viewTicket(t)
		tv.Contact, tv.Pickup = t.Contact, t.Pickup
		v.Tickets = append(v.Tickets, tv)
	}
	return v
}

func viewTurn(t schemas.CallTurn) turnView {
	return turnView{
		Index: t.Index, Role: string(t.Role), Text: t.Text, Input: string(t.Input), PromptID: t.PromptID, Intent: t.Intent,
		Confidence: t.Confidence, Slots: t.Slots, Interrupted: t.Interrupted, StartedAt: t.StartedAt, EndedAt: t.EndedAt, LatencyMS: t.LatencyMS,
	}
}

func viewTicket(t store.Ticket) ticketView {
	return ticketView{
		ID: t.ID, Number: t.Number, CallID: t.CallID, Kind: string(t.Kind), Group: string(t.Group), Status: string(t.Status),
		OrderNumber: t.OrderNumber, OrderVerified: t.OrderVerified, OrderLine: t.OrderLine, Reason: t.Reason, ReasonText: t.ReasonText,
		Received: t.Received, ContactMasked: obs.Phone(t.Contact).String(), Summary: t.Summary, TranscriptURL: t.TranscriptURL,
		External: viewExternal(t.External), RequestedAt: t.RequestedAt, OpenedAt: t.OpenedAt,
	}
}

func filled(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
