// Package dialog decides what is said next. It is pure: a flow (data), a
// state, the time and an input go in; a new state and acts come out. It has no
// clock, no I/O, no goroutine and no randomness, so a conversation can be
// replayed, moved to another orchestrator between two turns, and searched by
// property tests.
//
// The caller of Advance carries the acts out in order and feeds what happens
// back as inputs. The contract:
//
//   - Say acts of one Advance are played one after the other. Only the last one
//     expects an answer; the others have Expect.Kind ExpectNone.
//   - A timer of Expect.NoInputMS starts when the last Say has been played; when
//     it runs out without speech or keys, the input is Silence.
//   - Every FindOrders is answered by exactly one OrdersFound, with Err set when
//     no answer came in time. Every OpenTicket is answered by TicketOpened or
//     TicketFailed. Answers that come late, twice or unasked are harmless.
//   - Every Consult is answered by one Consulted, by Worded up to a Last one, or
//     by ConsultFailed, soon: nothing is said meanwhile. There is none unless
//     Start.Advice asks for it.
//   - Nothing follows End. After Handoff only HandoffFailed, ticket answers and
//     order answers are of interest.
package dialog
