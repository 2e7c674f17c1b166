// Package caller is a simulated caller: it carries out a scenario as a real
// telephone call over SIP and RTP, listens, measures, records both sides, and
// then compares what the records say with what the scenario expects.
//
// Times are the caller's own: what left and what arrived at its network
// socket. Nothing of the system under test is looked into but its API.
package caller
