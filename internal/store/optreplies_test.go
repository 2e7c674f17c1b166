package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
)

func TestOptRepliesCountOnceAndInTheirOrder(t *testing.T) {
	onEach(t, store.Deps{Vault: testVault(t)}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		noon := time.Now().Add(-time.Hour).Truncate(time.Second)
		for i, step := range []struct {
			id   string
			out  bool
			at   time.Duration // after noon
			want store.OptOutcome
			now  bool // opted out then
		}{
			{"start", false, 0, store.OptApplied, false},
			{"stop", true, time.Minute, store.OptApplied, true},
			{"start", false, 0, store.OptRepeated, true},
			{"start", false, 2 * time.Minute, store.OptRepeated, true}, // signed anew
			{"late", false, 59 * time.Second, store.OptOlder, true},    // the first try of it did not come
			{"stop 2", true, 5 * time.Minute, store.OptApplied, true},
			{"late 2", false, 3 * time.Minute, store.OptOlder, true}, // older than the newest
			{"stop 0", true, -time.Minute, store.OptApplied, true},
			{"late 3", false, 4 * time.Minute, store.OptOlder, true},
			{"again", false, 6 * time.Minute, store.OptApplied, false},
			{"stop", true, time.Minute, store.OptRepeated, false},
			{"stop 3", true, 24 * time.Hour, store.OptApplied, true}, // a clock ahead
			{"again 2", false, 24 * time.Hour, store.OptApplied, false},
			{"same second", true, 7 * time.Minute, store.OptApplied, true},
			{"same second 2", false, 7 * time.Minute, store.OptApplied, false},
		} {
			got, err := s.ApplyOptReply(ctx, store.OptReply{Tenant: "acme", EventID: step.id, Phone: "+8613800138001", Out: step.out, At: noon.Add(step.at)})
			if err != nil || got != step.want {
				t.Errorf("%d, %s: %v, %v, want %v", i, step.id, got, err, step.want)
			}
			if out, err := s.OptedOut(ctx, "acme", "13800138001"); err != nil || out != step.now {
				t.Fatalf("after %d, %s: opted out %v, %v", i, step.id, out, err)
			}
		}
		// An opt-out of the desk's own is one, too; other tenants' ids are others.
		if _, err := s.AddOptOut(ctx, store.OptOut{Tenant: "acme", Phone: "13800138001", Source: "cli"}); err != nil {
			t.Fatal(err)
		}
		if got, err := s.ApplyOptReply(ctx, store.OptReply{Tenant: "acme", EventID: "x", Phone: "13800138001", At: noon}); err != nil || got != store.OptOlder {
			t.Error(got, err)
		}
		if got, err := s.ApplyOptReply(ctx, store.OptReply{EventID: "stop", Phone: "13800138001", Out: true, At: noon}); err != nil || got != store.OptApplied {
			t.Error(got, err)
		}
		if _, err := s.ApplyOptReply(ctx, store.OptReply{EventID: "y", Phone: "alice", Out: true, At: noon}); !errors.Is(err, store.ErrInvalid) {
			t.Error(err)
		}
		// What is forgotten is new.
		if err := s.ForgetLinkEvents(ctx, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.ApplyOptReply(ctx, store.OptReply{Tenant: "acme", EventID: "again", Phone: "13800138001", At: time.Now().Add(time.Minute)}); err != nil || got != store.OptApplied {
			t.Error(got, err)
		}
	})
}
