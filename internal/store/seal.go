package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/tidegate/tidegate/internal/vault"
)

// ErrKeys: the keys do not fit what the database holds.
var ErrKeys = errors.New("keys do not fit the database")

// Columns that are sealed. Their names are bound to what is in them: changing
// one makes its values unreadable.
const (
	colPhone         = "customers.phone"
	colName          = "customers.name"
	colAddress       = "orders.address"
	colContact       = "tickets.contact"
	colPickup        = "tickets.pickup_address"
	colCaller        = "calls.caller"
	colReturnContact = "returns.contact"
	colReturnPickup  = "returns.pickup_address"
	colShopAnswer    = "shop_writes.answer"
	colWriteAddress  = "oms_writes.address"
	colDelivery      = "ticket_deliveries.data"
	colComment       = "ticket_comments.text"
	colOutbox        = "outbox.data"
	colNotify        = "notifications.data"
	colNotifyCode    = "notifications.occurrence" // of codes: indexed, not sealed
	colOptOut        = "notify_optouts.phone"
	vaultPlugin      = "tidegate:vault"
)

// sealing hands a database's keys to the hooks of its rows; without a vault,
// values are stored as they come.
type sealing struct{ vault *vault.Vault }

func (sealing) Name() string               { return vaultPlugin }
func (sealing) Initialize(*gorm.DB) error  { return nil }
func vaultOf(tx *gorm.DB) *vault.Vault     { s, _ := tx.Plugins[vaultPlugin].(sealing); return s.vault }
func sealedIn(col, row string) vault.Place { return vault.Place{Column: col, Row: row} }

// personal is one value of a row that is sealed; index, where it is looked up
// by number, is the column for its blind index.
type personal struct {
	column, row  string
	value, index *string
}

func sealRow(tx *gorm.DB, values ...personal) error {
	v := vaultOf(tx)
	if v == nil {
		return nil
	}
	for _, p := range values {
		if p.index != nil {
			*p.index = v.Index(p.column, indexedPhone(*p.value))
		}
		*p.value = v.Seal(sealedIn(p.column, p.row), *p.value)
	}
	return nil
}

func openRow(tx *gorm.DB, values ...personal) error {
	v := vaultOf(tx)
	if v == nil {
		return nil
	}
	for _, p := range values {
		plain, err := v.Open(sealedIn(p.column, p.row), *p.value)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrKeys, err)
		}
		*p.value = plain
	}
	return nil
}

func (r *customerRow) personal() []personal {
	return []personal{{colPhone, r.ID, &r.Phone, &r.PhoneIndex}, {colName, r.ID, &r.Name, nil}}
}
func (r *orderRow) personal() []personal { return []personal{{colAddress, r.Number, &r.Address, nil}} }
func (r *ticketRow) personal() []personal {
	return []personal{{colContact, r.ID, &r.Contact, &r.ContactIndex}, {colPickup, r.ID, &r.PickupAddress, nil}}
}
func (r *callRow) personal() []personal {
	return []personal{{colCaller, r.ID, &r.Caller, &r.CallerIndex}}
}
func (r *notificationRow) personal() []personal {
	return []personal{{colNotify, r.ID, &r.Data, nil}}
}
func (r *optOutRow) personal() []personal {
	return []personal{{colOptOut, r.ID, &r.Phone, &r.PhoneIndex}}
}

// sealed is a value for a column that is updated by its name.
func sealed(tx *gorm.DB, column, row, value string) string {
	if v := vaultOf(tx); v != nil {
		return v.Seal(sealedIn(column, row), value)
	}
	return value
}

// gorm calls these around every statement that writes or reads whole rows.
// Columns that are updated by name have to be sealed by who updates them.

func (r *customerRow) BeforeCreate(tx *gorm.DB) error { return sealRow(tx, r.personal()...) }
func (r *customerRow) AfterCreate(tx *gorm.DB) error  { return openRow(tx, r.personal()...) }
func (r *customerRow) AfterFind(tx *gorm.DB) error    { return openRow(tx, r.personal()...) }
func (r *orderRow) BeforeCreate(tx *gorm.DB) error    { return sealRow(tx, r.personal()...) }
func (r *orderRow) AfterCreate(tx *gorm.DB) error     { return openRow(tx, r.personal()...) }
func (r *orderRow) AfterFind(tx *gorm.DB) error       { return openRow(tx, r.personal()...) }
func (r *ticketRow) BeforeCreate(tx *gorm.DB) error   { return sealRow(tx, r.personal()...) }
func (r *ticketRow) AfterCreate(tx *gorm.DB) error    { return openRow(tx, r.personal()...) }
func (r *ticketRow) AfterFind(tx *gorm.DB) error      { return openRow(tx, r.personal()...) }
func (r *callRow) BeforeCreate(tx *gorm.DB) error     { return sealRow(tx, r.personal()...) }
func (r *callRow) AfterCreate(tx *gorm.DB) error      { return openRow(tx, r.personal()...) }
func (r *callRow) AfterFind(tx *gorm.DB) error        { return openRow(tx, r.personal()...) }

func (r *notificationRow) BeforeCreate(tx *gorm.DB) error { return sealRow(tx, r.personal()...) }
func (r *notificationRow) AfterCreate(tx *gorm.DB) error  { return openRow(tx, r.personal()...) }
func (r *notificationRow) AfterFind(tx *gorm.DB) error    { return openRow(tx, r.personal()...) }
func (r *optOutRow) BeforeCreate(tx *gorm.DB) error       { return sealRow(tx, r.personal()...) }
func (r *optOutRow) AfterCreate(tx *gorm.DB) error        { return openRow(tx, r.personal()...) }
func (r *optOutRow) AfterFind(tx *gorm.DB) error          { return openRow(tx, r.personal()...) }

// byPhone matches rows of a number: by blind index, under every index key,
// and rows from before there was one by any of the plain forms. The literal
// ” is what makes the partial index of such rows usable.
func byPhone(tx *gorm.DB, column, index, place, number string, plain []string) clause.Expr {
	v := vaultOf(tx)
	if v == nil {
		return gorm.Expr(column+" IN ? AND "+index+" = ''", plain)
	}
	return gorm.Expr("(("+index+" IN ? AND "+index+" <> '') OR ("+index+" = '' AND "+column+" IN ?))", v.Indexes(place, indexedPhone(number)), plain)
}

type vaultKeyRow struct {
	ID    string `gorm:"primaryKey"`
	Probe string
}

func (vaultKeyRow) TableName() string { return "vault_keys" }

const (
	probeText  = "tidegate"
	probePlace = "vault_keys.probe"
	indexProbe = "index:" // begins the ids of index keys there
)

// registerKeys notes the active keys in the database, and checks that every
// key noted before is configured and is the same one.
func (s *Store) registerKeys(ctx context.Context) error {
	return s.inTx(ctx, opVaultKeys, func(tx *gorm.DB) error {
		if !tx.Migrator().HasTable(&vaultKeyRow{}) {
			return nil // a database that is not migrated: nothing is sealed
		}
		if s.vault != nil {
			if err := s.noteKeys(tx); err != nil {
				return err
			}
		}
		var rows []vaultKeyRow
		if err := tx.Select("id", "probe").Order("id").Find(&rows).Error; err != nil {
			return err
		}
		var errs []error
		for _, r := range rows {
			errs = append(errs, s.checkKey(r))
		}
		return errors.Join(errs...)
	})
}

func (s *Store) noteKeys(tx *gorm.DB) error {
	seal, index := s.vault.Active()
	now := stamp(s.now())
	for id, probe := range map[string]string{
		seal:               s.vault.Seal(sealedIn(probePlace, seal), probeText),
		indexProbe + index: s.vault.Index(probePlace, probeText),
	} {
		err := tx.Exec("INSERT INTO vault_keys (id, probe, first_used_at) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING", id, probe, now).Error
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) checkKey(r vaultKeyRow) error {
	if s.vault == nil {
		return fmt.Errorf("%w: it holds values of key %s, and no keys are configured", ErrKeys, r.ID)
	}
	if id, ok := strings.CutPrefix(r.ID, indexProbe); ok {
		for _, known := range s.vault.Indexes(probePlace, probeText) {
			if vault.IndexKeyOf(known) != id {
				continue
			}
			if known == r.Probe {
				return nil
			}
			return fmt.Errorf("%w: index key %s is another one than the database knows", ErrKeys, id)
		}
		return fmt.Errorf("%w: index key %s is not configured", ErrKeys, id)
	}
	switch _, err := s.vault.Open(sealedIn(probePlace, r.ID), r.Probe); {
	case errors.Is(err, vault.ErrNoKey):
		return fmt.Errorf("%w: key %s is not configured", ErrKeys, r.ID)
	case err != nil:
		return fmt.Errorf("%w: key %s is another one than the database knows", ErrKeys, r.ID)
	}
	return nil
}
