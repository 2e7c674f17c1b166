package notify

import (
	"errors"
	"fmt"
	"time"
)

// Quiet are hours of the day in which nothing is sent; it waits until they are
// over.
type Quiet struct {
	From  string `yaml:"from"`
	Until string `yaml:"until"`
	Zone  string `yaml:"zone"` // default Asia/Shanghai

	from, until time.Duration // since midnight
	loc         *time.Location
}

const defaultZone = "Asia/Shanghai"

func (q *Quiet) validate() error {
	if q == nil {
		return nil
	}
	var errs []error
	read := func(key, v string) time.Duration {
		t, err := time.Parse("15:04", v)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %.20q is no HH:MM", key, v))
		}
		return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	}
	q.from, q.until = read("from", q.From), read("until", q.Until)
	if len(errs) == 0 && q.from == q.until {
		errs = append(errs, errors.New("until: is the same as from"))
	}
	if q.Zone == "" {
		q.Zone = defaultZone
	}
	var err error
	if q.loc, err = time.LoadLocation(q.Zone); err != nil {
		errs = append(errs, fmt.Errorf("zone: unknown time zone %.40q", q.Zone))
	}
	return errors.Join(errs...)
}

// Over is when the quiet hours that hold at a time are over; false when none
// do. By the clock on the wall: a day may have 23 or 25 hours.
func (q *Quiet) Over(at time.Time) (time.Time, bool) {
	if q == nil {
		return time.Time{}, false
	}
	local := at.In(q.loc)
	clock := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second
	overnight := q.from > q.until
	inside := clock >= q.from && clock < q.until
	if overnight {
		inside = clock >= q.from || clock < q.until
	}
	if !inside {
		return time.Time{}, false
	}
	days := 0
	if overnight && clock >= q.from {
		days = 1
	}
	y, m, d := local.Date()
	return time.Date(y, m, d+days, int(q.until/time.Hour), int(q.until%time.Hour/time.Minute), 0, 0, q.loc), true
}
