package devswitch

import (
	"strconv"
	"strings"
)

// causeNames are FreeSWITCH's names of Q.850 causes, and its own numbers above 127.
var causeNames = map[int]string{
	0: "NONE", 1: "UNALLOCATED_NUMBER", 2: "NO_ROUTE_TRANSIT_NET", 3: "NO_ROUTE_DESTINATION", 6: "CHANNEL_UNACCEPTABLE",
	7: "CALL_AWARDED_DELIVERED", 16: "NORMAL_CLEARING", 17: "USER_BUSY", 18: "NO_USER_RESPONSE", 19: "NO_ANSWER",
	20: "SUBSCRIBER_ABSENT", 21: "CALL_REJECTED", 22: "NUMBER_CHANGED", 23: "REDIRECTION_TO_NEW_DESTINATION",
	25: "EXCHANGE_ROUTING_ERROR", 27: "DESTINATION_OUT_OF_ORDER", 28: "INVALID_NUMBER_FORMAT", 29: "FACILITY_REJECTED",
	30: "RESPONSE_TO_STATUS_ENQUIRY", 31: "NORMAL_UNSPECIFIED", 34: "NORMAL_CIRCUIT_CONGESTION", 38: "NETWORK_OUT_OF_ORDER",
	41: "NORMAL_TEMPORARY_FAILURE", 42: "SWITCH_CONGESTION", 43: "ACCESS_INFO_DISCARDED", 44: "REQUESTED_CHAN_UNAVAIL",
	45: "PRE_EMPTED", 50: "FACILITY_NOT_SUBSCRIBED", 52: "OUTGOING_CALL_BARRED", 54: "INCOMING_CALL_BARRED",
	57: "BEARERCAPABILITY_NOTAUTH", 58: "BEARERCAPABILITY_NOTAVAIL", 63: "SERVICE_UNAVAILABLE", 65: "BEARERCAPABILITY_NOTIMPL",
	66: "CHAN_NOT_IMPLEMENTED", 69: "FACILITY_NOT_IMPLEMENTED", 79: "SERVICE_NOT_IMPLEMENTED", 81: "INVALID_CALL_REFERENCE",
	88: "INCOMPATIBLE_DESTINATION", 95: "INVALID_MSG_UNSPECIFIED", 96: "MANDATORY_IE_MISSING", 97: "MESSAGE_TYPE_NONEXIST",
	98: "WRONG_MESSAGE", 99: "IE_NONEXIST", 100: "INVALID_IE_CONTENTS", 101: "WRONG_CALL_STATE",
	102: "RECOVERY_ON_TIMER_EXPIRE", 103: "MANDATORY_IE_LENGTH_ERROR", 111: "PROTOCOL_ERROR", 127: "INTERWORKING",
	142: "SUCCESS", 487: "ORIGINATOR_CANCEL", 500: "CRASH", 501: "SYSTEM_SHUTDOWN", 502: "LOSE_RACE", 503: "MANAGER_REQUEST",
	600: "BLIND_TRANSFER", 601: "ATTENDED_TRANSFER", 602: "ALLOTTED_TIMEOUT", 603: "USER_CHALLENGE", 604: "MEDIA_TIMEOUT",
	605: "PICKED_OFF", 606: "USER_NOT_REGISTERED", 607: "PROGRESS_TIMEOUT", 608: "INVALID_GATEWAY", 609: "GATEWAY_DOWN",
	610: "INVALID_URL", 611: "INVALID_PROFILE", 612: "NO_PICKUP",
}

var causeNumbers = func() map[string]int {
	numbers := make(map[string]int, len(causeNames))
	for n, name := range causeNames {
		numbers[name] = n
	}
	return numbers
}()

const (
	causeNormalClearing = 16
	causeOutOfOrder     = 27
	causeCancelled      = 487
	causeManager        = 503
	causeShutdown       = 501
)

// causeName gives FreeSWITCH's name; causes it has none for read NORMAL_UNSPECIFIED.
func causeName(n int) string {
	if name, ok := causeNames[n]; ok {
		return name
	}
	return "NORMAL_UNSPECIFIED"
}

// parseCause reads a name or number; anything else is NORMAL_CLEARING, as FreeSWITCH does.
func parseCause(s string) int {
	s = strings.TrimSpace(s)
	if n, ok := causeNumbers[strings.ToUpper(s)]; ok {
		return n
	}
	if n, err := strconv.Atoi(s); err == nil && n > 0 && n < 1000 {
		return n
	}
	return causeNormalClearing
}

// q850 is the number that goes on the wire for one of FreeSWITCH's own.
func q850(cause int) int {
	switch {
	case cause > 0 && cause < 128:
		return cause
	case cause == causeCancelled:
		return cause
	case cause == 606 || cause == 612:
		return 20
	default:
		return causeNormalClearing
	}
}
