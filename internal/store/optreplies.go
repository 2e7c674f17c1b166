package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/tidegate/tidegate/schemas"
)

// OptReply is a caller's wish, as a gateway told it.
type OptReply struct {
	Tenant  string
	EventID string // the same for every repeat
	Phone   string
	Out     bool      // nothing more, or again
	At      time.Time // when the caller said so; what is ahead of us counts as now
}

// OptOutcome is what became of a reply.
type OptOutcome string

// The outcomes.
const (
	OptApplied  OptOutcome = "applied"
	OptRepeated OptOutcome = "repeated"
	OptOlder    OptOutcome = "older" // the number has opted out since
)

// ApplyOptReply does what a caller wishes, once. A gateway that got no answer
// tells it again, also after the caller has thought better of it: a repeat
// changes nothing, and an opt-in that is older than the number's newest
// opt-out neither. Whole seconds are compared, for many gateways have no more.
func (s *Store) ApplyOptReply(ctx context.Context, r OptReply) (outcome OptOutcome, err error) {
	phone, err := optPhone(r.Phone)
	if err != nil {
		return "", err
	}
	err = s.inTx(ctx, opNotify, func(tx *gorm.DB) error {
		now := stamp(s.now())
		at := stamp(r.At)
		if at.After(now) {
			at = now
		}
		fresh, err := firstTold(tx, r.Tenant, r.EventID, now)
		switch {
		case err != nil:
			return err
		case !fresh:
			outcome = OptRepeated
			return nil
		case r.Out:
			outcome = OptApplied
			_, err = addOptOut(tx, OptOut{Tenant: r.Tenant, Phone: phone, Source: "reply", CreatedAt: at}, now)
			return err
		}
		if outcome, err = optIn(tx, r.Tenant, phone, at); err != nil {
			return err
		}
		return nil
	})
	return outcome, err
}

func optIn(tx *gorm.DB, tenant, phone string, at time.Time) (OptOutcome, error) {
	var rows []optOutRow
	if err := ofNumber(tx.Select("id", "created_at"), tenant, phone).Find(&rows).Error; err != nil {
		return "", err
	}
	for _, row := range rows {
		if at.Before(row.CreatedAt.Truncate(time.Second)) {
			return OptOlder, nil
		}
	}
	// The times are asked for again: an opt-out of this moment is kept.
	before := at.Truncate(time.Second).Add(time.Second)
	return OptApplied, ofNumber(tx, tenant, phone).Where("created_at < ?", stamp(before)).Delete(&optOutRow{}).Error
}

// firstTold notes that a message was told, beside those of ticket systems,
// which ForgetLinkEvents forgets with them.
func firstTold(tx *gorm.DB, tenant, eventID string, now time.Time) (bool, error) {
	sum := sha256.Sum256([]byte(eventID))
	res := tx.Clauses(clause.OnConflict{DoNothing: true}).
		Create(&linkEventRow{Tenant: schemas.TenantName(tenant), EventID: "reply:" + hex.EncodeToString(sum[:16]), ReceivedAt: now})
	return res.RowsAffected > 0, res.Error
}

func optPhone(s string) (string, error) {
	phone := nationalPhone(s)
	if len(phone) < 5 || len(phone) > 20 {
		return "", fmt.Errorf("%w: phone: is no telephone number", ErrInvalid)
	}
	return phone, nil
}

// addOptOut notes an opt-out; of one that is known, the newest time is kept.
func addOptOut(tx *gorm.DB, o OptOut, now time.Time) (added bool, err error) {
	known, err := optedOut(tx, o.Tenant, o.Phone)
	if err != nil {
		return false, err
	}
	if known {
		return false, ofNumber(tx.Model(&optOutRow{}), o.Tenant, o.Phone).Where("created_at < ?", o.CreatedAt).Update("created_at", o.CreatedAt).Error
	}
	res := tx.Clauses(clause.OnConflict{DoNothing: true}).
		Create(&optOutRow{ID: schemas.NewID(now), Tenant: schemas.TenantName(o.Tenant), Phone: o.Phone, Source: o.Source, CreatedAt: o.CreatedAt})
	return res.RowsAffected > 0, res.Error
}
