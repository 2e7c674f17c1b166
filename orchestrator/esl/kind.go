package esl

// kind names a command in metrics and errors.
type kind int

const (
	kindConnect kind = iota
	kindResume
	kindLinger
	kindSubscribe
	kindAuth
	kindAnswer
	kindPreAnswer
	kindHangup
	kindSetVariables
	kindPlayback
	kindPark
	kindSleep
	kindSendDTMF
	kindBridge
	kindBridgeChannels
	kindCallcenter
	kindStopPlayback
	kindTransfer
	kindForkStart
	kindForkStop
	kindForkText
	kindForkProbe
	kindBugList
	kindDump
	kindExists
	kindOriginate
	kindShowChannels
	kindStatus
	kindCoreUUID
	kindControl
	kindEnd
)

var kindNames = [...]string{
	"connect", "resume", "linger", "subscribe", "auth", "answer", "pre_answer", "hangup", "set_variables", "playback", "park",
	"sleep", "send_dtmf", "bridge", "bridge_channels", "callcenter", "stop_playback", "transfer", "fork_start",
	"fork_stop", "fork_text", "fork_probe", "bug_list", "dump", "exists", "originate", "show_channels", "status",
	"core_uuid", "control",
}

// String is the label in metrics.
func (k kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// kindOf names a command that could not be built.
func kindOf(cmd Command) kind {
	switch cmd.(type) {
	case Answer:
		return kindAnswer
	case PreAnswer:
		return kindPreAnswer
	case Hangup:
		return kindHangup
	case SetVariables:
		return kindSetVariables
	case Playback:
		return kindPlayback
	case Park:
		return kindPark
	case Sleep:
		return kindSleep
	case SendDTMF:
		return kindSendDTMF
	case Bridge:
		return kindBridge
	case BridgeChannels:
		return kindBridgeChannels
	case CallcenterQueue:
		return kindCallcenter
	case StopPlayback:
		return kindStopPlayback
	case Transfer:
		return kindTransfer
	case AudioForkStart:
		return kindForkStart
	case AudioForkStop:
		return kindForkStop
	case AudioForkSendText:
		return kindForkText
	case AudioForkProbe:
		return kindForkProbe
	case BugList:
		return kindBugList
	case UUIDDump:
		return kindDump
	case UUIDExists:
		return kindExists
	case Originate:
		return kindOriginate
	case ShowChannels:
		return kindShowChannels
	case Status:
		return kindStatus
	case CoreUUID:
		return kindCoreUUID
	}
	return kindControl
}
