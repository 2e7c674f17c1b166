package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// clock is a time that a test moves; newer entries must not share it.
type clock struct{ now time.Time }

func (c *clock) tick() time.Time { c.now = c.now.Add(time.Second); return c.now }

func TestAPIKeysAreKeptAndRevoked(t *testing.T) {
	c := &clock{now: noon}
	onEach(t, store.Deps{Now: c.tick}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		expires := noon.Add(time.Hour)
		for i, k := range []store.APIKey{
			{ID: "a", Name: "desk", Hash: "00", Scopes: []string{"tickets:read", "stats"}, CreatedAt: noon, ExpiresAt: &expires},
			{ID: "b", Name: "export", Hash: "01", Scopes: []string{"export"}, CreatedAt: noon.Add(time.Minute)},
		} {
			if err := s.AddAPIKey(store.Audited(ctx, store.AuditEntry{Actor: "cli", Action: "apikey.create", Subject: k.ID}), k); err != nil {
				t.Fatal(i, err)
			}
		}
		k, err := s.APIKey(ctx, "a")
		if err != nil || k.Name != "desk" || !slices.Equal(k.Scopes, []string{"tickets:read", "stats"}) || !k.Valid(noon) || k.Valid(expires) || k.LastUsedAt != nil {
			t.Errorf("key %+v, %v", k, err)
		}
		if err := s.TouchAPIKey(ctx, "a", noon.Add(5*time.Minute)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.RevokeAPIKey(ctx, "a"); err != nil {
				t.Fatal(err)
			}
		}
		list, err := s.APIKeys(ctx)
		if err != nil || len(list) != 2 || list[0].ID != "b" || list[1].RevokedAt == nil || list[1].Valid(noon) || !list[1].LastUsedAt.Equal(noon.Add(5*time.Minute)) {
			t.Errorf("keys %+v, %v", list, err)
		}
		for what, err := range map[string]error{"find": third(s.APIKey(ctx, "x")), "revoke": s.RevokeAPIKey(ctx, "x")} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v", what, err)
			}
		}
		// A second key of the same id is refused, and leaves no entry either.
		if err := s.AddAPIKey(store.Audited(ctx, store.AuditEntry{Actor: "cli", Action: "apikey.create", Subject: "twice"}), store.APIKey{ID: "a"}); err == nil {
			t.Error("two keys of one id")
		}
		entries, _, err := s.AuditLog(ctx, store.AuditFilter{Actor: "cli"}, 0, "")
		if err != nil || len(entries) != 2 || entries[0].Subject != "b" || entries[1].Subject != "a" {
			t.Errorf("audit %+v, %v", entries, err)
		}
	})
}

func third[T any](_ T, err error) error { return err }

func TestTheAuditLogOnlyGrows(t *testing.T) {
	c := &clock{now: time.Now().UTC().Add(-40 * 24 * time.Hour)}
	onEach(t, store.Deps{Now: c.tick}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		c.now = time.Now().UTC().Add(-40 * 24 * time.Hour).Truncate(time.Second)
		for i := range 5 {
			if i == 3 { // the last two are young
				c.now = time.Now().UTC().Truncate(time.Second)
			}
			if err := s.Audit(ctx, store.AuditEntry{Actor: fmt.Sprint("k", i%2), Action: "export", Address: "127.0.0.1", Details: map[string]string{"rows": "7"}}); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for cursor := store.Cursor(""); ; {
			list, next, err := s.AuditLog(ctx, store.AuditFilter{Actor: "k0"}, 2, cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range list {
				got = append(got, e.Actor+" "+e.Details["rows"])
			}
			if cursor = next; next == "" {
				break
			}
		}
		if len(got) != 3 || got[0] != "k0 7" {
			t.Errorf("entries %v", got)
		}
		if list, _, err := s.AuditLog(ctx, store.AuditFilter{Action: "export", Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)}, 0, ""); err != nil || len(list) != 2 {
			t.Errorf("interval: %d, %v", len(list), err)
		}
		// What is older than the floor goes, in steps; the rest is refused.
		for want := range []int{0, 1} {
			if n, _, err := s.Retain(ctx, store.RetentionConfig{Audit: store.AuditFloor}, 2); err != nil || n[store.KindAudit] != int64(2-want) {
				t.Errorf("deleted %v, %v", n, err)
			}
		}
		if n, _, err := s.Retain(ctx, store.RetentionConfig{Audit: time.Nanosecond}, 10); err != nil || n[store.KindAudit] != 0 {
			t.Errorf("young entries: deleted %v, %v", n, err)
		}
		if err := s.ExecForTest(ctx, "DELETE FROM audit_log"); err == nil {
			t.Error("young entries were deleted by hand")
		}
		if err := s.ExecForTest(ctx, "UPDATE audit_log SET actor = 'nobody'"); err == nil {
			t.Error("an entry was changed")
		}
		if list, _, err := s.AuditLog(ctx, store.AuditFilter{}, 0, ""); err != nil || len(list) != 2 {
			t.Errorf("left: %d, %v", len(list), err)
		}
	})
}

func openedTicket(t *testing.T, s *store.Store, key string, change func(*schemas.TicketOpen)) store.Ticket {
	t.Helper()
	req := schemas.TicketOpen{
		IdempotencyKey: key, CallID: key, Kind: schemas.KindReturn, OrderNumber: "20261112003378", Contact: "13800138001", RequestedAt: noon,
	}
	if change != nil {
		change(&req)
	}
	group := schemas.GroupAfterSales
	if req.Kind == schemas.KindRefund {
		group = schemas.GroupFinance
	}
	ticket, _, err := s.OpenTicket(storetest.Context(t), req, group)
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

var texts = []string{
	"客户要求退货，运动鞋尺码不合适。", "货退回来了，退款未到账", "Wrong SIZE, ｗａｎｔｓ a refund", "投诉快递员态度，电话13800138001回拨", "", "退。货", "SIZES",
}

// Whatever is searched for is found exactly in the texts that have it, and a
// telephone number in none.
func TestTicketsAreFoundByTheirText(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		for i, text := range texts {
			openedTicket(t, s, fmt.Sprint("t", i), func(r *schemas.TicketOpen) {
				r.Summary = text
				r.ReasonText = fmt.Sprint("理由", i)
			})
		}
		find := func(text string) string {
			t.Helper()
			list, _, err := s.Tickets(ctx, store.TicketFilter{Text: text}, 0, "")
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			var keys []string
			for _, ticket := range list {
				keys = append(keys, strings.TrimPrefix(ticket.IdempotencyKey, "t"))
			}
			slices.Sort(keys)
			return strings.Join(keys, "")
		}
		if got := find("退货"); got != "" {
			t.Errorf("found before the index: %s", got)
		}
		if next, err := s.IndexMissing(ctx, "", 4); err != nil || next == "" {
			t.Fatalf("next %q, %v", next, err)
		} else if next, err = s.IndexMissing(ctx, next, 4); err != nil || next != "" {
			t.Fatalf("next %q, %v", next, err)
		}
		for text, want := range map[string]string{
			"退货": "0", "货退": "1", "退": "015", "size": "26", "sizes": "6", "WANTS": "2", "ｓｉｚｅ refund": "2", "尺码 运动鞋": "0", "理由": "0123456",
			"理由3": "3", "不合尺": "", "电话": "3", "回拨": "3", "要求，退货": "0", "求退货运": "", "z": "26", "'\"退货": "0",
		} {
			if got := find(text); got != want {
				t.Errorf("%q: tickets %q, want %q", text, got, want)
			}
		}
		for _, text := range []string{"", "  ", "!?", "13800138001", "电话13800138001", strings.Repeat("退", store.MaxSearchText+1), "a b c d e f g h i j k", "\xff"} {
			if err := store.ValidSearch(text); !errors.Is(err, store.ErrInvalid) {
				t.Errorf("%q: %v", text, err)
			}
		}
		if body, err := s.QueryForTest(ctx, "SELECT body FROM ticket_texts WHERE body LIKE '%1380%'"); err != nil || body != "" {
			t.Errorf("a telephone number is in the index: %q, %v", body, err)
		}
		// Indexing again replaces; a deleted ticket takes its text along.
		id, err := s.QueryForTest(ctx, "SELECT id FROM tickets WHERE idempotency_key = 't0'")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.ExecForTest(ctx, "UPDATE tickets SET summary = '换货' WHERE idempotency_key = 't0'"), s.IndexTicket(ctx, id), s.IndexTicket(ctx, "nobody")); err != nil {
			t.Fatal(err)
		}
		if find("退货") != "" || find("换货") != "0" {
			t.Errorf("after a change: %q, %q", find("退货"), find("换货"))
		}
		if err := s.ExecForTest(ctx, "DELETE FROM tickets WHERE idempotency_key = 't0'"); err != nil {
			t.Fatal(err)
		}
		openedTicket(t, s, "t8", func(r *schemas.TicketOpen) { r.Summary = "别的" })
		if _, err := s.IndexMissing(ctx, "", 100); err != nil || find("换货") != "" || find("别的") != "8" {
			t.Errorf("after deleting: %q, %v", find("换货"), err)
		}
	})
}

func TestTicketsAreFilteredAndExported(t *testing.T) {
	c := &clock{now: noon}
	onEach(t, store.Deps{Now: c.tick}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		c.now = noon
		kinds := []schemas.RequestKind{schemas.KindReturn, schemas.KindRefund, schemas.KindExchange}
		const n = 1203
		for i := range n {
			openedTicket(t, s, fmt.Sprint("t", i), func(r *schemas.TicketOpen) { r.Kind, r.Reason = kinds[i%3], fmt.Sprint("r", i%2) })
		}
		count := func(f store.TicketFilter) int {
			t.Helper()
			seen := map[string]bool{}
			last := time.Time{}
			err := s.ExportTickets(ctx, f, time.Minute, func(list []store.Ticket) error {
				for _, ticket := range list {
					if seen[ticket.ID] || !last.IsZero() && ticket.OpenedAt.After(last) {
						t.Fatal("a ticket twice, or out of order")
					}
					seen[ticket.ID], last = true, ticket.OpenedAt
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return len(seen)
		}
		opened, _, err := s.Tickets(ctx, store.TicketFilter{}, 1, "")
		if err != nil {
			t.Fatal(err)
		}
		newest := opened[0].OpenedAt
		for _, c := range []struct {
			f    store.TicketFilter
			want int
		}{
			{store.TicketFilter{}, n}, {store.TicketFilter{Kind: schemas.KindRefund}, n / 3}, {store.TicketFilter{Reason: "r1"}, n / 2},
			{store.TicketFilter{Kind: schemas.KindReturn, Reason: "r1", Status: store.TicketStatusOpen}, n / 6},
			{store.TicketFilter{Status: "closed"}, 0}, {store.TicketFilter{Since: newest}, 1}, {store.TicketFilter{Until: newest}, n - 1},
			{store.TicketFilter{Group: schemas.GroupFinance}, n / 3},
		} {
			if got := count(c.f); got != c.want {
				t.Errorf("%+v: %d, want %d", c.f, got, c.want)
			}
		}
		stop := errors.New("enough")
		batches := 0
		if err := s.ExportTickets(ctx, store.TicketFilter{}, time.Minute, func([]store.Ticket) error { batches++; return stop }); !errors.Is(err, stop) || batches != 1 {
			t.Errorf("%d batches, %v", batches, err)
		}
		if err := s.ExportTickets(ctx, store.TicketFilter{}, time.Nanosecond, func([]store.Ticket) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no time: %v", err)
		}
	})
}

func TestStatisticsCountByDayOfTheClock(t *testing.T) {
	now := noon
	onEach(t, store.Deps{Now: func() time.Time { return now }}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		for i, at := range []string{"2026-11-20T15:59:59Z", "2026-11-20T16:00:00Z", "2026-11-21T15:59:59.5Z", "2026-11-21T16:00:00Z"} {
			now, _ = time.Parse(time.RFC3339, at)
			openedTicket(t, s, fmt.Sprint("s", i), func(r *schemas.TicketOpen) {
				r.RequestedAt = now.Add(-time.Duration(i) * 700 * time.Millisecond)
				r.Reason = "damaged"
				if i == 2 {
					r.Kind = schemas.KindRefund
				}
			})
			outcome := []schemas.Outcome{schemas.OutcomeTicketOpened, schemas.OutcomeHandedOff}[i%2]
			if err := s.Record(ctx, &schemas.CallEnded{CallID: fmt.Sprint("s", i), EndedAt: now, Outcome: outcome, Cause: 16}); err != nil {
				t.Fatal(err)
			}
		}
		since, until := noon.Add(-48*time.Hour), noon.Add(4*time.Hour) // the last is not in it
		st, err := s.Statistics(ctx, store.StatsFilter{Since: since, Until: until, Offset: 8 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(st.Tickets, st.ByDay, st.ByKind, st.ByReason, st.ByGroup, st.ByStatus, st.Calls, st.ByOutcome); got !=
			"3 [{2026-11-20 1} {2026-11-21 2}] [{return 2} {refund 1}] [{damaged 3}] [{after_sales 2} {finance 1}] [{open 3}] 3 [{ticket_opened 2} {handed_off 1}]" {
			t.Error(got)
		}
		if o := st.OpenTime; o.N != 3 || o.Mean != 700*time.Millisecond || o.Max != 1400*time.Millisecond || !slices.Equal(o.Within, []int64{1, 2, 3, 3, 3}) {
			t.Errorf("time to open %+v", o)
		}
		west, err := s.Statistics(ctx, store.StatsFilter{Since: since, Until: until, Offset: -10 * time.Hour, Kind: schemas.KindReturn})
		if err != nil || fmt.Sprint(west.ByDay) != "[{2026-11-20 2}]" {
			t.Errorf("%v, %v", west.ByDay, err)
		}
		empty, err := s.Statistics(ctx, store.StatsFilter{Since: until.Add(time.Hour * 1000), Until: until.Add(time.Hour * 1001)})
		if err != nil || empty.Tickets != 0 || empty.OpenTime.Mean != 0 || empty.ByDay == nil && len(empty.ByDay) != 0 {
			t.Errorf("%+v, %v", empty, err)
		}
	})
}
