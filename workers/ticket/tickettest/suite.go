// Package tickettest holds ticket systems' connectors to one contract, and has
// a small desk to connect to.
package tickettest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/workers/ticket"
)

// Other is the system at the other end, as its own people see it.
type Other struct {
	System ticket.System
	// Away is a connector to the same kind of system where nobody answers.
	Away ticket.System
	// Open makes a ticket that may be told; nil where any may.
	Open func(t testing.TB) ticket.Ticket
	// Copies counts what the system has for a ticket's key.
	Copies func(t testing.TB, key string) int
	// SetStatus is somebody there changing a copy; nil where nobody can.
	SetStatus func(t testing.TB, e ticket.External) (status string)
	// Status reads a copy's status there.
	Status func(t testing.TB, e ticket.External) string
	// Comments reads a copy's comments there; nil where they are not copied.
	Comments func(t testing.TB, e ticket.External) []string
	// Words maps our status "open" to what Status gives.
	Opened string
}

// limit is how long any call may take on a busy machine.
const limit = 20 * time.Second

// Run holds a connector to the contract of ticket.System.
func Run(t *testing.T, o Other) {
	if o.Open == nil {
		o.Open = func(testing.TB) ticket.Ticket { return ticket.Sample(time.Now()) }
	}
	s := o.System
	ctx := func(t testing.TB) context.Context {
		c, cancel := context.WithTimeout(context.Background(), limit)
		t.Cleanup(cancel)
		return c
	}
	created := func(t testing.TB) (ticket.Ticket, ticket.External) {
		t.Helper()
		tk := o.Open(t)
		e, err := s.Create(ctx(t), tk)
		if err != nil || e.ID == "" || e.Key != tk.Key {
			t.Fatalf("create: %+v, %v", e, err)
		}
		return tk, e
	}
	t.Run("ready", func(t *testing.T) {
		if err := s.Ready(ctx(t)); err != nil {
			t.Error(err)
		}
	})
	t.Run("created once and found by its key", func(t *testing.T) {
		tk, e := created(t)
		found, ok, err := s.Find(ctx(t), tk.Key)
		if !ok || err != nil || found.ID != e.ID || found.Key != tk.Key || o.Copies(t, tk.Key) != 1 {
			t.Errorf("find: %+v, %v, %v; %d copies", found, ok, err, o.Copies(t, tk.Key))
		}
	})
	t.Run("not found", func(t *testing.T) {
		if e, ok, err := s.Find(ctx(t), "01ARZ3NDEKTSV4RRFFQ69G5FAV"); ok || err != nil {
			t.Errorf("%+v, %v", e, err)
		}
	})
	t.Run("hostile texts", func(t *testing.T) {
		tk := o.Open(t)
		tk.Summary = "\"}],'; DROP -- {{ .x }} $(x) <b>&amp;\n\tzwei 退\u202e"
		if e, err := s.Create(ctx(t), tk); err != nil || o.Copies(t, tk.Key) != 1 {
			t.Errorf("%+v, %v: %d copies", e, err, o.Copies(t, tk.Key))
		}
		if _, ok, err := s.Find(ctx(t), "' OR 1=1 --"); ok || err != nil && errors.Is(err, store.ErrUnavailable) {
			t.Errorf("a key that is none finds something: %v, %v", ok, err)
		}
	})
	t.Run("updated twice is updated once", func(t *testing.T) {
		_, e := created(t)
		for range 2 {
			if err := s.Update(ctx(t), e, ticket.Change{ID: "c1", Status: "open", At: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		if got := o.Status(t, e); got != o.Opened {
			t.Errorf("status %q, want %q", got, o.Opened)
		}
	})
	t.Run("commented", func(t *testing.T) {
		_, e := created(t)
		if err := s.Comment(ctx(t), e, ticket.Comment{ID: "m1", Author: "wang", Text: "已联系顾客 \"&", At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		if o.Comments != nil {
			if got := o.Comments(t, e); len(got) != 1 || !strings.Contains(got[0], "已联系顾客 \"&") {
				t.Errorf("comments %q", got)
			}
		}
	})
	t.Run("a copy that is not there", func(t *testing.T) {
		gone := ticket.External{ID: "999999", Key: "none"}
		if err := s.Update(ctx(t), gone, ticket.Change{ID: "c2", Status: "open"}); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("update: %v", err)
		}
		if err := s.Comment(ctx(t), gone, ticket.Comment{ID: "m2", Text: "x"}); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("comment: %v", err)
		}
	})
	if o.SetStatus != nil {
		t.Run("changes", func(t *testing.T) { changes(t, o, ctx, created) })
	}
	t.Run("away", func(t *testing.T) {
		for name, do := range each(ctx(t), o.Away) {
			if err := do(); !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, ticket.ErrUnsupported) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		over, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := s.Create(over, o.Open(t)); err == nil {
			t.Error("created after its end")
		}
	})
	t.Run("at the same time", func(t *testing.T) {
		var wg sync.WaitGroup
		for range 4 {
			tk := o.Open(t)
			wg.Go(func() {
				e, err := s.Create(ctx(t), tk)
				if err != nil || o.Copies(t, tk.Key) != 1 {
					t.Errorf("%+v, %v", e, err)
				}
			})
		}
		wg.Wait()
	})
}

func each(ctx context.Context, s ticket.System) map[string]func() error {
	e := ticket.External{ID: "1", Key: "k"}
	return map[string]func() error{
		"create":  func() error { _, err := s.Create(ctx, ticket.Sample(time.Now())); return err },
		"find":    func() error { _, _, err := s.Find(ctx, "k"); return err },
		"update":  func() error { return s.Update(ctx, e, ticket.Change{ID: "c", Status: "open"}) },
		"comment": func() error { return s.Comment(ctx, e, ticket.Comment{ID: "c", Text: "x"}) },
		"ready":   func() error { return s.Ready(ctx) },
	}
}

func changes(t *testing.T, o Other, ctx func(testing.TB) context.Context, created func(testing.TB) (ticket.Ticket, ticket.External)) {
	before := time.Now().Add(-2 * time.Second) // systems keep whole seconds
	_, e := created(t)
	want := o.SetStatus(t, e)
	find := func(since time.Time) (last ticket.ExternalChange, n int) {
		list, refused, err := o.System.Changes(ctx(t), since)
		if err != nil || len(refused) > 0 {
			t.Fatal(refused, err)
		}
		for i, c := range list {
			if c.ID == "" || c.At.IsZero() || i > 0 && c.At.Before(list[i-1].At) {
				t.Errorf("change %d: %+v", i, c)
			}
			if c.ExternalID == e.ID {
				last, n = c, n+1
			}
		}
		return last, n
	}
	first, n := find(before)
	if n == 0 || first.Status != want {
		t.Errorf("%d changes, last %+v, want %q", n, first, want)
	}
	if again, _ := find(before); again.ID != first.ID {
		t.Errorf("told twice under two ids: %q, %q", first.ID, again.ID)
	}
	if _, n := find(first.At); n == 0 {
		t.Error("a change at the very time is left out")
	}
	if _, n := find(time.Now().Add(time.Hour)); n != 0 {
		t.Error(fmt.Sprint(n, " changes of the future"))
	}
}
