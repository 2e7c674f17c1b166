package store_test

import (
	"testing"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// Of a history that is longer than what is shown, the newest changes are shown.
func TestALongHistoryShowsTheNewest(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		id := ticket(t, s, "long").ID
		const more = 3000
		err := s.ExecForTest(ctx, `INSERT INTO ticket_history (ticket_id, version, position, at, who, field, source, target, why)
			WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i <= ?)
			SELECT id, n.i, p.i, opened_at, 'system:rest', 'external_status', 'a', 'b', '' FROM tickets, n, (SELECT 0 AS i UNION ALL SELECT 1) AS p WHERE id = ?`, more, id)
		if err == nil {
			err = s.ExecForTest(ctx, "UPDATE tickets SET version = ? WHERE id = ?", more+1, id)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.ChangeTicket(ctx, id, to(schemas.StatusResolved)); err != nil {
			t.Fatal(err)
		}
		life, err := s.TicketLife(ctx, id)
		if err != nil || len(life.History) != 2000 {
			t.Fatalf("%d changes, %v", len(life.History), err)
		}
		last := life.History[len(life.History)-1]
		if last.Version != more+2 || last.Field != "status" || last.To != string(schemas.StatusResolved) {
			t.Errorf("the last one is %+v", last)
		}
		for i, h := range life.History[1:] {
			if was := life.History[i]; h.Version < was.Version {
				t.Fatalf("%d comes after %d", h.Version, was.Version)
			}
		}
	})
}
