package oms

import (
	"context"
	"encoding/json"
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

// question is a look-up of any kind.
type question struct {
	by       string
	tenant   string
	callID   string
	budgetMS int64
	// key is the same for questions that have the same answer.
	key string
	// orders are the numbers that are asked for.
	orders []string
	// ask gives the reply message, a pointer.
	ask func(context.Context, System) (any, error)
}

// keyOf is the key of a question, of which only what changes the answer is
// set.
func keyOf(op operation, q any) string {
	b, err := json.Marshal(q)
	if err != nil { // strings and numbers only
		panic(err)
	}
	return string(op) + string(b)
}

func ordersQuestion(q *schemas.OrdersFind) (question, error) {
	by, err := check(q)
	asked := *q
	asked.CallID, asked.Tenant, asked.BudgetMS = "", "", 0
	out := question{
		by: by, tenant: q.Tenant, callID: q.CallID, budgetMS: q.BudgetMS, key: keyOf(opFind, asked),
		ask: func(ctx context.Context, s System) (any, error) {
			found, err := s.FindOrders(ctx, *q)
			if found.Orders == nil {
				found.Orders = []schemas.Order{}
			}
			return &found, err
		},
	}
	if q.Number != "" {
		out.orders = []string{strings.TrimSpace(q.Number)}
	}
	return out, err
}

func orderQuestion(q *schemas.OrderGet) (question, error) {
	number := strings.TrimSpace(q.Number)
	return question{
		by: byOrder, tenant: q.Tenant, callID: q.CallID, budgetMS: q.BudgetMS, key: keyOf(opOrder, number), orders: []string{number},
		ask: func(ctx context.Context, s System) (any, error) {
			o, err := s.Order(ctx, number)
			if o.Lines == nil {
				o.Lines = []schemas.OrderLine{}
			}
			return &schemas.OrderGot{Order: o}, err
		},
	}, named(numberPattern, map[string]string{"number": number}, "number")
}

func traceQuestion(q *schemas.TraceFind) (question, error) {
	asked := schemas.TraceFind{OrderNumber: strings.TrimSpace(q.OrderNumber), TrackingNo: strings.TrimSpace(q.TrackingNo)}
	out := question{
		by: byTrace, tenant: q.Tenant, callID: q.CallID, budgetMS: q.BudgetMS, key: keyOf(opTrace, asked),
		ask: func(ctx context.Context, s System) (any, error) {
			asked := asked
			asked.CallID, asked.Tenant = q.CallID, q.Tenant
			t, err := s.Trace(ctx, asked)
			if t.Parcels == nil {
				t.Parcels = []schemas.ParcelTrace{}
			}
			return &t, err
		},
	}
	if asked.OrderNumber != "" {
		out.orders = []string{asked.OrderNumber}
	}
	if asked.OrderNumber == "" && asked.TrackingNo == "" {
		return out, errors.New("order_number or tracking_no: one is needed")
	}
	return out, named(numberPattern, map[string]string{"order_number": asked.OrderNumber, "tracking_no": asked.TrackingNo})
}

func refundsQuestion(q *schemas.RefundsFind) (question, error) {
	number := strings.TrimSpace(q.OrderNumber)
	return question{
		by: byRefunds, tenant: q.Tenant, callID: q.CallID, budgetMS: q.BudgetMS, key: keyOf(opRefunds, number), orders: []string{number},
		ask: func(ctx context.Context, s System) (any, error) {
			refunds, err := s.RefundProgress(ctx, number)
			if refunds == nil {
				refunds = []schemas.Refund{}
			}
			return &schemas.RefundsFound{Refunds: refunds}, err
		},
	}, named(numberPattern, map[string]string{"order_number": number}, "order_number")
}

// named checks fields against a pattern; those in needed may not be empty.
func named(pattern *regexp.Regexp, fields map[string]string, needed ...string) error {
	var errs []error
	for _, f := range needed {
		if fields[f] == "" {
			errs = append(errs, fmt.Errorf("%s: missing", f))
		}
	}
	for f, v := range fields {
		if v != "" && !pattern.MatchString(v) {
			errs = append(errs, fmt.Errorf("%s: malformed", f))
		}
	}
	return errors.Join(errs...)
}

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
