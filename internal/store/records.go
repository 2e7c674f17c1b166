package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/tidegate/tidegate/schemas"
)

type callRow struct {
	ID           string `gorm:"primaryKey"`
	Node         string
	Caller       string
	Called       string
	Orchestrator string
	Flow         string
	FlowVersion  string
	StartedAt    time.Time
	AnsweredAt   *time.Time
	EndedAt      *time.Time
	DurationMS   int64
	Outcome      string
	Reason       string
	Cause        int
	CauseName    string
	Intent       string
	Slots        map[string]string `gorm:"serializer:json"`
	TicketNumber string
	CallerIndex  string
}

type turnRow struct {
	CallID      string `gorm:"primaryKey"`
	Position    int    `gorm:"primaryKey;autoIncrement:false"`
	Role        string
	Text        string
	Input       string
	PromptID    string
	Intent      string
	Confidence  float64
	Slots       map[string]string `gorm:"serializer:json"`
	Interrupted bool
	Epoch       int
	StartedAt   time.Time
	EndedAt     time.Time
	LatencyMS   int64
}

type takeoverRow struct {
	CallID  string    `gorm:"primaryKey"`
	TakenAt time.Time `gorm:"primaryKey"`
	Source  string
	Target  string `gorm:"primaryKey"`
	Turns   int
}

type handoffRow struct {
	CallID   string    `gorm:"primaryKey"`
	HandedAt time.Time `gorm:"primaryKey"`
	Reason   string
	Target   string
	Kind     string
	Context  map[string]string `gorm:"serializer:json"`
}

func (callRow) TableName() string     { return "calls" }
func (turnRow) TableName() string     { return "turns" }
func (takeoverRow) TableName() string { return "takeovers" }
func (handoffRow) TableName() string  { return "handoffs" }

// Record writes a fact about a call into its record: *schemas.CallStarted,
// CallAnswered, CallTurn, CallTakenOver, CallHandedOff, CallEnded or
// TicketOpened. Facts may come twice and in any order; the record ends the
// same. Facts of other types are ErrInvalid.
//
// Of two turns of one position, or two ends of one call, the one that ended
// later stands: a session that took a call over knows more than the one it
// replaced.
func (s *Store) Record(ctx context.Context, fact any) error {
	return s.inTx(ctx, opRecordCall, func(tx *gorm.DB) error {
		switch f := fact.(type) {
		case *schemas.CallStarted:
			return recordStarted(tx, f)
		case *schemas.CallAnswered:
			return recordAnswered(tx, f)
		case *schemas.CallTurn:
			return recordTurn(tx, f)
		case *schemas.CallTakenOver:
			return recordTakeover(tx, f)
		case *schemas.CallHandedOff:
			return recordHandoff(tx, f)
		case *schemas.CallEnded:
			return recordEnded(tx, f)
		case *schemas.TicketOpened:
			return recordTicket(tx, f)
		}
		return fmt.Errorf("%w: a %T is no fact about a call", ErrInvalid, fact)
	})
}

// mergeCall inserts the row, or sets the named columns of the one there.
func mergeCall(tx *gorm.DB, row *callRow, set map[string]any, where ...clause.Expression) error {
	return tx.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.Assignments(set), Where: clause.Where{Exprs: where},
	}).Create(row).Error
}

// excluded is the value that the conflicting insert carried.
func excluded(columns ...string) map[string]any {
	set := map[string]any{}
	for _, c := range columns {
		set[c] = gorm.Expr("excluded." + c)
	}
	return set
}

// ensureCall makes a row for a call whose beginning has not been heard of;
// CallStarted will put the true start in.
func ensureCall(tx *gorm.DB, id string, at time.Time) error {
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&callRow{ID: id, StartedAt: stamp(at)}).Error
}

func recordStarted(tx *gorm.DB, f *schemas.CallStarted) error {
	row := &callRow{
		ID: f.CallID, Node: f.Node, Caller: f.Caller, Called: f.Called, Orchestrator: f.Orchestrator,
		Flow: f.Flow, FlowVersion: f.FlowVersion, StartedAt: stamp(f.StartedAt),
	}
	return mergeCall(tx, row, excluded("node", "caller", "caller_index", "called", "orchestrator", "flow", "flow_version", "started_at"))
}

func recordAnswered(tx *gorm.DB, f *schemas.CallAnswered) error {
	at := stamp(f.AnsweredAt)
	return mergeCall(tx, &callRow{ID: f.CallID, StartedAt: at, AnsweredAt: &at}, excluded("answered_at"),
		clause.Expr{SQL: "calls.answered_at IS NULL OR excluded.answered_at < calls.answered_at"})
}

func recordEnded(tx *gorm.DB, f *schemas.CallEnded) error {
	at := stamp(f.EndedAt)
	row := &callRow{
		ID: f.CallID, StartedAt: at.Add(-time.Duration(f.DurationMS) * time.Millisecond), EndedAt: &at, DurationMS: f.DurationMS,
		Outcome: string(f.Outcome), Reason: f.Reason, Cause: f.Cause, CauseName: f.CauseName, Intent: f.Intent, Slots: f.Slots,
		TicketNumber: f.TicketNumber,
	}
	set := excluded("ended_at", "duration_ms", "outcome", "reason", "cause", "cause_name", "intent", "slots")
	set["ticket_number"] = gorm.Expr("CASE WHEN excluded.ticket_number <> '' THEN excluded.ticket_number ELSE calls.ticket_number END")
	return mergeCall(tx, row, set, clause.Expr{SQL: "calls.ended_at IS NULL OR excluded.ended_at >= calls.ended_at"})
}

func recordTicket(tx *gorm.DB, f *schemas.TicketOpened) error {
	row := &callRow{ID: f.CallID, StartedAt: stamp(f.OpenedAt), TicketNumber: f.Number}
	return mergeCall(tx, row, excluded("ticket_number"), clause.Expr{SQL: "calls.ticket_number = ''"})
}

func recordTurn(tx *gorm.DB, f *schemas.CallTurn) error {
	if err := ensureCall(tx, f.CallID, f.StartedAt); err != nil {
		return err
	}
	row := &turnRow{
		CallID: f.CallID, Position: f.Index, Role: string(f.Role), Text: f.Text, Input: string(f.Input), PromptID: f.PromptID,
		Intent: f.Intent, Confidence: f.Confidence, Slots: f.Slots, Interrupted: f.Interrupted, Epoch: f.Epoch,
		StartedAt: stamp(f.StartedAt), EndedAt: stamp(f.EndedAt), LatencyMS: f.LatencyMS,
	}
	return tx.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "call_id"}, {Name: "position"}},
		DoUpdates: clause.Assignments(excluded("role", "text", "input", "prompt_id", "intent", "confidence", "slots",
			"interrupted", "epoch", "started_at", "ended_at", "latency_ms")),
		Where: clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "excluded.ended_at >= turns.ended_at"}}},
	}).Create(row).Error
}

func recordTakeover(tx *gorm.DB, f *schemas.CallTakenOver) error {
	if err := ensureCall(tx, f.CallID, f.TakenAt); err != nil {
		return err
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&takeoverRow{
		CallID: f.CallID, TakenAt: stamp(f.TakenAt), Source: f.From, Target: f.To, Turns: f.Turns,
	}).Error
}

func recordHandoff(tx *gorm.DB, f *schemas.CallHandedOff) error {
	if err := ensureCall(tx, f.CallID, f.At); err != nil {
		return err
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&handoffRow{
		CallID: f.CallID, HandedAt: stamp(f.At), Reason: f.Reason, Target: f.Target, Kind: f.Kind, Context: f.Context,
	}).Error
}
