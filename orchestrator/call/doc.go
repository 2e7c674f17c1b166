// Package call is one telephone call: its states, what can happen to it, and
// what is to be done then.
//
// Step is a pure function, Step(flow, state, now, event) -> (state, effects):
// it has no clock, no I/O and no goroutine, so a call can be moved to another
// orchestrator, replayed from a record, and tested by properties. Timers are
// deadlines inside the State. Session runs a State: one goroutine owns it,
// carries the effects out, and saves a snapshot at every turn.
package call
