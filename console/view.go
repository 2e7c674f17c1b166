package console

import (
	"time"

	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// The shapes of the API's answers; openapi.yaml describes them. Lists mask
// what is personal; a single call or ticket shows it to who may see it.

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

func viewDetail(d store.CallDetail, personal bool) callDetailView {
	v := callDetailView{
		callView: viewCall(d.Call), Caller: shownPhone(d.Caller, personal), Orchestrator: d.Orchestrator, Slots: shownMap(d.Slots, personal),
		Turns: []turnView{}, Takeovers: []takeoverView{}, Handoffs: []handoffView{}, Tickets: []ticketView{},
	}
	for _, t := range d.Conversation {
		v.Turns = append(v.Turns, viewTurn(t, personal))
	}
	for _, t := range d.Takeovers {
		v.Takeovers = append(v.Takeovers, takeoverView{From: t.From, To: t.To, Turns: t.Turns, TakenAt: t.TakenAt})
	}
	for _, h := range d.Handoffs {
		v.Handoffs = append(v.Handoffs, handoffView{Reason: h.Reason, Target: h.Target, Kind: h.Kind, Context: shownMap(h.Context, personal), At: h.At})
	}
	for _, t := range d.Tickets {
		v.Tickets = append(v.Tickets, viewTicket(t, personal))
	}
	return v
}

func viewTurn(t schemas.CallTurn, personal bool) turnView {
	return turnView{
		Index: t.Index, Role: string(t.Role), Text: shownSecret(t.Text, personal), Input: string(t.Input), PromptID: t.PromptID, Intent: t.Intent,
		Confidence: t.Confidence, Slots: shownMap(t.Slots, personal), Interrupted: t.Interrupted, StartedAt: t.StartedAt, EndedAt: t.EndedAt, LatencyMS: t.LatencyMS,
	}
}

func filled(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
