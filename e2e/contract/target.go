// Package contract says what the rest of Tidegate expects of a switch, as seen over its two event-socket directions,
// the audio fork's websocket, SIP and RTP. It runs against the stand-in always, and against a real FreeSWITCH with
// freeswitch-conf loaded when one is named; what the two answer differently is a defect of the stand-in.
package contract

import (
	"testing"

	"github.com/tidegate/tidegate/orchestrator/esl"
)

// Target is a switch under test. Its dialplan must try First, then Second, then play a stored prompt.
type Target struct {
	Name        string
	SIP         string // host:port to call
	EventSocket string // host:port of the node's event socket
	Password    string
	Secret      string // what the dialplan sets as tidegate_secret
	First       string // host:port on which the first orchestrator must listen; empty: see Listen
	Second      string // and the second
	Prompt      string // a sound file on the switch, longer than two seconds
	Fallback    bool   // the dialplan ends in answer and an audible prompt
	Module      esl.ForkModule
	Profile     string // sofia profile for calls out
}

// Run checks one switch, line by line. The lines run one after the other: they share the two listening addresses.
func Run(t *testing.T, target Target) {
	e := newBench(t, target)
	lines := []struct {
		name  string
		check func(*testing.T, *bench)
	}{
		{"node link comes up and names its core", nodeLink},
		{"node link refuses a wrong password", nodePassword},
		{"a call is handed over with who calls whom", handOver},
		{"a call with headers brings them as variables", inviteHeaders},
		{"answer is reported and correlated by Event-UUID", answer},
		{"keys by RFC 4733 arrive as DTMF events", keys},
		{"variables set are read back unharmed", variables},
		{"an unknown channel is refused", unknownChannel},
		{"the fork connects, sends metadata and 20 ms frames", forkConnects},
		{"a second fork of the same name is refused", forkTwice},
		{"sound from the fork reaches the caller, killAudio ends it", forkPlays},
		{"text goes both ways through the fork", forkText},
		{"the fork stops, and one that cannot connect says so", forkEnds},
		{"a file reaches the caller and can be broken off", playback},
		{"the next socket action takes over and the fork stays", takeover},
		{"a playback outlives its orchestrator, then the next takes over", takeoverInPlayback},
		{"a bridge outlives its orchestrator and ends the call", takeoverInBridge},
		{"an orchestrator that drains passes the call on", draining},
		{"hang-up by the caller", callerHangsUp},
		{"hang-up by us, with its cause", weHangUp},
		{"a refusal before the answer carries its cause to SIP", refusal},
		{"a bridge carries headers and reports both ends", bridge},
		{"two channels are bridged by the node link", bridgeChannels},
		{"channels are listed", channels},
		{"a call is placed, and a failed one says why", originate},
		{"a paused node refuses calls, a resumed one takes them", pause},
		{"without an orchestrator the caller hears the stored prompt", fallback},
		{"heartbeats come", heartbeat},
	}
	for _, l := range lines {
		t.Run(l.name, func(t *testing.T) {
			e.first.forget()
			e.second.forget()
			l.check(t, e)
		})
	}
}
