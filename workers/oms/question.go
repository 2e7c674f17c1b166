package oms

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/tidegate/tidegate/schemas"
)

const maxLimit = 20

var (
	// Spaces, + and - as people and trunks write numbers; at least one digit.
	phonePattern  = regexp.MustCompile(`^\+?[0-9][0-9 ()-]{0,30}$`)
	numberPattern = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)
	digitsPattern = regexp.MustCompile(`^[0-9A-Z]{2,16}$`)
)

// check says what a question looks by, and names every field that is wrong.
func check(q *schemas.OrdersFind) (by string, err error) {
	var errs []error
	var criteria []string
	for _, c := range []struct {
		name, value string
		pattern     *regexp.Regexp
	}{
		{byPhone, strings.TrimSpace(q.Phone), phonePattern},
		{byNumber, strings.TrimSpace(q.Number), numberPattern},
		{byLastDigits, q.LastDigits, digitsPattern},
	} {
		if c.value == "" {
			continue
		}
		criteria = append(criteria, c.name)
		if !c.pattern.MatchString(c.value) {
			errs = append(errs, fmt.Errorf("%s: malformed", c.name))
		}
	}
	if q.Limit < 0 || q.Limit > maxLimit {
		errs = append(errs, fmt.Errorf("limit: not in 0..%d", maxLimit))
	}
	switch len(criteria) {
	case 0:
		by = byNothing
		errs = append(errs, errors.New("phone, number or last_digits: one is needed"))
	case 1:
		by = criteria[0]
	default:
		by = bySeveral
	}
	return by, errors.Join(errs...)
}
