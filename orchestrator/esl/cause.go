package esl

// Causes that this project hangs up with, by FreeSWITCH's name (switch_types.h). The number is ITU-T Q.850's.
const (
	CauseNormalClearing        = "NORMAL_CLEARING"           // 16
	CauseUserBusy              = "USER_BUSY"                 // 17
	CauseNoUserResponse        = "NO_USER_RESPONSE"          // 18
	CauseNoAnswer              = "NO_ANSWER"                 // 19
	CauseCallRejected          = "CALL_REJECTED"             // 21
	CauseDestinationOutOfOrder = "DESTINATION_OUT_OF_ORDER"  // 27
	CauseNormalUnspecified     = "NORMAL_UNSPECIFIED"        // 31
	CauseNormalCongestion      = "NORMAL_CIRCUIT_CONGESTION" // 34
	CauseTemporaryFailure      = "NORMAL_TEMPORARY_FAILURE"  // 41
	CauseSwitchCongestion      = "SWITCH_CONGESTION"         // 42
	CauseServiceUnavailable    = "SERVICE_UNAVAILABLE"       // 63
	CauseRecoveryOnTimer       = "RECOVERY_ON_TIMER_EXPIRE"  // 102
	CauseInterworking          = "INTERWORKING"              // 127
)

var causes = map[string]int{
	"UNALLOCATED_NUMBER": 1, "NO_ROUTE_TRANSIT_NET": 2, "NO_ROUTE_DESTINATION": 3, "CHANNEL_UNACCEPTABLE": 6,
	"CALL_AWARDED_DELIVERED": 7, CauseNormalClearing: 16, CauseUserBusy: 17, CauseNoUserResponse: 18,
	CauseNoAnswer: 19, "SUBSCRIBER_ABSENT": 20, CauseCallRejected: 21, "NUMBER_CHANGED": 22,
	"REDIRECTION_TO_NEW_DESTINATION": 23, "EXCHANGE_ROUTING_ERROR": 25, CauseDestinationOutOfOrder: 27,
	"INVALID_NUMBER_FORMAT": 28, "FACILITY_REJECTED": 29, "RESPONSE_TO_STATUS_ENQUIRY": 30,
	CauseNormalUnspecified: 31, CauseNormalCongestion: 34, "NETWORK_OUT_OF_ORDER": 38,
	CauseTemporaryFailure: 41, CauseSwitchCongestion: 42, "ACCESS_INFO_DISCARDED": 43,
	"REQUESTED_CHAN_UNAVAIL": 44, "PRE_EMPTED": 45, "FACILITY_NOT_SUBSCRIBED": 50, "OUTGOING_CALL_BARRED": 52,
	"INCOMING_CALL_BARRED": 54, "BEARERCAPABILITY_NOTAUTH": 57, "BEARERCAPABILITY_NOTAVAIL": 58,
	CauseServiceUnavailable: 63, "BEARERCAPABILITY_NOTIMPL": 65, "CHAN_NOT_IMPLEMENTED": 66,
	"FACILITY_NOT_IMPLEMENTED": 69, "SERVICE_NOT_IMPLEMENTED": 79, "INVALID_CALL_REFERENCE": 81,
	"INCOMPATIBLE_DESTINATION": 88, "INVALID_MSG_UNSPECIFIED": 95, "MANDATORY_IE_MISSING": 96,
	"MESSAGE_TYPE_NONEXIST": 97, "WRONG_MESSAGE": 98, "IE_NONEXIST": 99, "INVALID_IE_CONTENTS": 100,
	"WRONG_CALL_STATE": 101, CauseRecoveryOnTimer: 102, "MANDATORY_IE_LENGTH_ERROR": 103,
	"PROTOCOL_ERROR": 111, CauseInterworking: 127,
	// FreeSWITCH's own, told to the network as the value in its table; the others have none.
	"ORIGINATOR_CANCEL": 16, "LOSE_RACE": 26,
}

// CauseValue is the ITU-T Q.850 value of a cause by FreeSWITCH's name; 0 when Q.850 has none for it.
func CauseValue(name string) int { return causes[name] }

// KnownCause says whether the switch would understand the name in a hang-up.
func KnownCause(name string) bool { _, ok := causes[name]; return ok }
