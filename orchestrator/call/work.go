package call

import (
	"slices"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// lookUp asks the order system.
func (st *step) lookUp(q dialog.FindOrders) {
	st.arm(TimerLookup, st.m.Config.LookupLimit)
	st.arm(TimerSlow, st.m.Config.LookupBudget)
	st.emit(FindOrders{Request: q, Budget: st.m.Config.LookupLimit})
}

// stillLooking tells the dialogue that the order system is slow, when nobody
// speaks.
func (st *step) stillLooking() {
	switch {
	case st.s.Lookup == nil:
	case len(st.s.Speaking) > 0:
		st.arm(TimerSlow, st.m.Config.LookupBudget)
	default:
		st.advance(dialog.StillLooking{RequestID: st.s.Lookup.RequestID})
		st.emit(Save{})
	}
}

// ordersFound takes an answer that the call or its dialogue waits for: one to
// an earlier question, which a later one has overtaken, is used as well.
func (st *step) ordersFound(ev Event) {
	r := ev.(OrdersFound)
	switch {
	case st.s.Lookup != nil && st.s.Lookup.RequestID == r.RequestID:
		st.s.Lookup = nil
		st.disarm(TimerLookup, TimerSlow)
	case !st.s.Dialog.AwaitsOrders(r.RequestID):
		st.ignore(KindOrdersFound)
		return
	}
	st.advance(dialog.OrdersFound{RequestID: r.RequestID, Orders: r.Orders, Err: r.Err})
	st.emit(Save{})
}

// busRestored asks again for what may have been said while nobody heard it.
// A request whose caller has heard that the number follows is not armed
// again: its number just reaches the record.
func (st *step) busRestored(Event) {
	for _, t := range st.s.Tickets {
		st.emit(OpenTicket{Request: t.Request, Again: true})
	}
	if st.s.Media == MediaAttached {
		st.emit(SyncMedia{AfterSeq: st.s.LastSeq})
	}
}

func (st *step) ticketOpened(ev Event) {
	r := ev.(TicketOpened)
	if !st.ticketAnswered(r.Key) {
		st.ignore(KindTicketOpened)
		return
	}
	st.advance(dialog.TicketOpened{Key: r.Key, Number: r.Number})
	st.emit(Save{})
}

// ticketFailed: a pending request stays asked for, so that its number still
// reaches the record when it comes before the call ends.
func (st *step) ticketFailed(ev Event) {
	r := ev.(TicketFailed)
	known := slices.ContainsFunc(st.s.Tickets, func(t TicketRequest) bool { return t.Request.IdempotencyKey == r.Key })
	if !known {
		st.ignore(KindTicketFailed)
		return
	}
	if !r.Pending {
		st.ticketAnswered(r.Key)
	}
	st.disarm(TimerTicket)
	st.advance(dialog.TicketFailed{Key: r.Key, Reason: r.Reason, Pending: r.Pending})
	st.emit(Save{})
}

func (st *step) ticketAnswered(key string) bool {
	i := slices.IndexFunc(st.s.Tickets, func(t TicketRequest) bool { return t.Request.IdempotencyKey == key })
	if i < 0 {
		return false
	}
	st.s.Tickets = slices.Delete(st.s.Tickets, i, i+1)
	if len(st.s.Tickets) == 0 {
		st.disarm(TimerTicket)
	}
	return true
}
