package store_test

import (
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
)

// The database refuses to delete young entries by its own clock; ours may be
// ahead, and what is old enough goes all the same.
func TestOldAuditEntriesGoWhenTheDatabaseIsBehind(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			dsn, ctx := make(t), storetest.Context(t)
			began := time.Now()
			for action, age := range map[string]time.Duration{"old": 40 * days, "at the edge": store.AuditFloor - time.Minute} {
				then := open(t, dsn, store.Deps{Now: func() time.Time { return began.Add(-age) }})
				if err := then.Audit(ctx, store.AuditEntry{Actor: "somebody", Action: action}); err != nil {
					t.Fatal(err)
				}
			}
			ahead := open(t, dsn, store.Deps{Now: func() time.Time { return began.Add(2 * time.Minute) }})
			n, _, err := ahead.Retain(ctx, store.RetentionConfig{Audit: store.AuditFloor}, 0)
			if err != nil || n[store.KindAudit] != 1 {
				t.Errorf("deleted %v, %v", n, err)
			}
		})
	}
}
