package rt

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/workers/ticket"
)

// maxPages bounds one question for changes: 100 tickets each. What is touched
// later is for the next question.
const maxPages = 50

// skew is how much RT's clock may be ahead of ours.
const skew = 5 * time.Minute

// Changes lists the tickets of our queues that were touched, with their
// statuses, in the order of their times; all of them up to the newest time in
// the list, which is where the next question begins.
//
// RT lists by time, and counts pages anew for every request: a ticket that is
// touched meanwhile goes to the end, and all behind its place move up. Read
// forwards, the first of the next page would be passed over. So the pages are
// read from the last to the first: what moves up comes twice, never not at
// all. What went to the end meanwhile is left to the next question, for its
// neighbours there may not have been seen.
func (s *System) Changes(ctx context.Context, since time.Time) ([]ticket.ExternalChange, []*ticket.FieldError, error) {
	since = since.Truncate(time.Second)
	r := reading{s: s, since: since, seen: map[string]ticket.ExternalChange{}}
	newest, pages, err := r.page(ctx, 1)
	if err != nil {
		return nil, nil, err
	}
	if pages > 1 {
		if newest, err = r.backwards(ctx, pages); err != nil {
			return nil, nil, err
		}
	}
	out := make([]ticket.ExternalChange, 0, len(r.seen))
	for _, c := range r.seen {
		// Before since is what was asked for because of skew only.
		if !c.At.Before(since) && !c.At.After(newest) {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b ticket.ExternalChange) int {
		if n := a.At.Compare(b.At); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out, r.refused, nil
}

// reading is one question, of several requests.
type reading struct {
	s     *System
	since time.Time
	seen  map[string]ticket.ExternalChange // by their ids
	// refused cannot be used. It keeps no other ticket from being seen.
	refused []*ticket.FieldError
}

// backwards reads the pages from the last that is wanted to the first, and
// gives the time up to which all were seen.
func (r *reading) backwards(ctx context.Context, pages int) (newest time.Time, err error) {
	last := min(pages, maxPages)
	// When RT's users change thousands at once, that many may lie before what
	// is new; the end would be the same for ever.
	for {
		if newest, pages, err = r.page(ctx, last); err != nil {
			return newest, err
		}
		if last >= pages || newest.After(r.since.Add(skew)) {
			break
		}
		last = min(pages, last+maxPages)
	}
	for n := last - 1; n > 0; n-- {
		at, _, err := r.page(ctx, n)
		if err != nil {
			return newest, err
		}
		if newest.IsZero() { // the list has become shorter than it was
			newest = at
		}
	}
	return newest, nil
}

// page reads a page, and gives the time of its last ticket, and how many pages
// there are.
func (r *reading) page(ctx context.Context, n int) (last time.Time, pages int, err error) {
	a, err := r.s.do(ctx, "changes", r.s.calls.Changes, map[string]any{"query": r.query(), "page": n}, "items")
	if err != nil {
		return last, 0, err
	}
	items, err := listed("changes", a)
	if err != nil {
		return last, 0, err
	}
	for _, item := range items {
		id, status := item.Text("id"), item.Text("Status")
		at, err := time.Parse(time.RFC3339, item.Text("LastUpdated"))
		if err != nil || id == "" || status == "" {
			r.refused = append(r.refused, &ticket.FieldError{Field: "items", Detail: fmt.Sprintf("ticket %.20q is without id, Status or LastUpdated", id)})
			continue
		}
		last = at.UTC()
		c := ticket.ExternalChange{
			ID: fmt.Sprintf("rt:%s:%s:%d", id, status, at.Unix()), ExternalID: id, Status: status, Moves: r.s.spec.Moves[status],
			Means: ticket.Meaning(status, r.s.theirs), URL: r.s.external(id, "", "").URL, At: last,
		}
		r.seen[c.ID] = c
	}
	count, _ := a.Values["pages"].(float64)
	return last, int(count), nil
}

// query asks for a time ago. RT keeps whole seconds, and reads a date and time
// in the time zone of the user (RT::Date, ParseByTimeParseDate), which is
// US/Eastern as RT is installed and cannot be asked for; a time ago is the
// same in all zones.
func (r *reading) query() string {
	var queues []string
	for _, q := range r.s.spec.allQueues() {
		queues = append(queues, fmt.Sprintf("Queue = '%s'", q))
	}
	ago := max(0, time.Since(r.since)) + skew
	return fmt.Sprintf("(%s) AND LastUpdated >= '%d seconds ago'", strings.Join(queues, " OR "), int64(ago/time.Second)+1)
}
