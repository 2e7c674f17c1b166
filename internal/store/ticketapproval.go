package store

import "github.com/tidegate/tidegate/schemas"

// mayApprove: an approval comes from somebody who has the right to give one,
// who does not work on the ticket and has not asked for it.
func (e *ticketEdit) mayApprove() error {
	if e.noApprover {
		return ErrNoApprover
	}
	if e.by == e.was.Assignee {
		return ErrOwnApproval
	}
	var asked []ticketHistoryRow
	err := e.tx.Where("ticket_id = ? AND field = ? AND target = ?", e.row.ID, "status", string(schemas.StatusWaitingApproval)).
		Order("version DESC").Limit(1).Find(&asked).Error
	if err == nil && len(asked) > 0 && asked[0].Who == e.by {
		return ErrOwnApproval
	}
	return err
}
