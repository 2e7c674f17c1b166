package rt_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/workers/ticket"
)

// desk is an RT whose users go on working while it is asked: it orders by
// time and counts its pages anew for every request.
type desk struct {
	mu      sync.Mutex
	touched map[int]time.Time
	work    func(request int)
	asked   int
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := r.URL.Query()
	if got := fmt.Sprint(q["orderby"]); got != "[LastUpdated id]" {
		http.Error(w, "order "+got, http.StatusBadRequest)
		return
	}
	page, _ := strconv.Atoi(q.Get("page"))
	per, _ := strconv.Atoi(q.Get("per_page"))
	_, text, _ := strings.Cut(q.Get("query"), "LastUpdated >= '")
	ago, err := strconv.Atoi(strings.TrimSuffix(text, " seconds ago'"))
	if err != nil || page < 1 || per < 1 {
		http.Error(w, q.Encode(), http.StatusBadRequest)
		return
	}
	from := time.Now().Add(-time.Duration(ago) * time.Second)
	var ids []int
	for id, at := range d.touched {
		if !at.Before(from) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b int) int {
		if n := d.touched[a].Compare(d.touched[b]); n != 0 {
			return n
		}
		return a - b
	})
	var items []string
	for i := (page - 1) * per; i < min(page*per, len(ids)); i++ {
		items = append(items, fmt.Sprintf(`{"id":"%d","Status":"open","LastUpdated":%q}`, ids[i], d.touched[ids[i]].UTC().Format(time.RFC3339)))
	}
	fmt.Fprintf(w, `{"items":[%s],"pages":%d}`, strings.Join(items, ","), (len(ids)+per-1)/per)
	if d.asked++; d.work != nil {
		d.work(d.asked)
	}
}

// Tickets that are touched, or go to another queue, between two pages move all
// that follow.
func TestNoChangeIsPassedOverWhileUsersWork(t *testing.T) {
	begin := time.Now().Add(-2 * time.Hour).Truncate(time.Second)
	for name, c := range map[string]struct {
		tickets int
		every   time.Duration
		touch   int // tickets of the front in each pause
		leave   int // tickets that go away in each pause
		bounded bool
	}{
		"one page":           {tickets: 60, every: time.Second, touch: 3},
		"one touched":        {tickets: 250, every: time.Second, touch: 1},
		"many touched":       {tickets: 450, every: time.Second, touch: 120},
		"some leave":         {tickets: 450, every: time.Second, touch: 5, leave: 60},
		"more than one asks": {tickets: 5300, every: time.Second, touch: 7, bounded: true},
		"all at once":        {tickets: 5300, touch: 0, bounded: true},
	} {
		t.Run(name, func(t *testing.T) {
			d := &desk{touched: map[int]time.Time{}}
			for id := range c.tickets {
				d.touched[id+1] = begin.Add(time.Duration(id) * c.every)
			}
			next, clock := 1, begin.Add(time.Hour+50*time.Minute)
			d.work = func(int) {
				for range c.touch {
					clock = clock.Add(time.Second / 4)
					d.touched[next] = clock.Truncate(time.Second)
					next++
				}
				for range c.leave {
					delete(d.touched, next)
					next++
				}
			}
			server := httptest.NewServer(d)
			defer server.Close()
			s := system(t, server.URL)
			got := map[string]bool{}
			cursor := begin
			ask := func() int {
				list, refused, err := s.Changes(t.Context(), cursor)
				if err != nil || len(refused) > 0 {
					t.Fatal(refused, err)
				}
				if !slices.IsSortedFunc(list, func(a, b ticket.ExternalChange) int { return a.At.Compare(b.At) }) {
					t.Error("not in the order of times")
				}
				ids := map[string]bool{}
				for _, c := range list {
					if ids[c.ID] {
						t.Errorf("%s is there twice", c.ID)
					}
					ids[c.ID], got[c.ID], cursor = true, true, c.At
				}
				return len(list)
			}
			ask()
			d.mu.Lock()
			d.work = nil // they go home
			d.mu.Unlock()
			for range 3 {
				ask()
			}
			for id, at := range d.touched {
				if !got[fmt.Sprintf("rt:%d:open:%d", id, at.Unix())] {
					t.Fatalf("ticket %d, touched at %v, was passed over", id, at)
				}
			}
			if d.asked > 300 {
				t.Errorf("%d requests", d.asked)
			}
		})
	}
}

// A ticket that RT lists without what is needed hides none of the others.
func TestABadTicketKeepsNoOtherFromUs(t *testing.T) {
	now := time.Now().UTC()
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		at := func(s int) string { return now.Add(time.Duration(s) * time.Second).Format(time.RFC3339) }
		fmt.Fprintf(w, `{"items":[{"id":"1","Status":"open","LastUpdated":%q},{"id":"2","LastUpdated":%q},{"id":"3","Status":"open","LastUpdated":"soon"},{"id":"4","Status":"open","LastUpdated":%q}],"pages":1}`, at(1), at(2), at(3))
	}))
	defer fake.Close()
	list, refused, err := system(t, fake.URL).Changes(t.Context(), now)
	if err != nil || len(list) != 2 || list[1].ExternalID != "4" || len(refused) != 2 {
		t.Errorf("%+v, %v, %v", list, refused, err)
	}
}
