package esl

import (
	"encoding/json"
	"strconv"
	"time"
)

// Event is something the switch reported. The concrete types are below; switch on them.
type Event interface {
	// Origin says which event of which switch this is.
	Origin() Stamp
}

// Stamp identifies an event. Made-up events (Disconnected, NodeUp, ...) have Sequence 0.
type Stamp struct {
	CoreUUID  string    // one run of one FreeSWITCH; a new one means that the node restarted
	Sequence  uint64    // Event-Sequence, counted by the core over all calls: gaps are normal
	ChannelID string    // the channel's Unique-ID, empty on node events
	Time      time.Time // when the switch made it
}

// Origin implements Event.
func (s Stamp) Origin() Stamp { return s }

// ID is unique over restarts: Core-UUID:Event-Sequence.
func (s Stamp) ID() string { return s.CoreUUID + ":" + strconv.FormatUint(s.Sequence, 10) }

// Events of a call.
type (
	// Answered: CHANNEL_ANSWER.
	Answered struct{ Stamp }

	// DTMF is one key. Duration is converted from samples at 8,000 Hz, as FreeSWITCH counts them.
	DTMF struct {
		Stamp
		Digit    string
		Duration time.Duration
		Source   string // RTP (RFC 4733), INBAND_AUDIO, APP, ...
	}

	// HungUp: CHANNEL_HANGUP; the call is ending, HangupComplete follows.
	HungUp struct {
		Stamp
		Cause string // FreeSWITCH's name, NORMAL_CLEARING
		Q850  int    // ITU-T Q.850 cause value, 0 when the switch's cause has none
	}

	// HangupComplete: CHANNEL_HANGUP_COMPLETE, the last event of a call.
	HangupComplete struct {
		Stamp
		Cause       string
		Q850        int
		Disposition string        // sip_hangup_disposition: recv_bye, send_bye, recv_cancel, ...
		Billed      time.Duration // from answer to end
		Duration    time.Duration // from ring to end
		vars        fields
	}

	// ExecuteComplete: an application ended. EventUUID is the one that Do returned for it.
	ExecuteComplete struct {
		Stamp
		EventUUID string
		App       string
		Response  string // FILE PLAYED, FILE NOT FOUND, _none_, ...
		Dialled   string // after a bridge: SUCCESS, or the cause for which nobody was reached (USER_BUSY, NO_ANSWER, ...)
	}

	// PlaybackStarted: PLAYBACK_START.
	PlaybackStarted struct {
		Stamp
		File string
	}

	// PlaybackStopped: PLAYBACK_STOP. Done is false when it was broken off.
	PlaybackStopped struct {
		Stamp
		File string
		Done bool
	}

	// RecordStarted: RECORD_START.
	RecordStarted struct {
		Stamp
		File string
	}

	// RecordStopped: RECORD_STOP.
	RecordStopped struct {
		Stamp
		File string
	}

	// Bridged: CHANNEL_BRIDGE with the other leg's channel.
	Bridged struct {
		Stamp
		OtherID     string
		OtherNumber string
	}

	// Unbridged: CHANNEL_UNBRIDGE.
	Unbridged struct {
		Stamp
		OtherID string
		Cause   string
	}

	// CallcenterInfo: CUSTOM callcenter::info of mod_callcenter.
	CallcenterInfo struct {
		Stamp
		Action     string // member-queue-start, agent-offering, bridge-agent-start, member-queue-end, ...
		Queue      string
		Agent      string
		Cause      string
		MemberUUID string
		Count      int
	}
)

// Events of an audio fork.
type (
	// ForkConnected: the module's websocket is up.
	ForkConnected struct{ Stamp }

	// ForkFailed: the websocket could not be opened.
	ForkFailed struct {
		Stamp
		Reason string
	}

	// ForkDisconnected: the websocket is gone while the bug stays attached. Dropped is true when it was lost,
	// false when its server said goodbye with a data object.
	ForkDisconnected struct {
		Stamp
		Dropped bool
	}

	// ForkMessage: what the websocket's server sent as {"type":"json",...}, whole.
	ForkMessage struct {
		Stamp
		JSON json.RawMessage
	}

	// PlayAudio: a file of drachtio's version of the module, to be played by us.
	PlayAudio struct {
		Stamp
		File        string
		ContentType string
		SampleRate  int
		JSON        json.RawMessage
	}
)

// Events of a node.
type (
	// Heartbeat: HEARTBEAT, every 20 seconds by default.
	Heartbeat struct {
		Stamp
		Sessions          int
		MaxSessions       int
		SessionsPerSecond float64 // the limit that the node is configured with
		IdleCPU           float64 // percent
		Uptime            time.Duration
	}

	// BackgroundJob: the result of a bgapi.
	BackgroundJob struct {
		Stamp
		JobUUID string
		Command string
		OK      bool
		Result  string
	}

	// ShuttingDown: the node says that it ends.
	ShuttingDown struct{ Stamp }

	// NodeUp: both connections stand; made by NodeLink.
	NodeUp struct {
		Stamp
		Node string
	}

	// NodeDown: the link broke; made by NodeLink.
	NodeDown struct {
		Stamp
		Node string
		Err  error
	}

	// NodeRestarted: the Core-UUID changed between two links: every call of before is gone.
	NodeRestarted struct {
		Stamp
		Node         string
		PreviousCore string
	}
)

// Disconnected is the last event of a channel whose connection ended before the call did: control is lost,
// the call goes on with the next action of its dialplan.
type Disconnected struct {
	Stamp
	Err error
}

// Variable is a channel variable at hang-up, empty when unset.
func (e HangupComplete) Variable(name string) string { return e.vars.value("variable_" + name) }
