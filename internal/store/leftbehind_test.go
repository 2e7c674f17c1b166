package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// What a migration's tables put into the outbox goes with them: whoever runs
// the binary of before cannot read it, and would try to for ever.
func TestNoMessageStaysThatNobodyOfBeforeCanRead(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			s := open(t, make(t), store.Deps{})
			ctx := storetest.Context(t)
			put := func(types ...string) {
				t.Helper()
				for _, typ := range types {
					if err := s.ExecForTest(ctx, "INSERT INTO outbox (id, subject, type, call_id, data, created_at) VALUES (?, 'x', ?, '', '{}', ?)", "left."+typ, typ, noon); err != nil {
						t.Fatal(err)
					}
				}
			}
			kept := []string{schemas.TypeTicketOpened, schemas.TypeTicketRejected}
			linked := []string{schemas.TypeTicketDeliver, schemas.TypeTicketSynced}
			written := []string{
				schemas.TypeReturnCreate, schemas.TypeReturnCreated, schemas.TypeOrderCancel, schemas.TypeOrderCancelled,
				schemas.TypeParcelIntercept, schemas.TypeParcelIntercepted, schemas.TypeOrderWriteRejected,
			}
			put(slices.Concat(kept, linked, written)...)
			for _, step := range []struct {
				below string
				left  []string
			}{
				{"0008_ticket_links", slices.Concat(kept, written)},
				{"0006_oms_writes", kept},
			} {
				if err := s.MigrateDownBelow(ctx, step.below); err != nil {
					t.Fatal(err)
				}
				list, err := s.PendingOutbox(ctx, noon.Add(time.Hour), store.MaxPage)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, m := range list {
					got = append(got, m.Type)
				}
				slices.Sort(got)
				slices.Sort(step.left)
				if !slices.Equal(got, step.left) {
					t.Errorf("below %s: %v are left, want %v", step.below, got, step.left)
				}
			}
		})
	}
}
