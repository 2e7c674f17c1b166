package schemas

// Prefix starts every subject; v1 is the version of the contract.
const Prefix = "tidegate.v1"

// Streams, buckets, and the subjects they hold.
const (
	// StreamFacts keeps what happened, for every consumer to read at its
	// own pace.
	StreamFacts   = "TIDEGATE_FACTS"
	SubjectsFacts = Prefix + ".fact.>"
	// StreamWork is a work queue: each message is done by one worker.
	StreamWork   = "TIDEGATE_WORK"
	SubjectsWork = Prefix + ".work.>"
	// StreamDead holds what no worker could do, with its error in headers.
	StreamDead   = "TIDEGATE_DEAD"
	SubjectsDead = Prefix + ".dead.>"
	// BucketCalls holds the newest snapshot of each call in progress.
	BucketCalls = "tidegate_calls"
)

// Fixed subjects.
const (
	SubjectTicketOpen  = Prefix + ".work.ticket.open"
	SubjectOrdersFind  = Prefix + ".oms.orders.find"
	SubjectOrderGet    = Prefix + ".oms.orders.get"
	SubjectTraceFind   = Prefix + ".oms.trace.find"
	SubjectRefunds     = Prefix + ".oms.refunds.find"
	SubjectOrderSystem = Prefix + ".oms.system.info"
	// SubjectOMSWork matches the writes of the order worker.
	SubjectOMSWork         = Prefix + ".work.oms.>"
	SubjectReturnCreate    = Prefix + ".work.oms.return"
	SubjectOrderCancel     = Prefix + ".work.oms.cancel"
	SubjectParcelIntercept = Prefix + ".work.oms.intercept"
	SubjectSlotASR         = Prefix + ".slot.asr"
	SubjectSlotTTS         = Prefix + ".slot.tts"
	// SubjectPromptsPrepare reaches every synthesis worker,
	// SubjectPromptsWanted every orchestrator.
	SubjectPromptsPrepare = Prefix + ".prompts.prepare"
	SubjectPromptsWanted  = Prefix + ".prompts.wanted"
	// SubjectCallFacts and SubjectTicketFacts match every call.
	SubjectCallFacts   = Prefix + ".fact.call.>"
	SubjectTicketFacts = Prefix + ".fact.ticket.>"
	SubjectOMSFacts    = Prefix + ".fact.oms.>"
)

// SubjectCallFact is where a fact about a call is published; event is the
// last part of its type: started, answered, turn, taken_over, handed_off,
// ended.
func SubjectCallFact(callID, event string) string {
	return Prefix + ".fact.call." + callID + "." + event
}

// SubjectTicketFact is where a ticket worker answers: opened or rejected; and
// where a ticket's life is told: changed, escalated.
func SubjectTicketFact(callID, event string) string {
	return Prefix + ".fact.ticket." + callID + "." + event
}

// SubjectOMSFact is where the order worker answers a write: return_created,
// cancelled, intercepted or rejected.
func SubjectOMSFact(callID, event string) string {
	return Prefix + ".fact.oms." + callID + "." + event
}

// SubjectMediaCommand carries commands to the bridge session of a call.
func SubjectMediaCommand(callID string) string { return Prefix + ".media." + callID + ".command" }

// SubjectMediaEvent carries events of the bridge session of a call.
func SubjectMediaEvent(callID string) string { return Prefix + ".media." + callID + ".event" }

// SubjectSlotDialect is where a place at a recogniser of one dialect is asked
// for; only workers that know it answer there.
func SubjectSlotDialect(dialect string) string { return SubjectSlotASR + "." + dialect }

// SubjectDead is where a message goes that came on subject and could not be
// done.
func SubjectDead(subject string) string { return Prefix + ".dead" + subject[len(Prefix):] }
