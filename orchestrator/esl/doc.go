// Package esl is the only part of Tidegate that speaks FreeSWITCH's event socket. It is a layer over
// github.com/percipia/eslgo (exactly v1.5.2) that exposes typed commands and typed, ordered events:
//
//   - [Listener] accepts the connections that FreeSWITCH opens with the dialplan action
//     "socket HOST:PORT async full", one per call, and hands each to a handler as a [Channel].
//   - [NodeLink] keeps one link to a FreeSWITCH node for what concerns no single call: heartbeats,
//     originates, the list of channels.
//
// What eslgo leaves open is closed here: events are put back in the order of their Event-Sequence, one
// command is in flight per connection and always has a deadline, every error closes the connection,
// messages are bounded before eslgo parses them, arguments are escaped or refused, and a call is only
// accepted with the secret that the dialplan sets.
package esl
