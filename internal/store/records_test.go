package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

func callFacts() []any {
	end := noon.Add(90 * time.Second)
	turn := func(i int, role schemas.Role, text string) *schemas.CallTurn {
		at := noon.Add(time.Duration(i+1) * 5 * time.Second)
		return &schemas.CallTurn{CallID: "c1", Index: i, Role: role, Text: text, Input: schemas.InputSpeech, Confidence: .93,
			Slots: map[string]string{"order": "3378"}, Epoch: i, StartedAt: at, EndedAt: at.Add(3 * time.Second), LatencyMS: 420}
	}
	return []any{
		&schemas.CallStarted{CallID: "c1", Node: "fs1", Caller: "+8613800138001", Called: "4001", Orchestrator: "o1", Flow: "returns", FlowVersion: "1", StartedAt: noon},
		&schemas.CallAnswered{CallID: "c1", AnsweredAt: noon.Add(time.Second)},
		turn(0, schemas.RoleAgent, "您好"), turn(1, schemas.RoleCaller, "我要退货"), turn(2, schemas.RoleAgent, "请问是哪个订单"),
		&schemas.CallTakenOver{CallID: "c1", From: "o1", To: "o2", Turns: 2, TakenAt: noon.Add(20 * time.Second)},
		&schemas.TicketOpened{CallID: "c1", IdempotencyKey: "k", TicketID: "t", Number: "12345674", Kind: schemas.KindReturn, Group: schemas.GroupAfterSales, OpenedAt: noon.Add(50 * time.Second)},
		&schemas.CallHandedOff{CallID: "c1", Reason: "asked", Target: "sip:human@example.net", Kind: "sip", Context: map[string]string{"intent": "return"}, At: noon.Add(80 * time.Second)},
		&schemas.CallEnded{CallID: "c1", EndedAt: noon.Add(40 * time.Second), Outcome: schemas.OutcomeFailed, Reason: "lost", Cause: 41},
		&schemas.CallEnded{CallID: "c1", EndedAt: end, DurationMS: 90000, Outcome: schemas.OutcomeHandedOff, Cause: 16, CauseName: "NORMAL_CLEARING", Intent: "return_request", Slots: map[string]string{"reason": "wrong_size"}, Turns: 3},
	}
}

// Whatever the order of the facts, and however often each comes, the record
// is the same.
func TestRecordsDoNotDependOnOrder(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		var first store.CallDetail
		for round := range 8 {
			id := fmt.Sprint("call", round)
			facts := append(callFacts(), callFacts()...)
			if round > 0 {
				rand.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
			}
			for _, f := range facts {
				reflect.ValueOf(f).Elem().FieldByName("CallID").SetString(id)
				if err := s.Record(ctx, f); err != nil {
					t.Fatalf("%T: %v", f, err)
				}
			}
			d, err := s.CallDetail(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			d.ID = ""
			for i := range d.Conversation {
				d.Conversation[i].CallID = ""
			}
			d.Takeovers[0].CallID, d.Handoffs[0].CallID = "", ""
			if round == 0 {
				first = d
				check(t, d)
			} else if !reflect.DeepEqual(d, first) {
				t.Errorf("round %d:\n%+v, want\n%+v", round, d, first)
			}
		}
		if err := s.Record(ctx, &schemas.OrdersFind{}); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("a question was recorded: %v", err)
		}
	})
}

func check(t *testing.T, d store.CallDetail) {
	t.Helper()
	if d.Caller != "+8613800138001" || !d.StartedAt.Equal(noon) || d.AnsweredAt == nil || d.Outcome != schemas.OutcomeHandedOff ||
		d.Duration != 90*time.Second || d.TicketNumber != "12345674" || d.Orchestrator != "o2" || d.Turns != 3 ||
		d.Slots["reason"] != "wrong_size" || d.Conversation[1].Text != "我要退货" || d.Conversation[1].Slots["order"] != "3378" ||
		d.Handoffs[0].Context["intent"] != "return" || d.StartedAt.Location() != time.UTC {
		t.Errorf("detail %+v", d)
	}
}

func TestCallsAreListedByFilterAndPage(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		for i := range 9 {
			id, at := fmt.Sprint("c", i), noon.Add(time.Duration(i/3)*time.Minute)
			facts := []any{
				&schemas.CallStarted{CallID: id, Caller: fmt.Sprint("1380013800", i%3+1), StartedAt: at},
				&schemas.CallTurn{CallID: id, Role: schemas.RoleAgent, StartedAt: at, EndedAt: at},
			}
			if i%2 == 0 {
				facts = append(facts, &schemas.CallEnded{CallID: id, EndedAt: at.Add(time.Second), Outcome: schemas.OutcomeResolved})
			}
			for _, f := range facts {
				if err := s.Record(ctx, f); err != nil {
					t.Fatal(err)
				}
			}
		}
		walk := func(f store.CallFilter) (ids []string) {
			for cursor := store.Cursor(""); ; {
				list, next, err := s.Calls(ctx, f, 2, cursor)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range list {
					ids = append(ids, c.ID)
					if c.Turns != 1 {
						t.Errorf("%s has %d turns", c.ID, c.Turns)
					}
				}
				if cursor = next; next == "" {
					return ids
				}
			}
		}
		for name, c := range map[string]struct {
			f    store.CallFilter
			want []string
		}{
			"all":      {store.CallFilter{}, []string{"c8", "c7", "c6", "c5", "c4", "c3", "c2", "c1", "c0"}},
			"outcome":  {store.CallFilter{Outcome: schemas.OutcomeResolved}, []string{"c8", "c6", "c4", "c2", "c0"}},
			"caller":   {store.CallFilter{Caller: "+86 138 0013 8002"}, []string{"c7", "c4", "c1"}},
			"interval": {store.CallFilter{Since: noon.Add(time.Minute), Until: noon.Add(2 * time.Minute)}, []string{"c5", "c4", "c3"}},
			"none":     {store.CallFilter{Since: noon.Add(time.Hour)}, nil},
		} {
			if got := walk(c.f); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
		if _, err := s.CallDetail(ctx, "nobody"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("unknown call: %v", err)
		}
	})
}
