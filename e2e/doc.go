// Package e2e holds whole calls as tests: real SIP and RTP into the stand-in
// switch, real NATS, a real database, every service as it runs in
// production; orchestrators as processes of their own where a test kills
// them.
package e2e
