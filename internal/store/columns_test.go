package store_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
)

// Why a column is not sealed.
const (
	asName    = "a name or number of the shop's, of a system's or of this program's, of no caller"
	asKey     = "rows are found, ordered or joined by it"
	asWord    = "one of a closed list of words"
	asSpoken  = "what was said or written: docs/privacy.md says that it is not sealed, and why"
	asSearch  = "words to search in, long numbers left out: sealed, nothing could be searched"
	asHash    = "a hash of something random"
	asStaff   = "a name of somebody who works here"
	asMachine = "where a program runs or what it wrote about itself"
)

// plain are the columns that are stored as they come, with the reason. A new
// column has to be here or sealed; a caller's number, name or address is
// sealed.
var plain = map[string]string{
	"api_keys.hash": asHash, "api_keys.id": asKey, "api_keys.name": asStaff, "api_keys.scopes": asWord,
	"audit_log.action": asWord, "audit_log.actor": asStaff, "audit_log.address": asMachine, "audit_log.details": "names of fields and counts, never values", "audit_log.id": asKey, "audit_log.subject": asKey,
	"calls.called": asName, "calls.cause_name": asWord, "calls.flow": asName, "calls.flow_version": asName, "calls.id": asKey, "calls.intent": asWord, "calls.node": asMachine,
	"calls.orchestrator": asMachine, "calls.outcome": asWord, "calls.reason": asWord, "calls.slots": asSpoken, "calls.ticket_number": asKey,
	"customers.id": asKey, "customers.level": asWord,
	"handoffs.call_id": asKey, "handoffs.context": asSpoken, "handoffs.kind": asWord, "handoffs.reason": asWord, "handoffs.target": asName,
	"notifications.call_id": asKey, "notifications.channel": asWord, "notifications.event": asWord, "notifications.gateway_id": asKey, "notifications.id": asKey, "notifications.lease": asMachine,
	"notifications.occurrence": asKey, "notifications.reason": asWord, "notifications.state": asWord, "notifications.tenant": asName, "notifications.ticket_id": asKey,
	"notify_optouts.id": asKey, "notify_optouts.source": asWord, "notify_optouts.tenant": asName,
	"oms_writes.call_id": asKey, "oms_writes.code": asWord, "oms_writes.idempotency_key": asKey, "oms_writes.kind": asWord, "oms_writes.number": asKey, "oms_writes.order_line": asKey,
	"oms_writes.order_number": asKey, "oms_writes.reason": "the order system's own words for a refusal", "oms_writes.status": asWord, "oms_writes.tenant": asName,
	"oms_writes.ticket_id": asKey, "oms_writes.ticket_number": asKey, "oms_writes.tracking_no": asKey,
	"order_lines.category": asName, "order_lines.id": asKey, "order_lines.order_number": asKey, "order_lines.sku": asName, "order_lines.tags": asName, "order_lines.title": asName,
	"orders.customer_id": asKey, "orders.number": asKey, "orders.number_reversed": asKey, "orders.payment_method": asWord, "orders.status": asWord,
	"outbox.call_id": asKey, "outbox.id": asKey, "outbox.subject": asName, "outbox.type": asWord,
	"parcel_events.place": "a place of the carrier's", "parcel_events.text": "the carrier's words", "parcel_events.tracking_no": asKey,
	"parcels.carrier": asName, "parcels.order_number": asKey, "parcels.status": asWord, "parcels.tracking_no": asKey,
	"payments.id": asKey, "payments.method": asWord, "payments.order_number": asKey, "payments.status": asWord,
	"refunds.id": asKey, "refunds.method": asWord, "refunds.order_number": asKey, "refunds.status": asWord,
	"return_lines.line_id": asKey, "return_lines.return_number": asKey,
	"returns.kind": asWord, "returns.number": asKey, "returns.order_number": asKey, "returns.reason": asWord, "returns.reason_text": asSpoken, "returns.status": asWord,
	"shop_writes.idempotency_key": asKey, "shop_writes.kind": asWord, "shop_writes.order_number": asKey,
	"takeovers.call_id": asKey, "takeovers.source": asMachine, "takeovers.target": asMachine,
	"ticket_attachments.id": asKey, "ticket_attachments.kind": asWord, "ticket_attachments.ticket_id": asKey, "ticket_attachments.title": asSpoken, "ticket_attachments.url": asName, "ticket_attachments.who": asStaff,
	"ticket_comments.id": asKey, "ticket_comments.ticket_id": asKey, "ticket_comments.who": asStaff,
	"ticket_deliveries.change_key": asKey, "ticket_deliveries.kind": asWord, "ticket_deliveries.state": asWord, "ticket_deliveries.ticket_id": asKey,
	"ticket_history.field": asWord, "ticket_history.source": "values of fields that are words, names of staff or times", "ticket_history.target": "as source", "ticket_history.ticket_id": asKey,
	"ticket_history.who": asStaff, "ticket_history.why": asSpoken,
	"ticket_link_cursors.tenant": asName, "ticket_link_events.event_id": asKey, "ticket_link_events.tenant": asName,
	"ticket_links.error": asMachine, "ticket_links.external_id": asKey, "ticket_links.lease": asMachine, "ticket_links.status": asName, "ticket_links.system": asName,
	"ticket_links.tenant": asName, "ticket_links.ticket_id": asKey, "ticket_links.url": asName,
	"ticket_texts.body": asSearch, "ticket_texts.grams": asSearch, "ticket_texts.ticket_id": asKey,
	"ticket_turns.last": asStaff, "ticket_turns.team": asName,
	"tickets.approval": asWord, "tickets.assignee": asStaff, "tickets.call_id": asKey, "tickets.id": asKey, "tickets.idempotency_key": asKey, "tickets.kind": asWord, "tickets.number": asKey,
	"tickets.order_line": asKey, "tickets.order_number": asKey, "tickets.priority": asWord, "tickets.reason": asWord, "tickets.reason_text": asSpoken, "tickets.status": asWord,
	"tickets.language": asWord, "tickets.summary": asSpoken, "tickets.team": asName, "tickets.tenant": asName, "tickets.transcript_url": asName,
	"turns.call_id": asKey, "turns.input": asWord, "turns.intent": asWord, "turns.prompt_id": asName, "turns.role": asWord, "turns.slots": asSpoken, "turns.text": asSpoken,
}

// Every column that can hold words is sealed, a blind index, or plain for a
// reason that stands above.
func TestEveryColumnIsSealedOrPlainForAReason(t *testing.T) {
	page, err := os.ReadFile("../../docs/privacy.md")
	if err != nil {
		t.Fatal(err)
	}
	columns, indexes := store.SealedColumnsForTest()
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		all := s.TextColumnsForTest(storetest.Context(t), t)
		for _, c := range all {
			sealed := slices.Contains(columns, c) || slices.Contains(indexes, c)
			switch reason := plain[c]; {
			case !sealed && reason == "":
				t.Errorf("%s is neither sealed nor plain for a reason", c)
			case sealed && reason != "":
				t.Errorf("%s is sealed and has a reason not to be: %s", c, reason)
			case (sealed && !slices.Contains(indexes, c) || reason == asSpoken || reason == asSearch) && !strings.Contains(string(page), "`"+c+"`"):
				t.Errorf("docs/privacy.md does not name %s", c)
			}
		}
		for c := range plain {
			if !slices.Contains(all, c) {
				t.Errorf("there is no column %s", c)
			}
		}
		for _, c := range append(columns, indexes...) {
			if !slices.Contains(all, c) {
				t.Errorf("there is no column %s to seal", c)
			}
		}
	})
}
