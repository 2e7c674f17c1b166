package sipua

import (
	"fmt"
	"strconv"
	"strings"
)

// Q.850 causes that this package itself gives.
const (
	CauseNormalClearing      = 16
	CauseUserBusy            = 17
	CauseNoUserResponse      = 18
	CauseNoAnswer            = 19
	CauseRejected            = 21
	CauseTemporaryFailure    = 41
	CauseIncompatible        = 88
	CauseRecoveryOnTimer     = 102
	CauseInterworking        = 127
	CauseOriginatorCancelled = 487 // FreeSWITCH's own number; Q.850 has none for CANCEL
)

// Cause says why a call ended.
type Cause struct {
	Q850     int    // cause value; 0 when nobody said
	Status   int    // SIP status that ended an unanswered call, else 0
	Text     string // what the far end wrote
	ByRemote bool   // the far end ended it
}

// statusByCause is RFC 3398 section 8.2.6.1 read towards SIP (7.2.4.1), with
// FreeSWITCH's choice of 486/480/603 where the RFC leaves one.
var statusByCause = map[int]int{
	1: 404, 2: 404, 3: 404, 17: 486, 18: 408, 19: 480, 20: 480, 21: 603,
	22: 410, 23: 410, 25: 483, 27: 502, 28: 484, 29: 501, 31: 480,
	34: 503, 38: 503, 41: 503, 42: 503, 44: 503, 50: 501, 52: 403, 54: 403, 55: 403,
	57: 403, 58: 488, 63: 480, 65: 488, 66: 501, 69: 501, 70: 488, 79: 501, 87: 403,
	88: 488, 95: 400, 102: 504, 111: 500, 127: 500, CauseOriginatorCancelled: 487,
}

// StatusFromCause gives the SIP status that refuses a call for a Q.850 cause.
func StatusFromCause(cause int) int {
	if status, ok := statusByCause[cause]; ok {
		return status
	}
	return 480
}

// causeByStatus is RFC 3398 section 8.2.6.1.
var causeByStatus = map[int]int{
	400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102,
	410: 22, 413: 127, 414: 127, 415: 79, 416: 127, 420: 127, 421: 127, 423: 127,
	480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17, 487: CauseOriginatorCancelled, 488: 88,
	500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127,
	600: 17, 603: 21, 604: 1, 606: 88,
}

// CauseFromStatus gives the Q.850 cause for a final SIP status.
func CauseFromStatus(status int) int {
	if cause, ok := causeByStatus[status]; ok {
		return cause
	}
	if status >= 200 && status < 300 {
		return CauseNormalClearing
	}
	return CauseInterworking
}

// formatReason writes the Reason header of RFC 3326.
func formatReason(cause int) string {
	if cause <= 0 || cause > 127 {
		return fmt.Sprintf("SIP;cause=%d", cause)
	}
	return fmt.Sprintf("Q.850;cause=%d", cause)
}

// parseReason reads the first Q.850 cause of a Reason header, and its text.
// Several reasons may stand in one header, separated by commas.
func parseReason(value string) (cause int, text string) {
	for reason := range strings.SplitSeq(value, ",") {
		parts := strings.Split(reason, ";")
		q850 := strings.EqualFold(strings.TrimSpace(parts[0]), "Q.850")
		for _, part := range parts[1:] {
			key, val, _ := strings.Cut(strings.TrimSpace(part), "=")
			switch strings.ToLower(strings.TrimSpace(key)) {
			case "cause":
				n, err := strconv.Atoi(strings.TrimSpace(val))
				if err == nil && q850 && cause == 0 && n > 0 && n < 128 {
					cause = n
				}
			case "text":
				if text == "" {
					text = strings.Trim(strings.TrimSpace(val), `"`)
				}
			}
		}
	}
	return cause, text
}

// StatusError is the final refusal of an INVITE.
type StatusError struct {
	Status int
	Reason string
	Cause  Cause
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("sip: refused with %d %s", e.Status, e.Reason)
}
