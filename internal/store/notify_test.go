package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/internal/vault"
	"github.com/tidegate/tidegate/schemas"
)

// tell plans a notification of a ticket, and has its caller want no more.
func tell(t testing.TB, s *store.Store, tk store.Ticket) string {
	t.Helper()
	ctx := storetest.Context(t)
	ids, err := s.PlanNotifications(ctx, []store.Notification{note(tk)})
	if err != nil {
		t.Fatal(err)
	}
	// The work goes with its migration, on purpose; what else is there stays.
	if err := s.ExecForTest(ctx, "DELETE FROM outbox WHERE id = ?", store.NotifyWorkID(ids[0])); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddOptOut(ctx, store.OptOut{Tenant: "acme", Phone: tk.Contact, Source: "cli"}); err != nil {
		t.Fatal(err)
	}
	return ids[0]
}

func note(tk store.Ticket) store.Notification {
	return store.Notification{TicketID: tk.ID, Tenant: "acme", CallID: tk.CallID, Event: "opened", Channel: "sms", Data: json.RawMessage(`{"return_address":"中山路128号"}`)}
}

func TestANotificationIsPlannedOnce(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		tk := ticket(t, s, "a")
		other := note(tk)
		other.Channel = "message"
		var ids []string
		for range 3 {
			var err error
			if ids, err = s.PlanNotifications(ctx, []store.Notification{note(tk), other}); err != nil {
				t.Fatal(err)
			}
		}
		list, err := s.NotificationsOfTicket(ctx, tk.ID)
		if err != nil || len(list) != 2 || len(ids) != 2 || ids[0] == ids[1] {
			t.Fatalf("%d, %v, %v", len(list), ids, err)
		}
		m, pending, err := s.OutboxPending(ctx, store.NotifyWorkID(ids[0]))
		if err != nil || !pending || m.Subject != "tidegate.v1.work.notify.acme" {
			t.Fatalf("%+v %v %v", m, pending, err)
		}
		if data, err := m.Decode(); err != nil || data.(*schemas.NotifySend).NotificationID != ids[0] {
			t.Errorf("%+v, %v", data, err)
		}
	})
}

func TestOneWorkerHoldsANotification(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		tk := ticket(t, s, "a")
		ids, err := s.PlanNotifications(ctx, []store.Notification{note(tk)})
		if err != nil {
			t.Fatal(err)
		}
		id := ids[0]
		var held atomic.Int64
		var claim store.NotifyClaim
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				switch c, err := s.ClaimNotification(ctx, id, time.Now().Add(time.Minute)); {
				case err == nil:
					held.Add(1)
					claim = c
				case !errors.Is(err, store.ErrNotifyBusy):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if held.Load() != 1 || claim.Lost || claim.Ticket.Contact != "13800138001" || string(claim.Notification.Data) != string(note(tk).Data) {
			t.Fatalf("%d hold it: %+v", held.Load(), claim)
		}
		if err := s.BeginNotification(ctx, claim, tk.Contact); err != nil {
			t.Fatal(err)
		}
		if err := s.ReleaseNotification(ctx, claim, false, "no answer", time.Time{}); err != nil {
			t.Fatal(err)
		}
		// Whoever lost it changes nothing any more.
		if err := s.EndNotification(ctx, claim, store.NotifyEnd{State: store.NotifySent}); !errors.Is(err, store.ErrNotifyBusy) {
			t.Errorf("ended without holding it: %v", err)
		}
		again, err := s.ClaimNotification(ctx, id, time.Now().Add(time.Minute))
		if err != nil || !again.Lost || again.Notification.Attempts != 1 {
			t.Fatalf("%+v, %v", again, err)
		}
		if err := s.EndNotification(ctx, again, store.NotifyEnd{State: store.NotifyRefused, Reason: "wrong number"}); err != nil {
			t.Fatal(err)
		}
		if c, err := s.ClaimNotification(ctx, id, time.Now().Add(time.Minute)); err != nil || c.Notification.State != store.NotifyRefused {
			t.Errorf("%+v, %v", c.Notification, err)
		}
		if err := s.ReviveNotification(ctx, id); err != nil {
			t.Fatal(err)
		}
		c, err := s.ClaimNotification(ctx, id, time.Now().Add(time.Minute))
		if err != nil || c.Lost || c.Notification.State != store.NotifyQueued || c.Notification.Attempts != 0 {
			t.Fatalf("%+v, %v", c, err)
		}
		if err := s.EndNotification(ctx, c, store.NotifyEnd{State: store.NotifyUnknown}); err != nil {
			t.Fatal(err)
		}
		if err := s.ReviveNotification(ctx, id); err != nil {
			t.Fatal(err)
		}
		if c, err = s.ClaimNotification(ctx, id, time.Now()); err != nil || c.Notification.State != store.NotifyUnknown {
			t.Errorf("what may have arrived is sent again: %+v, %v", c.Notification, err)
		}
		if _, err := s.ClaimNotification(ctx, "ntf_nothing", time.Now()); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%v", err)
		}
	})
}

func TestWhatIsPutOffComesBack(t *testing.T) {
	now := noon
	onEach(t, store.Deps{Now: func() time.Time { return now }}, func(t *testing.T, s *store.Store) {
		now = noon
		ctx := storetest.Context(t)
		ids, err := s.PlanNotifications(ctx, []store.Notification{note(ticket(t, s, "a"))})
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.ClaimNotification(ctx, ids[0], now.Add(time.Minute))
		if err == nil {
			err = s.ReleaseNotification(ctx, c, true, "quiet hours", now.Add(time.Hour))
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.ClaimNotification(ctx, ids[0], now.Add(time.Minute)); !errors.Is(err, store.ErrNotifyLater) {
			t.Errorf("claimed: %v", err)
		}
		if due, err := s.DueNotifications(ctx, 10); err != nil || len(due) != 0 {
			t.Errorf("due %+v, %v", due, err)
		}
		if err := s.WakeNotification(ctx, ids[0]); err != nil {
			t.Fatal(err)
		}
		now = noon.Add(time.Hour)
		due, err := s.DueNotifications(ctx, 10)
		if err != nil || len(due) != 1 || due[0].ID != ids[0] {
			t.Fatalf("due %+v, %v", due, err)
		}
		if err := s.WakeNotification(ctx, ids[0]); err != nil {
			t.Fatal(err)
		}
		if due, err := s.DueNotifications(ctx, 10); err != nil || len(due) != 0 {
			t.Errorf("due %+v, %v", due, err)
		}
		if c, err := s.ClaimNotification(ctx, ids[0], now.Add(time.Minute)); err != nil || c.Lost {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

func TestOptOuts(t *testing.T) {
	onEach(t, store.Deps{Vault: nil}, func(t *testing.T, s *store.Store) { optOuts(t, s) })
	onEach(t, store.Deps{Vault: testVault(t)}, func(t *testing.T, s *store.Store) { optOuts(t, s) })
}

func optOuts(t *testing.T, s *store.Store) {
	ctx := storetest.Context(t)
	for i, phone := range []string{"+8613800138001", "13800138001", "0138 0013 8001"} {
		if added, err := s.AddOptOut(ctx, store.OptOut{Tenant: "acme", Phone: phone, Source: "cli"}); err != nil || added != (i == 0) {
			t.Errorf("%s: %v, %v", phone, added, err)
		}
	}
	for _, c := range []struct {
		tenant, phone string
		want          bool
	}{{"acme", "13800138001", true}, {"acme", "008613800138001", true}, {"acme", "13800138002", false}, {"", "13800138001", false}, {"default", "13800138001", false}} {
		if out, err := s.OptedOut(ctx, c.tenant, c.phone); err != nil || out != c.want {
			t.Errorf("%+v: %v, %v", c, out, err)
		}
	}
	if _, err := s.AddOptOut(ctx, store.OptOut{Phone: "alice"}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a name: %v", err)
	}
	tk := ticket(t, s, "a")
	ids, err := s.PlanNotifications(ctx, []store.Notification{note(tk)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.ClaimNotification(ctx, ids[0], time.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.BeginNotification(ctx, c, tk.Contact); !errors.Is(err, store.ErrOptedOut) {
		t.Errorf("begun: %v", err)
	}
	if removed, err := s.RemoveOptOut(ctx, "acme", "13800138001"); err != nil || !removed {
		t.Errorf("removed %v, %v", removed, err)
	}
	if err := s.BeginNotification(ctx, c, tk.Contact); err != nil {
		t.Errorf("begin: %v", err)
	}
	for i := range 5 {
		if _, err := s.AddOptOut(ctx, store.OptOut{Tenant: "default", Phone: fmt.Sprint("1390000000", i), Source: "import"}); err != nil {
			t.Fatal(err)
		}
	}
	first, err := s.OptOuts(ctx, "", "", 3)
	if err != nil || len(first) != 3 {
		t.Fatalf("%+v, %v", first, err)
	}
	rest, err := s.OptOuts(ctx, "", first[2].ID, 3)
	if err != nil || len(rest) != 2 || rest[1].Phone == first[0].Phone || rest[1].Source != "import" {
		t.Errorf("%+v, %v", rest, err)
	}
}

// A code is told once, whichever index key was active when it was planned,
// and also when that was before codes were kept under one.
func TestACodeIsPlannedOnceWhileKeysChange(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			dsn := make(t)
			one := map[string]config.Secret{"i1": "fedcba9876543210fedcba9876543210"}
			two := map[string]config.Secret{"i1": one["i1"], "i2": "00112233445566778899aabbccddeeff"}
			with := func(active string, index map[string]config.Secret) *vault.Vault {
				v, err := vault.New(vault.Keys{Active: "k1", Keys: map[string]config.Secret{"k1": "0123456789abcdef0123456789abcdef"}, ActiveIndex: active, IndexKeys: index})
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			ctx := storetest.Context(t)
			s := mustOpenAs(t, dsn, with("i1", one))
			tk := ticket(t, s, "a")
			plan := func(s *store.Store, occurrence, code string) string {
				t.Helper()
				n := note(tk)
				n.Event, n.Occurrence, n.Code = "pickup_code", occurrence, code
				ids, err := s.PlanNotifications(ctx, []store.Notification{n})
				if err != nil || len(ids) != 1 {
					t.Fatal(ids, err)
				}
				return ids[0]
			}
			before := plan(s, "a388f562e286fdf2", "") // of 4821, as it was kept
			first, second := plan(s, "", "1234"), plan(s, "", "5678")
			s2 := mustOpenAs(t, dsn, with("i2", two))
			for _, s := range []*store.Store{s2, mustOpenAs(t, dsn, with("i1", two)), s2} {
				if got := []string{plan(s, "", "4821"), plan(s, "", "1234"), plan(s, "", "5678")}; !slices.Equal(got, []string{before, first, second}) {
					t.Errorf("%v, want %v", got, []string{before, first, second})
				}
			}
			third := plan(s2, "", "9999")
			list, err := s2.NotificationsOfTicket(ctx, tk.ID)
			if err != nil || len(list) != 4 || third == first {
				t.Errorf("%d notifications, %v", len(list), err)
			}
		})
	}
}
