package store

import (
	"gorm.io/gorm"

	"github.com/tidegate/tidegate/schemas"
)

// mayApprove: an approval comes from somebody who has the right to give one,
// who did not ask for it, and who has not had the ticket at any time since it
// was asked for: giving it away makes nobody a second pair of eyes.
func (e *ticketEdit) mayApprove() error {
	if e.noApprover {
		return ErrNoApprover
	}
	if e.by == e.was.Assignee {
		return ErrOwnApproval
	}
	party, err := partyTo(e.tx, e.row.ID, e.by)
	if err == nil && party {
		err = ErrOwnApproval
	}
	return err
}

// partyTo says whether the history has who as the one that asked for the
// approval which a ticket waits for, or as one that had the ticket then or
// since: whoever had it when it was asked for, and has it no more, is where
// the first change of the assignee from there on leads away from.
func partyTo(tx *gorm.DB, ticketID, who string) (bool, error) {
	waits := string(schemas.StatusWaitingApproval)
	asked := tx.Model(&ticketHistoryRow{}).Select("COALESCE(MAX(version), 0)").
		Where("ticket_id = ? AND field = 'status' AND target = ?", ticketID, waits)
	var n int64
	err := tx.Model(&ticketHistoryRow{}).Where("ticket_id = ? AND version >= (?)", ticketID, asked).
		Where("(field = 'assignee' AND (source = ? OR target = ?)) OR (field = 'status' AND target = ? AND who = ?)", who, who, waits, who).
		Count(&n).Error
	return n > 0, err
}
