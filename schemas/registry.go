package schemas

import (
	"reflect"
	"sort"
)

// Class says how a message travels and who keeps it.
type Class string

// The classes of messages.
const (
	ClassFact    Class = "fact"    // JetStream, kept; past tense
	ClassWork    Class = "work"    // JetStream work queue; imperative
	ClassCommand Class = "command" // core NATS, one receiver
	ClassEvent   Class = "event"   // core NATS, one receiver
	ClassRequest Class = "request" // core NATS, answered
	ClassReply   Class = "reply"
)

// Message describes one type of message. Address is its subject, with
// {callid} where the call's id stands; a reply has none.
type Message struct {
	Type    string
	Class   Class
	Address string
	Doc     string
	goType  reflect.Type
}

// Kind names of messages: the Type attribute of their envelopes.
const (
	TypeCallStarted   = Prefix + ".call.started"
	TypeCallAnswered  = Prefix + ".call.answered"
	TypeCallTurn      = Prefix + ".call.turn"
	TypeCallTakenOver = Prefix + ".call.taken_over"
	TypeCallHandedOff = Prefix + ".call.handed_off"
	TypeCallEnded     = Prefix + ".call.ended"

	TypeTicketOpen     = Prefix + ".ticket.open"
	TypeTicketOpened   = Prefix + ".ticket.opened"
	TypeTicketRejected = Prefix + ".ticket.rejected"

	TypeTicketChanged   = Prefix + ".ticket.changed"
	TypeTicketEscalated = Prefix + ".ticket.escalated"

	TypeOrdersFind  = Prefix + ".orders.find"
	TypeOrdersFound = Prefix + ".orders.found"

	TypeOrderGet           = Prefix + ".orders.get"
	TypeOrderGot           = Prefix + ".orders.got"
	TypeTraceFind          = Prefix + ".trace.find"
	TypeTrace              = Prefix + ".trace.found"
	TypeRefundsFind        = Prefix + ".refunds.find"
	TypeRefundsFound       = Prefix + ".refunds.found"
	TypeReturnCreate       = Prefix + ".returns.create"
	TypeReturnCreated      = Prefix + ".returns.created"
	TypeOrderCancel        = Prefix + ".orders.cancel"
	TypeOrderCancelled     = Prefix + ".orders.cancelled"
	TypeParcelIntercept    = Prefix + ".parcels.intercept"
	TypeParcelIntercepted  = Prefix + ".parcels.intercepted"
	TypeOrderWriteRejected = Prefix + ".orders.rejected"
	TypeOrderSystemAsk     = Prefix + ".orders.system_ask"
	TypeOrderSystemInfo    = Prefix + ".orders.system_info"
	TypeTicketDeliver      = Prefix + ".ticket.deliver"
	TypeTicketSynced       = Prefix + ".ticket.synced"
	TypeNotifySend         = Prefix + ".notify.send"

	TypeSlotAcquire = Prefix + ".slot.acquire"
	TypeSlotGranted = Prefix + ".slot.granted"

	TypePromptsPrepare = Prefix + ".prompts.prepare"
	TypePromptsWanted  = Prefix + ".prompts.wanted"

	TypeMediaSay    = Prefix + ".media.say"
	TypeMediaStop   = Prefix + ".media.stop"
	TypeMediaListen = Prefix + ".media.listen"
	TypeMediaSync   = Prefix + ".media.sync"
	TypeMediaState  = Prefix + ".media.state"
	TypeMediaClose  = Prefix + ".media.close"

	TypeMediaReady          = Prefix + ".media.ready"
	TypeMediaDegraded       = Prefix + ".media.degraded"
	TypeMediaSpeechStarted  = Prefix + ".media.speech_started"
	TypeMediaTranscript     = Prefix + ".media.transcript"
	TypeMediaPlayoutStarted = Prefix + ".media.playout_started"
	TypeMediaPlayoutEnded   = Prefix + ".media.playout_ended"
	TypeMediaNoInput        = Prefix + ".media.no_input"
	TypeMediaDigit          = Prefix + ".media.digit"
	TypeMediaClosed         = Prefix + ".media.closed"
)

var registry = map[string]Message{}
var byGoType = map[reflect.Type]string{}

func register[T any](name string, class Class, address, doc string) {
	t := reflect.TypeFor[T]()
	registry[name] = Message{Type: name, Class: class, Address: address, Doc: doc, goType: t}
	byGoType[t] = name
}

func init() {
	const callFact, ticketFact = Prefix + ".fact.call.{callid}.", Prefix + ".fact.ticket.{callid}."
	register[CallStarted](TypeCallStarted, ClassFact, callFact+"started", "A call reached an orchestrator.")
	register[CallAnswered](TypeCallAnswered, ClassFact, callFact+"answered", "The switch answered the call.")
	register[CallTurn](TypeCallTurn, ClassFact, callFact+"turn", "One side finished speaking.")
	register[CallTakenOver](TypeCallTakenOver, ClassFact, callFact+"taken_over", "Another orchestrator went on with the call.")
	register[CallHandedOff](TypeCallHandedOff, ClassFact, callFact+"handed_off", "The call went to people, with its context.")
	register[CallEnded](TypeCallEnded, ClassFact, callFact+"ended", "The call is over; its record is closed.")
	register[TicketOpen](TypeTicketOpen, ClassWork, SubjectTicketOpen, "Open one ticket; the same key opens it once.")
	register[TicketOpened](TypeTicketOpened, ClassFact, ticketFact+"opened", "The ticket exists.")
	register[TicketRejected](TypeTicketRejected, ClassFact, ticketFact+"rejected", "The ticket will not be opened.")
	register[TicketChanged](TypeTicketChanged, ClassFact, ticketFact+"changed", "Something about a ticket is different.")
	register[TicketEscalated](TypeTicketEscalated, ClassFact, ticketFact+"escalated", "A ticket is late, or soon will be.")
	register[TicketDeliver](TypeTicketDeliver, ClassWork, Prefix+".work.ticket.deliver.{tenant}", "Tell the tenant's own ticket system what is new of a ticket.")
	register[TicketSynced](TypeTicketSynced, ClassFact, ticketFact+"synced", "The ticket and its copy in another ticket system agree.")
	register[NotifySend](TypeNotifySend, ClassWork, Prefix+".work.notify.{tenant}", "Send one notification of a ticket.")
	register[OrdersFind](TypeOrdersFind, ClassRequest, SubjectOrdersFind, "Look orders up; answered by orders.found.")
	register[OrdersFound](TypeOrdersFound, ClassReply, "", "The orders that matched, newest first.")
	registerOMS()
	register[SlotAcquire](TypeSlotAcquire, ClassRequest, Prefix+".slot.{kind}", "Ask for a place at a speech worker; answered by slot.granted, or not at all.")
	register[SlotGranted](TypeSlotGranted, ClassReply, "", "A place at a speech worker.")
	register[PromptsPrepare](TypePromptsPrepare, ClassCommand, SubjectPromptsPrepare, "Synthesise these prompts before they are asked for.")
	register[PromptsWanted](TypePromptsWanted, ClassEvent, SubjectPromptsWanted, "A synthesis worker has started and wants prompts.prepare.")

	const cmd, evt = Prefix + ".media.{callid}.command", Prefix + ".media.{callid}.event"
	register[MediaSay](TypeMediaSay, ClassCommand, cmd, "Speak, then listen.")
	register[MediaStop](TypeMediaStop, ClassCommand, cmd, "Stop speaking and raise the epoch.")
	register[MediaListen](TypeMediaListen, ClassCommand, cmd, "Change how the bridge listens.")
	register[MediaSync](TypeMediaSync, ClassRequest, cmd, "Tell the session's state and send events again; answered by media.state.")
	register[MediaState](TypeMediaState, ClassReply, "", "A media session's state.")
	register[MediaClose](TypeMediaClose, ClassCommand, cmd, "End the media session.")
	register[MediaReady](TypeMediaReady, ClassEvent, evt, "The fork is connected and speech is ready.")
	register[MediaDegraded](TypeMediaDegraded, ClassEvent, evt, "Recognition or synthesis does not work, or works again.")
	register[MediaSpeechStarted](TypeMediaSpeechStarted, ClassEvent, evt, "The caller began to speak.")
	register[MediaTranscript](TypeMediaTranscript, ClassEvent, evt, "What the caller said; partial or final.")
	register[MediaPlayoutStarted](TypeMediaPlayoutStarted, ClassEvent, evt, "First audio of an utterance was sent.")
	register[MediaPlayoutEnded](TypeMediaPlayoutEnded, ClassEvent, evt, "An utterance ended or was cut.")
	register[MediaNoInput](TypeMediaNoInput, ClassEvent, evt, "The caller said nothing.")
	register[MediaDigit](TypeMediaDigit, ClassEvent, evt, "A keypad tone was heard in the audio.")
	register[MediaClosed](TypeMediaClosed, ClassEvent, evt, "The media session ended.")
}

func registerOMS() {
	const fact = Prefix + ".fact.oms.{callid}."
	register[OrderGet](TypeOrderGet, ClassRequest, SubjectOrderGet, "Read one order; answered by orders.got.")
	register[OrderGot](TypeOrderGot, ClassReply, "", "One order with lines, parcels, payments and refunds.")
	register[TraceFind](TypeTraceFind, ClassRequest, SubjectTraceFind, "Ask where parcels are; answered by trace.found.")
	register[Trace](TypeTrace, ClassReply, "", "The ways of parcels, newest event first.")
	register[RefundsFind](TypeRefundsFind, ClassRequest, SubjectRefunds, "Ask how far refunds are; answered by refunds.found.")
	register[RefundsFound](TypeRefundsFound, ClassReply, "", "An order's refunds, oldest first.")
	register[OrderSystemAsk](TypeOrderSystemAsk, ClassRequest, SubjectOrderSystem, "Ask how an order system is; answered by orders.system_info.")
	register[OrderSystemInfo](TypeOrderSystemInfo, ClassReply, "", "How an order system is, as one worker sees it.")
	register[ReturnCreate](TypeReturnCreate, ClassWork, SubjectReturnCreate, "Create one return (RMA); the same key creates it once.")
	register[ReturnCreated](TypeReturnCreated, ClassFact, fact+"return_created", "The return exists, or was refused.")
	register[OrderCancel](TypeOrderCancel, ClassWork, SubjectOrderCancel, "Cancel an order that has not been sent.")
	register[OrderCancelled](TypeOrderCancelled, ClassFact, fact+"cancelled", "The order is cancelled, will be, or was refused to be.")
	register[ParcelIntercept](TypeParcelIntercept, ClassWork, SubjectParcelIntercept, "Stop a parcel under way.")
	register[ParcelIntercepted](TypeParcelIntercepted, ClassFact, fact+"intercepted", "The parcel is stopped, will be, or was refused to be.")
	register[OrderWriteRejected](TypeOrderWriteRejected, ClassFact, fact+"rejected", "A write to the order system will not be done.")
}

// Messages lists every registered message by type.
func Messages() []Message {
	out := make([]Message, 0, len(registry))
	for _, m := range registry {
		out = append(out, m)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Type < out[j].Type })
	return out
}

// New returns a pointer to a fresh zero value of the message's Go type.
func (m Message) New() any { return reflect.New(m.goType).Interface() }

// Lookup finds a message by the type attribute of its envelope.
func Lookup(typ string) (Message, bool) {
	m, ok := registry[typ]
	return m, ok
}

// TypeOf names the message type of a Go value or pointer, or "".
func TypeOf(v any) string {
	t := reflect.TypeOf(v)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return byGoType[t]
}
