// Package devswitch stands in for FreeSWITCH where none is installed. It is for
// development and tests, never for production: it speaks SIP and RTP to
// callers, FreeSWITCH's event socket in both directions to the orchestrator,
// and mod_audio_fork's client side to the mediabridge, with FreeSWITCH's names,
// replies and order of events as far as an orchestrator uses them.
//
// Nothing of FreeSWITCH's code is here. Replies and headers follow what its
// event socket answers on the wire; the same contract suite runs against both,
// and what they answer differently is a defect of this package. Known
// differences are listed in the README of this folder.
//
// Shape: one goroutine owns one channel (run.go); applications of the dialplan
// are functions on it that hand an operation to its select loop; commands from
// event sockets arrive as closures in its inbox; events leave through the bus.
package devswitch
