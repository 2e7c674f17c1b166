package store

import "gorm.io/gorm"

// What follows is sealed as seal.go says: what returns, work for other systems
// and facts on their way hold of people.

func (r *returnRow) personal() []personal {
	return []personal{{colReturnContact, r.Number, &r.Contact, nil}, {colReturnPickup, r.Number, &r.PickupAddress, nil}}
}

func (r *writeRow) personal() []personal {
	if r.Answer == nil {
		return nil
	}
	return []personal{{colShopAnswer, r.IdempotencyKey, r.Answer, nil}}
}

func (r *omsWriteRow) personal() []personal {
	return []personal{{colWriteAddress, r.IdempotencyKey, &r.Address, nil}}
}

func (r *deliveryRow) personal() []personal {
	return []personal{{colDelivery, rowName(r.TicketID, r.Sequence), &r.Data, nil}}
}

func (r *ticketCommentRow) personal() []personal {
	return []personal{{colComment, r.ID, &r.Text, nil}}
}

func (r *outboxRow) personal() []personal { return []personal{{colOutbox, r.ID, &r.Data, nil}} }

func (r *returnRow) BeforeCreate(tx *gorm.DB) error        { return sealRow(tx, r.personal()...) }
func (r *returnRow) AfterCreate(tx *gorm.DB) error         { return openRow(tx, r.personal()...) }
func (r *returnRow) AfterFind(tx *gorm.DB) error           { return openRow(tx, r.personal()...) }
func (r *writeRow) BeforeCreate(tx *gorm.DB) error         { return sealRow(tx, r.personal()...) }
func (r *writeRow) AfterCreate(tx *gorm.DB) error          { return openRow(tx, r.personal()...) }
func (r *writeRow) AfterFind(tx *gorm.DB) error            { return openRow(tx, r.personal()...) }
func (r *omsWriteRow) BeforeCreate(tx *gorm.DB) error      { return sealRow(tx, r.personal()...) }
func (r *omsWriteRow) AfterCreate(tx *gorm.DB) error       { return openRow(tx, r.personal()...) }
func (r *omsWriteRow) AfterFind(tx *gorm.DB) error         { return openRow(tx, r.personal()...) }
func (r *deliveryRow) BeforeCreate(tx *gorm.DB) error      { return sealRow(tx, r.personal()...) }
func (r *deliveryRow) AfterCreate(tx *gorm.DB) error       { return openRow(tx, r.personal()...) }
func (r *deliveryRow) AfterFind(tx *gorm.DB) error         { return openRow(tx, r.personal()...) }
func (r *ticketCommentRow) BeforeCreate(tx *gorm.DB) error { return sealRow(tx, r.personal()...) }
func (r *ticketCommentRow) AfterCreate(tx *gorm.DB) error  { return openRow(tx, r.personal()...) }
func (r *ticketCommentRow) AfterFind(tx *gorm.DB) error    { return openRow(tx, r.personal()...) }
func (r *outboxRow) BeforeCreate(tx *gorm.DB) error        { return sealRow(tx, r.personal()...) }
func (r *outboxRow) AfterCreate(tx *gorm.DB) error         { return openRow(tx, r.personal()...) }
func (r *outboxRow) AfterFind(tx *gorm.DB) error           { return openRow(tx, r.personal()...) }
