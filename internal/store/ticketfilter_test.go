package store_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
)

// Lists that are narrowed by what only some tickets have read an index of it.
func TestListsOfPeopleAndTenantsReadIndexes(t *testing.T) {
	onEach(t, linked(nil), func(t *testing.T, s *store.Store) {
		ofAcme(t, s, "a")
		for index, f := range map[string]store.TicketFilter{
			"tickets_person":   {Assignee: "li.na"},
			"tickets_tenant":   {Tenant: "acme"},
			"tickets_approval": {Approval: store.ApprovalNeeded},
		} {
			plan, err := s.Plans(func() error { _, _, err := s.Tickets(storetest.Context(t), f, 0, ""); return err })
			if err != nil || !strings.Contains(plan, index) {
				t.Errorf("%s is not read: %v\n%s", index, err, plan)
			}
		}
	})
}

func TestALongTalkIsSearchedAsFarAsItCan(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		tk := ticket(t, s, "a")
		// Every pair of these characters is another one: the largest index.
		var b strings.Builder
		for i := range rune(4000) {
			b.WriteRune(0x4e00 + i*5)
		}
		r := []rune(b.String())
		for i := range 17 {
			if _, err := s.CommentTicket(ctx, tk.ID, "li.na", string(append(slices.Clone(r[i*100:]), r[:i*100]...))); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.CommentTicket(ctx, tk.ID, "li.na", "最后"); err != nil {
			t.Fatal(err)
		}
		if err := s.IndexTicket(ctx, tk.ID); err != nil {
			t.Fatal(err)
		}
		list, _, err := s.Tickets(ctx, store.TicketFilter{Text: "最后"}, 0, "")
		if err != nil || len(list) != 1 {
			t.Errorf("the newest comment is not found: %d, %v", len(list), err)
		}
		if _, err := s.CommentVersion(ctx, tk.ID, 1, "li.na", "x"); err == nil {
			t.Error("a comment on an old version")
		}
	})
}
