package console

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// queryError collects everything wrong with a query.
type queryError struct{ fields []fieldError }

func (e *queryError) Error() string { return "invalid query" }

// query reads parameters one by one; what nobody read is unknown.
type query struct {
	values url.Values
	errs   []fieldError
	read   map[string]bool
}

func newQuery(raw string) *query {
	q := &query{read: map[string]bool{}}
	var err error
	if q.values, err = url.ParseQuery(raw); err != nil {
		q.bad("query", "is not URL-encoded")
	}
	return q
}

func (q *query) bad(field, detail string) {
	q.errs = append(q.errs, fieldError{Field: field, Detail: detail})
}

func (q *query) get(name string) string {
	q.read[name] = true
	v := q.values[name]
	if len(v) > 1 {
		q.bad(name, "is given more than once")
	}
	if len(v) == 0 {
		return ""
	}
	return v[0]
}

func (q *query) matching(name string, pattern *regexp.Regexp) string {
	v := q.get(name)
	if v != "" && !pattern.MatchString(v) {
		q.bad(name, "does not match "+pattern.String())
		return ""
	}
	return v
}

func oneOf[T ~string](q *query, name string, allowed []T) T {
	v := T(q.get(name))
	if v != "" && !slices.Contains(allowed, v) {
		list := ""
		for _, a := range allowed {
			list += " " + string(a)
		}
		q.bad(name, "is none of"+list)
		return ""
	}
	return v
}

func (q *query) time(name string) time.Time {
	v := q.get(name)
	if v == "" {
		return time.Time{}
	}
	t, ok := parseTime(v)
	if !ok {
		q.bad(name, noTime)
	}
	return t
}

const noTime = "is no RFC 3339 time, like 2026-11-11T00:00:00+08:00"

// parseTime reads what databases and everybody's clocks can hold.
func parseTime(v string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, v)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}, false
	}
	return t, true
}

func (q *query) page() (limit int, after store.Cursor) {
	if v := q.get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > store.MaxPage {
			q.bad("limit", "is not in 1.."+strconv.Itoa(store.MaxPage))
		}
		limit = n
	}
	after, err := store.ParseCursor(q.get("cursor"))
	if err != nil {
		q.bad("cursor", "was not made by this API")
	}
	return limit, after
}

func (q *query) end() error {
	for _, name := range sortedKeys(q.values) {
		if !q.read[name] {
			q.bad(short(name), "is no parameter here")
		}
	}
	if len(q.errs) > 0 {
		return &queryError{q.errs}
	}
	return nil
}

var (
	outcomes = []schemas.Outcome{
		schemas.OutcomeTicketOpened, schemas.OutcomeResolved, schemas.OutcomeHandedOff, schemas.OutcomeUnfinished,
		schemas.OutcomeAbandoned, schemas.OutcomeNoInput, schemas.OutcomeFailed,
	}
	groups     = schemas.Groups()
	statuses   = schemas.TicketStatuses()
	priorities = schemas.Priorities()
	approvals  = []store.Approval{store.ApprovalNeeded, store.ApprovalGiven, store.ApprovalRefused}
	kinds      = []schemas.RequestKind{
		schemas.KindReturn, schemas.KindRefund, schemas.KindExchange, schemas.KindCancel, schemas.KindComplaint, schemas.KindInquiry,
	}

	idPattern     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	callerPattern = regexp.MustCompile(`^\+?[0-9]{3,20}$`)
	orderPattern  = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)
	wordPattern   = regexp.MustCompile(`^[0-9A-Za-z_.-]{1,64}$`)
	tenantPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	personPattern = regexp.MustCompile(`^[\p{L}\p{N}._@:-]{1,64}$`)
	numberPattern = regexp.MustCompile(`^[0-9]{4,12}$`)
)

func parseCalls(raw string) (f store.CallFilter, limit int, after store.Cursor, err error) {
	q := newQuery(raw)
	f = store.CallFilter{
		Outcome: oneOf(q, "outcome", outcomes), Caller: q.matching("caller", callerPattern),
		Since: q.time("since"), Until: q.time("until"),
	}
	q.interval(f.Since, f.Until)
	limit, after = q.page()
	return f, limit, after, q.end()
}

// parseTicketFilter reads what narrows lists and exports of tickets.
func parseTicketFilter(q *query) store.TicketFilter {
	f := store.TicketFilter{
		CallID: q.matching("call_id", idPattern), OrderNumber: q.matching("order_number", orderPattern),
		Number: q.matching("number", numberPattern), Group: oneOf(q, "group", groups), Kind: oneOf(q, "kind", kinds),
		Status: oneOf(q, "status", statuses), Reason: q.matching("reason", wordPattern),
		Since: q.time("since"), Until: q.time("until"), Text: q.get("q"), Tenant: q.matching("tenant", tenantPattern),
		Assignee: q.matching("assignee", personPattern), Priority: oneOf(q, "priority", priorities), Approval: oneOf(q, "approval", approvals),
		DueBefore: q.time("due_before"),
	}
	q.interval(f.Since, f.Until)
	if f.Text != "" && store.ValidSearch(f.Text) != nil {
		q.bad("q", "wants 1 to 10 words of letters and digits, 100 characters together, and no number of 7 digits or more")
	}
	return f
}

func (q *query) interval(since, until time.Time) {
	if !since.IsZero() && !until.IsZero() && !since.Before(until) {
		q.bad("until", "is not after since")
	}
}

func (q *query) yes(name string) bool {
	v := q.get(name)
	if v != "" && v != "true" && v != "false" {
		q.bad(name, "is neither true nor false")
	}
	return v == "true"
}

func parseTickets(raw string) (f store.TicketFilter, limit int, after store.Cursor, err error) {
	q := newQuery(raw)
	f = parseTicketFilter(q)
	limit, after = q.page()
	return f, limit, after, q.end()
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
