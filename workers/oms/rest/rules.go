package rest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

// What a rule can say an answer is.
const (
	isOK          = "ok"
	isNotFound    = "not_found"
	isEmpty       = "empty"
	isInvalid     = "invalid"
	isUnavailable = "unavailable"
	isDenied      = "denied"
	isFailed      = "failed"
	isRefused     = "refused"
	isDone        = "done"
	isRequested   = "requested"
)

var (
	meanings      = []string{isOK, isNotFound, isEmpty, isInvalid, isUnavailable, isDenied, isFailed}
	writeMeanings = append([]string{isRefused, isDone, isRequested}, meanings...)
)

// rule is a compiled ruleSpec.
type rule struct {
	from, to []int // status ranges; none is any
	when     path
	is       string
	code     schemas.RefusalCode
	reason   path
}

// statusRange reads 404, 5xx or 400-422.
func statusRange(s string) (from, to int, err error) {
	bad := fmt.Errorf("%q is no status: want 404, 5xx or 400-422", s)
	if len(s) == 3 && strings.HasSuffix(s, "xx") && s[0] >= '1' && s[0] <= '5' {
		n := int(s[0]-'0') * 100
		return n, n + 99, nil
	}
	low, high, isRange := strings.Cut(s, "-")
	if !isRange {
		high = low
	}
	from, err1 := strconv.Atoi(low)
	to, err2 := strconv.Atoi(high)
	if err1 != nil || err2 != nil || from < 100 || to > 599 || from > to {
		return 0, 0, bad
	}
	return from, to, nil
}

func (r rule) fits(status int, body any) bool {
	in := len(r.from) == 0
	for i := range r.from {
		in = in || status >= r.from[i] && status <= r.to[i]
	}
	if !in || !r.when.Set() {
		return in
	}
	v, err := r.when.get(body)
	return err == nil && truthy(v)
}

// truthy is JMESPath's: false, null, and what is empty are not.
func truthy(v any) bool {
	switch x := v.(type) {
	case nil:
		return false
	case bool:
		return x
	case string:
		return x != ""
	case []any:
		return len(x) > 0
	case map[string]any:
		return len(x) > 0
	}
	return true
}

// judge says what an answer is: its body, or the error that the rules, or
// failing those the status, make of it.
func (s *System) judge(reply *restcall.Reply, rules []rule, quiet bool) (any, error) {
	var body any
	var bad error
	status, raw := reply.Status, reply.Body
	if len(strings.TrimSpace(string(raw))) > 0 {
		if body, bad = restcall.DecodeJSON(raw); bad != nil {
			body, bad = nil, fmt.Errorf("%w: status %d with what is no JSON (%d bytes)", ErrMapping, status, len(raw))
		}
	} else if !quiet && status != http.StatusNoContent {
		bad = fmt.Errorf("%w: status %d with nothing", ErrMapping, status)
	}
	for _, list := range [][]rule{rules, s.rules} {
		for _, r := range list {
			if !r.fits(status, body) {
				continue
			}
			return s.means(r, status, body, bad)
		}
	}
	return s.means(rule{is: byStatus(status)}, status, body, bad)
}

func byStatus(status int) string {
	switch {
	case status >= 200 && status < 300:
		return isOK
	case status == http.StatusNotFound:
		return isNotFound
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return isDenied
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status == http.StatusTooEarly, status >= 500:
		return isUnavailable
	}
	return isFailed
}

func (s *System) means(r rule, status int, body any, bad error) (any, error) {
	reason := ""
	if r.reason.Set() {
		if v, err := r.reason.get(body); err == nil {
			t, _ := text(v)
			reason = s.client.MaskWords(cut(t, 200))
		}
	}
	said := fmt.Sprintf("status %d", status)
	if reason != "" {
		said += ": " + reason
	}
	switch r.is {
	case isOK:
		return body, bad
	case isEmpty:
		return nil, nil
	case isNotFound:
		return nil, fmt.Errorf("%w: %s", oms.ErrNotFound, said)
	case isInvalid:
		return nil, fmt.Errorf("%w: %s", store.ErrInvalid, said)
	case isUnavailable:
		return nil, fmt.Errorf("%w: %s", store.ErrUnavailable, said)
	case isDenied:
		return nil, fmt.Errorf("%w: %s", ErrDenied, said)
	case isRefused:
		return nil, &refusal{schemas.WriteRefused, r.code, reason}
	case isDone, isRequested:
		return nil, &refusal{status: schemas.WriteStatus(r.is)}
	}
	return nil, fmt.Errorf("%w: %s", ErrFailed, said)
}
