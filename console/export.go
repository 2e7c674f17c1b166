package console

import (
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// byteOrderMark makes Excel read UTF-8 as such.
const byteOrderMark = "\ufeff"

// column is one of the export: its name, and what a ticket has in it.
type column struct {
	name  string
	value func(t store.Ticket, personal bool) string
}

var columns = []column{
	{"id", func(t store.Ticket, _ bool) string { return t.ID }},
	{"number", func(t store.Ticket, _ bool) string { return t.Number }},
	{"opened_at", func(t store.Ticket, _ bool) string { return csvTime(&t.OpenedAt) }},
	{"requested_at", func(t store.Ticket, _ bool) string { return csvTime(&t.RequestedAt) }},
	{"kind", func(t store.Ticket, _ bool) string { return string(t.Kind) }},
	{"group", func(t store.Ticket, _ bool) string { return string(t.Group) }},
	{"status", func(t store.Ticket, _ bool) string { return string(t.Status) }},
	{"order_number", func(t store.Ticket, _ bool) string { return t.OrderNumber }},
	{"order_verified", func(t store.Ticket, _ bool) string { return strconv.FormatBool(t.OrderVerified) }},
	{"order_line", func(t store.Ticket, _ bool) string { return t.OrderLine }},
	{"reason", func(t store.Ticket, _ bool) string { return t.Reason }},
	{"reason_text", func(t store.Ticket, personal bool) string { return shownText(t.ReasonText, personal) }},
	{"received", func(t store.Ticket, _ bool) string {
		if t.Received == nil {
			return ""
		}
		return strconv.FormatBool(*t.Received)
	}},
	{"contact", func(t store.Ticket, personal bool) string { return shownPhone(t.Contact, personal) }},
	{"summary", func(t store.Ticket, personal bool) string { return shownText(t.Summary, personal) }},
	{"call_id", func(t store.Ticket, _ bool) string { return t.CallID }},
	{"tenant", func(t store.Ticket, _ bool) string { return schemas.TenantName(t.Tenant) }},
	{"assignee", func(t store.Ticket, _ bool) string { return t.Assignee }},
	{"priority", func(t store.Ticket, _ bool) string { return string(t.Priority) }},
	{"approval", func(t store.Ticket, _ bool) string { return string(t.Approval) }},
	{"due_at", func(t store.Ticket, _ bool) string { return csvTime(t.DueAt) }},
	{"version", func(t store.Ticket, _ bool) string { return strconv.FormatInt(t.Version, 10) }},
	{"external_system", func(t store.Ticket, _ bool) string { return externalOf(t).System }},
	{"external_id", func(t store.Ticket, _ bool) string { return externalOf(t).ExternalID }},
	{"external_status", func(t store.Ticket, _ bool) string { return externalOf(t).Status }},
	{"pickup_from", func(t store.Ticket, _ bool) string {
		if t.Pickup == nil {
			return ""
		}
		return csvTime(&t.Pickup.From)
	}},
	{"pickup_until", func(t store.Ticket, _ bool) string {
		if t.Pickup == nil {
			return ""
		}
		return csvTime(&t.Pickup.Until)
	}},
	{"pickup_address", func(t store.Ticket, personal bool) string {
		if t.Pickup == nil || t.Pickup.Address == "" {
			return ""
		}
		return shownSecret(t.Pickup.Address, personal)
	}},
}

// externalOf is the ticket's copy, empty where there is none.
func externalOf(t store.Ticket) store.Link {
	if t.External == nil {
		return store.Link{}
	}
	return *t.External
}

func csvTime(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Where the list separator is a semicolon, Excel splits our lines at those that
// stand in texts, whatever quotes are around them; others are asked for tabs.
// A line that ends within such a text begins a cell too.
const (
	separators = ";\t\r\n"
	formulas   = "=+-@＝＋－＠"
	blanks     = " \u3000\u00a0\ufeff\x00"
)

// defused keeps a spreadsheet from running what a caller said: a cell that
// would begin a formula gets an apostrophe in front, and so does what would be
// one behind another separator than ours (OWASP, CSV injection; full-width
// signs, too, which East Asian spreadsheets take for the same).
func defused(cell string) string {
	var out strings.Builder
	if first := strings.TrimLeft(cell, blanks); strings.IndexAny(first, "\t\r\n") == 0 {
		out.WriteByte('\'')
	}
	for begins := true; cell != ""; {
		if begins {
			inside := blanks
			if out.Len() > 0 {
				inside += `"` // it quotes nothing for us, but would there
			}
			if strings.IndexAny(strings.TrimLeft(cell, inside), formulas) == 0 {
				out.WriteByte('\'')
			}
		}
		end := strings.IndexAny(cell, separators) + 1
		if begins = end > 0; !begins {
			end = len(cell)
		}
		out.WriteString(cell[:end])
		cell = cell[end:]
	}
	return out.String()
}

func (s *Service) exportTickets(w http.ResponseWriter, r *http.Request) {
	p := asker(r)
	q := newQuery(r.URL.RawQuery)
	f := parseTicketFilter(q)
	personal := q.yes("personal")
	if err := q.end(); err != nil {
		s.fail(w, r, err)
		return
	}
	if personal && !p.may(ScopePersonal) {
		refuseScope(w, ScopePersonal)
		return
	}
	select {
	case s.exports <- struct{}{}:
		defer func() { <-s.exports }()
	default:
		s.metrics.limited.WithLabelValues(limitedExports).Inc()
		w.Header().Set("Retry-After", "10")
		writeProblem(w, problem{Status: http.StatusTooManyRequests, Kind: kindTooMany, Detail: "Other exports are running; try again when they have ended."})
		return
	}
	details := map[string]string{"personal": strconv.FormatBool(personal), "filters": strings.Join(filterNames(q), " ")}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	err := s.records.Audit(ctx, entry(p, ActionExport, "", details))
	cancel()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="tickets-`+s.now().UTC().Format("20060102-150405")+`.csv"`)
	if r.Method == http.MethodHead {
		return
	}
	rows, err := s.streamTickets(r.Context(), w, f, personal)
	s.metrics.exported.Add(float64(rows))
	details["rows"], details["complete"] = strconv.Itoa(rows), strconv.FormatBool(err == nil)
	// The client may be gone; that it had this many rows is noted all the same.
	ctx, cancel = context.WithTimeout(context.WithoutCancel(r.Context()), s.cfg.QueryTimeout)
	defer cancel()
	if auditErr := s.records.Audit(ctx, entry(p, ActionExported, "", details)); auditErr != nil {
		s.log.Warn("end of an export not noted", "key", p.actor, "rows", rows, "error", auditErr)
	}
	if err != nil {
		if r.Context().Err() == nil {
			s.log.Warn("export broken off", "rows", rows, "error", err)
		}
		// The status is sent. Cutting the connection is what is left to tell
		// the client that this is not the whole of it (RFC 9112, 8).
		panic(http.ErrAbortHandler)
	}
}

func filterNames(q *query) []string {
	var out []string
	for _, name := range sortedKeys(q.values) {
		if name != "personal" {
			out = append(out, name)
		}
	}
	return out
}

// streamTickets writes batch after batch. A client that does not read is cut
// off when a batch took too long to send.
func (s *Service) streamTickets(ctx context.Context, w http.ResponseWriter, f store.TicketFilter, personal bool) (rows int, err error) {
	control := http.NewResponseController(w)
	out := csv.NewWriter(w)
	out.UseCRLF = true // RFC 4180
	if _, err := io.WriteString(w, byteOrderMark); err != nil {
		return 0, err
	}
	record := make([]string, len(columns))
	for i, c := range columns {
		record[i] = c.name
	}
	if err := out.Write(record); err != nil {
		return 0, err
	}
	// What is left in the server's buffer is sent when this has returned.
	defer func() { _ = control.SetWriteDeadline(time.Now().Add(s.cfg.LongTimeout)) }()
	err = s.records.ExportTickets(ctx, f, s.cfg.LongTimeout, func(list []store.Ticket) error {
		// Recorders of tests know no deadlines.
		_ = control.SetWriteDeadline(time.Now().Add(s.cfg.LongTimeout))
		for _, t := range list {
			for i, c := range columns {
				record[i] = defused(c.value(t, personal))
			}
			if err := out.Write(record); err != nil {
				return err
			}
			rows++
		}
		out.Flush()
		return out.Error()
	})
	return rows, err
}
