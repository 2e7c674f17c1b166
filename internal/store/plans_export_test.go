package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"
)

// Captured is a statement as the database got it.
type Captured struct {
	SQL  string
	Vars []any
}

// CaptureForTest gives the statements that fn causes.
func (s *Store) CaptureForTest(t testing.TB, fn func()) []Captured {
	t.Helper()
	var out []Captured
	keep := func(db *gorm.DB) {
		// Whether a table is there is asked of the catalogue, which is small.
		if sql := db.Statement.SQL.String(); strings.Contains(sql, "information_schema") || strings.Contains(sql, "sqlite_master") {
			return
		}
		out = append(out, Captured{db.Statement.SQL.String(), append([]any(nil), db.Statement.Vars...)})
	}
	for _, db := range s.handles() {
		// Preloads run inside a query and have ended when it is captured.
		if err := db.Callback().Query().After("gorm:query").Register("test:capture", keep); err != nil {
			t.Fatal(err)
		}
		if err := db.Callback().Raw().After("gorm:raw").Register("test:capture", keep); err != nil {
			t.Fatal(err)
		}
		if err := db.Callback().Row().After("gorm:row").Register("test:capture", keep); err != nil {
			t.Fatal(err)
		}
		if err := db.Callback().Update().After("gorm:update").Register("test:capture", keep); err != nil {
			t.Fatal(err)
		}
		if err := db.Callback().Delete().After("gorm:delete").Register("test:capture", keep); err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = db.Callback().Update().Remove("test:capture")
			_ = db.Callback().Delete().Remove("test:capture")
			_ = db.Callback().Row().Remove("test:capture")
			_ = db.Callback().Query().Remove("test:capture")
			_ = db.Callback().Raw().Remove("test:capture")
		}()
	}
	fn()
	return out
}

// ExplainForTest gives the plan of a statement, and of it what reads a whole
// table.
func (s *Store) ExplainForTest(ctx context.Context, t testing.TB, c Captured) (plan string, whole []string) {
	t.Helper()
	pool, err := s.read.DB()
	if err != nil {
		t.Fatal(err)
	}
	prefix := "EXPLAIN QUERY PLAN "
	if s.dialect == postgresDialect {
		prefix = "EXPLAIN (FORMAT JSON) "
	}
	rows, err := pool.QueryContext(ctx, prefix+c.SQL, c.Vars...)
	if err != nil {
		t.Fatalf("%s: %v", c.SQL, err)
	}
	defer func() { _ = rows.Close() }()
	var lines []string
	for rows.Next() {
		var line string
		if s.dialect == postgresDialect {
			err = rows.Scan(&line)
		} else {
			var id, parent, unused int
			err = rows.Scan(&id, &parent, &unused, &line)
		}
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if s.dialect == postgresDialect {
		return postgresPlan(t, lines)
	}
	for _, line := range lines {
		// A walk along an index in the order that is asked for is no scan: the
		// limit ends it. A virtual table is the index of words.
		if strings.HasPrefix(line, "SCAN ") && !strings.Contains(line, " USING ") && !strings.Contains(line, " VIRTUAL TABLE INDEX ") {
			whole = append(whole, line)
		}
	}
	return strings.Join(lines, "; "), whole
}

type planNode struct {
	Type  string     `json:"Node Type"`
	Table string     `json:"Relation Name"`
	Index string     `json:"Index Name"`
	Plans []planNode `json:"Plans"`
}

func postgresPlan(t testing.TB, lines []string) (string, []string) {
	t.Helper()
	var top []struct{ Plan planNode }
	if err := json.Unmarshal([]byte(strings.Join(lines, "")), &top); err != nil || len(top) == 0 {
		t.Fatalf("plan: %v", err)
	}
	var all, whole []string
	var walk func(n planNode)
	walk = func(n planNode) {
		if name := n.Table + n.Index; name != "" {
			all = append(all, fmt.Sprintf("%s %s", n.Type, max(n.Index, n.Table)))
		}
		if n.Type == "Seq Scan" {
			whole = append(whole, "Seq Scan "+n.Table)
		}
		for _, p := range n.Plans {
			walk(p)
		}
	}
	walk(top[0].Plan)
	return strings.Join(all, "; "), whole
}

// seedSeries are rows 1 to {n}, in both databases' words: {series} makes i,
// {hex:x} 22 digits of x, {at:x} a time of x times twenty seconds.
var seedSeries = []struct {
	share int // one row in so many
	stmt  string
}{
	{3, `INSERT INTO customers (id, name, phone, created_at, phone_index)
		SELECT 'C' || i, '{x}', '{x}', {at:1}, 'v1:{index}:' || {hex:i} FROM {series}`},
	{1, `INSERT INTO orders (number, number_reversed, customer_id, status, placed_at, payment_method, total_fen, address)
		SELECT {hex:i}, {reversed}, 'C' || (i % {customers} + 1), 'delivered', {at:i}, 'alipay', 100, '{x}' FROM {series}`},
	{10, `INSERT INTO order_lines (order_number, id, position, sku, title, quantity, price_fen)
		SELECT {hex:i}, '1', 0, 'S', 'T', 1, 100 FROM {series}`},
	{10, `INSERT INTO parcels (tracking_no, order_number, carrier, status) SELECT 'P' || i, {hex:i}, 'SF', 'delivered' FROM {series}`},
	{10, `INSERT INTO refunds (id, order_number, status, amount_fen, method, requested_at)
		SELECT 'R' || i, {hex:i}, 'paid', 100, 'alipay', {at:i} FROM {series}`},
	{10, `INSERT INTO payments (id, order_number, method, status, amount_fen) SELECT 'P' || i, {hex:i}, 'alipay', 'paid', 100 FROM {series}`},
	{10, `INSERT INTO parcel_events (tracking_no, at, text, place) SELECT 'P' || i, {at:i}, 'x', 'y' FROM {series}`},
	{1, `INSERT INTO tickets (id, number, idempotency_key, call_id, kind, team, status, order_number, order_verified, order_line, reason,
			reason_text, contact, summary, transcript_url, requested_at, opened_at, pickup_address, contact_index,
			tenant, assignee, due_at, escalate_at, ended_at)
		SELECT {hex:i}, {hex:i}, 'key ' || {hex:i}, 'call ' || i, 'return', CASE i % 4 WHEN 0 THEN 'finance' ELSE 'after_sales' END,
			CASE i % 20 WHEN 0 THEN 'open' ELSE 'closed' END, {hex:i}, TRUE, '1', 'wrong_size',
			'{x}', '{x}', '{x}', '', {at:i}, {at:i}, '', 'v1:{index}:' || {hex:i},
			CASE i % 2 WHEN 0 THEN 'acme' ELSE '' END, CASE i % 20 WHEN 0 THEN 'p' || (i % 1000) ELSE '' END,
			CASE i % 200 WHEN 0 THEN {at:i} END, CASE i % 200 WHEN 0 THEN {at:i} END, CASE i % 20 WHEN 0 THEN NULL ELSE {at:i} END FROM {series}`},
	{1, `INSERT INTO ticket_history (ticket_id, version, position, at, who, field, source, target, why)
		SELECT {hex:i}, 1, 0, {at:i}, 'dispatch', 'status', '', 'open', '' FROM {series}`},
	{10, `INSERT INTO ticket_comments (id, ticket_id, at, who, text) SELECT 'c' || i, {hex:i}, {at:i}, 'p', '{x}' FROM {series}`},
	{10, `INSERT INTO ticket_attachments (id, ticket_id, at, who, kind, url, title) SELECT 'a' || i, {hex:i}, {at:i}, 'p', 'other', 'u', '' FROM {series}`},
	{1, `INSERT INTO ticket_texts (ticket_id, body, grams) SELECT {hex:i}, '退货 ' || CASE i % 5000 WHEN 7 THEN 'zz' ELSE 'yy' END, {grams} FROM {series}`},
	{2, `INSERT INTO ticket_links (ticket_id, tenant, system, external_id, url, status, error, attempted, queued, delivered, sequence, lease)
		SELECT {hex:i}, 'acme', 'rest', CASE i % 5000 WHEN 0 THEN '' ELSE 'X' || i END, 'u', 'new', '', TRUE, 1, 0, 0, '' FROM {series}`},
	{2, `INSERT INTO ticket_deliveries (ticket_id, sequence, kind, change_key, data, state, failures, created_at)
		SELECT {hex:i}, 1, 'create', 'create', '{}', CASE i % 100 WHEN 7 THEN 'pending' ELSE 'done' END, 0, {at:i} FROM {series}`},
	{2, `INSERT INTO ticket_link_events (tenant, event_id, received_at) SELECT 'acme', 'e' || i, {at:i} FROM {series}`},
	{2, `INSERT INTO oms_writes (idempotency_key, tenant, kind, ticket_id, ticket_number, call_id, order_number, order_line, tracking_no, status,
			code, reason, number, address, attempts, requested_at)
		SELECT 'w' || i, 'acme', 'return', {hex:i}, {hex:i}, 'call ' || i, {hex:i}, '1', '', 'done', '', '', 'RMA' || i, '', 1, {at:i} FROM {series}`},
	{10, `INSERT INTO returns (number, order_number, kind, status, reason, reason_text, contact, pickup_address, requested_at, created_at)
		SELECT 'RMA' || i, {hex:i}, 'return', 'requested', '', '', '{x}', '{x}', {at:i}, {at:i} FROM {series}`},
	{2, `INSERT INTO audit_log (id, at, actor, action, subject, address) SELECT 'a' || i, {at:i}, 'k' || (i % 100), 'ticket.read', {hex:i}, '127.0.0.1' FROM {series}`},
	{1, `INSERT INTO calls (id, node, caller, called, orchestrator, flow, flow_version, started_at, duration_ms, outcome, reason, cause,
			cause_name, intent, ticket_number, caller_index)
		SELECT 'call ' || i, 'n', '{x}', '4008', 'o', 'returns', '1', {at:i}, 90000, CASE i % 9 WHEN 0 THEN 'handed_off' ELSE 'resolved' END,
			'', 16, 'NORMAL_CLEARING', 'return', '', 'v1:{index}:' || {hex:(i % {customers} + 1)} FROM {series}`},
	{1, `INSERT INTO turns (call_id, position, role, text, input, prompt_id, intent, confidence, interrupted, epoch, started_at, ended_at, latency_ms)
		SELECT 'call ' || i, 0, 'caller', '{x}', 'speech', '', '', 1, FALSE, 0, {at:i}, {at:i}, 100 FROM {series}`},
	{1, `INSERT INTO outbox (id, subject, type, call_id, data, created_at, sent_at)
		SELECT 'o' || i, 's', 't', 'call ' || i, '{}', {at:i}, CASE WHEN i % 5000 = 0 THEN NULL ELSE {at:i} END FROM {series}`},
}

// SeedForTest writes n of everything that lists grow with; the customer and
// the caller of phone are number 7 of their kind.
func (s *Store) SeedForTest(ctx context.Context, t testing.TB, n int, phone string) {
	t.Helper()
	_, index := s.vault.Active()
	hex, at, reversed := "lpad(to_hex($1), 22, '0')", "timestamptz '2026-01-01 00:00:00Z' + ($1) * interval '20 seconds'", "reverse(lpad(to_hex(i), 22, '0'))"
	grams := "array_to_tsvector(ARRAY['退', '货', '退货', CASE i % 5000 WHEN 7 THEN 'zz' ELSE 'yy' END])"
	series := "generate_series(1, %d) AS s(i)"
	if s.dialect == sqliteDialect {
		hex, at = "printf('%%022x', $1)", "datetime('2026-01-01', '+' || (($1) * 20) || ' seconds') || '+00:00'"
		hex = strings.ReplaceAll(hex, "%%", "%")
		grams = "'退 货 退货 ' || CASE i % 5000 WHEN 7 THEN 'zz' ELSE 'yy' END"
		reversed = "printf('%06d', i) || '0000000000000000'" // it cannot turn text round; for a plan any order does
		series = "(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < %d) SELECT i FROM s)"
	}
	for _, seed := range seedSeries {
		stmt := strings.NewReplacer("{series}", fmt.Sprintf(series, n/seed.share), "{x}", strings.Repeat("x", 70), "{index}", index,
			"{reversed}", reversed, "{customers}", fmt.Sprint(n/3), "{grams}", grams).Replace(seed.stmt)
		stmt = macro(macro(stmt, "{hex:", hex), "{at:", at)
		pool, err := s.write.DB()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pool.ExecContext(ctx, stmt); err != nil {
			t.Fatalf("%s: %v", stmt, err)
		}
	}
	for table, set := range map[string]string{
		"orders":    "number_reversed = '7" + strings.Repeat("0", 21) + "' WHERE number = '" + fmt.Sprintf("%022x", 7) + "'",
		"customers": "phone_index = '" + s.vault.Index(colPhone, phone) + "' WHERE id = 'C7'",
		"calls":     "caller_index = '" + s.vault.Index(colCaller, phone) + "' WHERE id = 'call 7'",
	} {
		if err := s.ExecForTest(ctx, "UPDATE "+table+" SET "+set); err != nil {
			t.Fatal(err)
		}
	}
	if s.dialect == postgresDialect { // autovacuum does so within a minute
		// It also sorts in what GIN indexes have put off.
		if err := s.ExecForTest(ctx, "VACUUM ANALYZE"); err != nil {
			t.Fatal(err)
		}
	}
}

// macro puts what stands between the opening and "}" into the text at $1.
func macro(s, opening, text string) string {
	for {
		before, rest, ok := strings.Cut(s, opening)
		if !ok {
			return s
		}
		arg, after, _ := strings.Cut(rest, "}")
		s = before + strings.ReplaceAll(text, "$1", arg) + after
	}
}
