// Package calendar counts business time: working hours of working days, with
// the public holidays of mainland China and the weekend days that are worked
// in exchange (调休). Holidays are data; of a year without data only weekends
// are known, which is logged once.
package calendar

import (
	"log/slog"
	"sync"
	"time"
)

// Calendar says when people work. It is safe for concurrent use.
type Calendar struct {
	zone    *time.Location
	hours   []span // in order, apart from each other
	weekend map[time.Weekday]bool
	off     map[date]string // with the holiday's name
	work    map[date]bool
	years   map[int]bool
	log     *slog.Logger
	unknown sync.Map // years that were warned of
}

// span is a part of a day, in minutes since midnight.
type span struct{ from, until int }

type date struct {
	year  int
	month time.Month
	day   int
}

func dateOf(t time.Time) date {
	y, m, d := t.Date()
	return date{y, m, d}
}

// Working says whether the day of t, in the calendar's zone, is worked.
func (c *Calendar) Working(t time.Time) bool {
	t = t.In(c.zone)
	d := dateOf(t)
	if !c.years[d.year] {
		if _, warned := c.unknown.LoadOrStore(d.year, true); !warned {
			c.log.Warn("the holidays of a year are not known; only its weekends are", "year", d.year)
		}
	}
	if c.work[d] {
		return true
	}
	if _, off := c.off[d]; off {
		return false
	}
	return !c.weekend[t.Weekday()]
}

// Today is the day of t in the calendar's zone, as midnight UTC: what Days
// gives can be compared with it.
func (c *Calendar) Today(t time.Time) time.Time {
	y, m, d := t.In(c.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// Holiday names the holiday that the day of t is off for, or "".
func (c *Calendar) Holiday(t time.Time) string { return c.off[dateOf(t.In(c.zone))] }

// Known says whether the holidays of a year are known.
func (c *Calendar) Known(year int) bool { return c.years[year] }

// Open says whether t is within working hours. Hours begin at their first
// minute and end before their last.
func (c *Calendar) Open(t time.Time) bool {
	if !c.Working(t) {
		return false
	}
	for _, h := range c.hours {
		if from, until := c.bounds(t, h); !t.Before(from) && t.Before(until) {
			return true
		}
	}
	return false
}

func (c *Calendar) bounds(t time.Time, h span) (from, until time.Time) {
	d := dateOf(t.In(c.zone))
	at := func(minutes int) time.Time { return time.Date(d.year, d.month, d.day, 0, minutes, 0, 0, c.zone) }
	return at(h.from), at(h.until)
}

// horizon bounds how far time is counted. A description that a calendar is
// made of has a working weekday, so that holidays would have to last for years.
const horizon = 4000 // days

// Add gives the moment when d of working time has passed since t, in UTC.
// What ends exactly with a working hour ends there, not at the next opening.
// A d that is not more than 0 gives t.
func (c *Calendar) Add(t time.Time, d time.Duration) time.Time {
	if d <= 0 {
		return t.UTC()
	}
	day := t.In(c.zone)
	for range horizon {
		if c.Working(day) {
			for _, h := range c.hours {
				from, until := c.bounds(day, h)
				if from.Before(t) {
					from = t
				}
				left := until.Sub(from)
				if left <= 0 {
					continue
				}
				if d <= left {
					return from.Add(d).UTC()
				}
				d -= left
			}
		}
		y, m, n := day.Date()
		day = time.Date(y, m, n+1, 0, 0, 0, 0, c.zone)
	}
	return day.UTC()
}

// Between is the working time from a to b; 0 when b is not after a.
func (c *Calendar) Between(a, b time.Time) time.Duration {
	var sum time.Duration
	day := a.In(c.zone)
	for n := 0; n < horizon && day.Before(b); n++ {
		if c.Working(day) {
			for _, h := range c.hours {
				from, until := c.bounds(day, h)
				if from.Before(a) {
					from = a
				}
				if until.After(b) {
					until = b
				}
				sum += max(0, until.Sub(from))
			}
		}
		y, m, d := day.Date()
		day = time.Date(y, m, d+1, 0, 0, 0, 0, c.zone)
	}
	return sum
}
