package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/tidegate/tidegate/schemas"
)

// Call is the record of one call. A call in progress has no EndedAt and no
// Outcome; a call whose start has not been heard of yet has no Caller.
type Call struct {
	ID           string
	Node         string
	Caller       string // as signalled; empty when withheld
	Called       string
	Orchestrator string // the one that has the call, or had it last
	Flow         string
	FlowVersion  string
	StartedAt    time.Time
	AnsweredAt   *time.Time
	EndedAt      *time.Time
	Duration     time.Duration
	Outcome      schemas.Outcome
	Reason       string
	Cause        int // Q.850
	CauseName    string
	Intent       string
	Slots        map[string]string
	TicketNumber string
	Turns        int
}

// CallDetail is a call with everything that belongs to it.
type CallDetail struct {
	Call
	Conversation []schemas.CallTurn
	Takeovers    []schemas.CallTakenOver
	Handoffs     []schemas.CallHandedOff
	Tickets      []Ticket
}

// CallFilter narrows a list of calls; zero fields do not. Since is inclusive,
// Until exclusive, both of StartedAt. Caller is a whole number in any form.
type CallFilter struct {
	Outcome schemas.Outcome
	Caller  string
	Since   time.Time
	Until   time.Time
}

// Calls lists calls, newest first, limit of them after the cursor. The second
// result is the cursor of the next page, or "".
func (s *Store) Calls(ctx context.Context, f CallFilter, limit int, after Cursor) ([]Call, Cursor, error) {
	limit, err := pageSize(limit)
	if err != nil {
		return nil, "", err
	}
	var rows []callRow
	var counts map[string]int
	err = s.reading(ctx, opCallsList, func(db *gorm.DB) error {
		tx, err := page(callQuery(db, f), "started_at", after)
		if err != nil {
			return err
		}
		if err := tx.Limit(limit + 1).Find(&rows).Error; err != nil {
			return err
		}
		counts, err = countTurns(db, rows)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	var next Cursor
	if len(rows) > limit {
		rows = rows[:limit]
		next = newCursor(rows[limit-1].StartedAt, rows[limit-1].ID)
	}
	out := make([]Call, 0, len(rows))
	for _, r := range rows {
		c := r.domain()
		c.Turns = counts[r.ID]
		out = append(out, c)
	}
	return out, next, nil
}

func callQuery(db *gorm.DB, f CallFilter) *gorm.DB {
	tx := db.Model(&callRow{})
	if f.Outcome != "" {
		tx = tx.Where("outcome = ?", string(f.Outcome))
	}
	if f.Caller != "" {
		// Records keep the number as signalled; carriers signal it in these forms.
		n := nationalPhone(f.Caller)
		tx = tx.Where(byPhone(db, "caller", "caller_index", colCaller, f.Caller, []string{f.Caller, n, "+86" + n, "86" + n, "0086" + n, "0" + n}))
	}
	if !f.Since.IsZero() {
		tx = tx.Where("started_at >= ?", stamp(f.Since))
	}
	if !f.Until.IsZero() {
		tx = tx.Where("started_at < ?", stamp(f.Until))
	}
	return tx
}

func countTurns(db *gorm.DB, calls []callRow) (map[string]int, error) {
	if len(calls) == 0 {
		return nil, nil
	}
	ids := make([]string, 0, len(calls))
	for _, c := range calls {
		ids = append(ids, c.ID)
	}
	var rows []struct {
		CallID string
		N      int
	}
	err := db.Model(&turnRow{}).Select("call_id, count(*) AS n").Where("call_id IN ?", ids).Group("call_id").Scan(&rows).Error
	counts := make(map[string]int, len(rows))
	for _, r := range rows {
		counts[r.CallID] = r.N
	}
	return counts, err
}

// maxConversation bounds what one detail loads; a call of so many turns is a
// fault, not a conversation.
const maxConversation = 2000

// CallDetail reads one call with its turns, moves and tickets; ErrNotFound
// when there is none.
func (s *Store) CallDetail(ctx context.Context, id string) (CallDetail, error) {
	var call callRow
	var turns []turnRow
	var takeovers []takeoverRow
	var handoffs []handoffRow
	var tickets []ticketRow
	err := s.reading(ctx, opCallDetail, func(db *gorm.DB) error {
		if err := db.Where("id = ?", id).Take(&call).Error; err != nil {
			return err
		}
		of := func(order string) *gorm.DB {
			return db.Where("call_id = ?", id).Order(order).Limit(maxConversation)
		}
		for _, q := range []struct {
			order string
			into  any
		}{{"position", &turns}, {"taken_at", &takeovers}, {"handed_at", &handoffs}, {"opened_at, id", &tickets}} {
			if err := of(q.order).Find(q.into).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return CallDetail{}, fmt.Errorf("call: %w", err)
	}
	d := CallDetail{Call: call.domain()}
	d.Turns = len(turns)
	for _, r := range turns {
		d.Conversation = append(d.Conversation, r.domain())
	}
	for _, r := range takeovers {
		d.Takeovers = append(d.Takeovers, schemas.CallTakenOver{CallID: r.CallID, From: r.Source, To: r.Target, Turns: r.Turns, TakenAt: r.TakenAt.UTC()})
		d.Orchestrator = r.Target // the latest is last
	}
	for _, r := range handoffs {
		d.Handoffs = append(d.Handoffs, schemas.CallHandedOff{CallID: r.CallID, Reason: r.Reason, Target: r.Target, Kind: r.Kind, Context: r.Context, At: r.HandedAt.UTC()})
	}
	for _, r := range tickets {
		d.Tickets = append(d.Tickets, r.domain())
	}
	return d, s.addLinks(ctx, d.Tickets)
}

func (r callRow) domain() Call {
	return Call{
		ID: r.ID, Node: r.Node, Caller: r.Caller, Called: r.Called, Orchestrator: r.Orchestrator, Flow: r.Flow, FlowVersion: r.FlowVersion,
		StartedAt: r.StartedAt.UTC(), AnsweredAt: stampPtr(r.AnsweredAt), EndedAt: stampPtr(r.EndedAt),
		Duration: time.Duration(r.DurationMS) * time.Millisecond, Outcome: schemas.Outcome(r.Outcome), Reason: r.Reason,
		Cause: r.Cause, CauseName: r.CauseName, Intent: r.Intent, Slots: r.Slots, TicketNumber: r.TicketNumber,
	}
}

func (r turnRow) domain() schemas.CallTurn {
	return schemas.CallTurn{
		CallID: r.CallID, Index: r.Position, Role: schemas.Role(r.Role), Text: r.Text, Input: schemas.TurnInput(r.Input),
		PromptID: r.PromptID, Intent: r.Intent, Confidence: r.Confidence, Slots: r.Slots, Interrupted: r.Interrupted, Epoch: r.Epoch,
		StartedAt: r.StartedAt.UTC(), EndedAt: r.EndedAt.UTC(), LatencyMS: r.LatencyMS,
	}
}
