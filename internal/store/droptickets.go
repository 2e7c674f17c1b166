package store

import (
	"gorm.io/gorm"
)

// dropTickets deletes the tickets that pick names, with all that belongs to
// them. History, comments, attachments, copies in other systems and searched
// words go with their ticket by the tables' own rule (ON DELETE CASCADE); the
// rest names tickets without such a rule and is seen to here.
//
// What stays is the shop's: that goods came back and money went. Whom the
// courier was to call, and where, is taken out of it. The audit log stays too,
// for its own time: it names the ticket's id and nothing else of it.
func dropTickets(tx, pick *gorm.DB) (int64, error) {
	var ids []string
	if err := pick.Pluck("id", &ids).Error; err != nil || len(ids) == 0 {
		return 0, err
	}
	for _, stmt := range []string{
		`UPDATE returns SET contact = '', pickup_address = '' WHERE number IN (
			SELECT number FROM oms_writes WHERE kind = '` + writeReturn + `' AND number <> '' AND ticket_id IN @ids)`,
		`DELETE FROM oms_writes WHERE ticket_id IN @ids`,
		`UPDATE calls SET ticket_number = '' WHERE id IN (SELECT call_id FROM tickets WHERE id IN @ids)
			AND ticket_number IN (SELECT number FROM tickets WHERE id IN @ids)`,
	} {
		if err := tx.Exec(stmt, map[string]any{"ids": ids}).Error; err != nil {
			return 0, err
		}
	}
	res := tx.Where("id IN ?", ids).Delete(&ticketRow{})
	return res.RowsAffected, res.Error
}
