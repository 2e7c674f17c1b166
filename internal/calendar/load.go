package calendar

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // machines without time zones have calendars too

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

//go:embed mainland.yaml
var mainland []byte

// ErrFile: a calendar's file is wrong.
var ErrFile = errors.New("calendar")

const (
	maxBytes = 256 << 10
	maxYears = 200
	maxSpan  = 60 // days of one holiday
	// maxErrors is how many are told at once.
	maxErrors = 50
)

type file struct {
	Zone    string       `yaml:"zone"`
	Hours   []string     `yaml:"hours"`
	Weekend []string     `yaml:"weekend"`
	Years   map[int]year `yaml:"years"`
}

type year struct {
	Off  []holiday `yaml:"off"`
	Work []string  `yaml:"work"`
}

type holiday struct {
	Days string `yaml:"days"`
	Name string `yaml:"name"`
}

// Mainland is the built-in calendar: weekdays from nine to six in mainland
// China.
func Mainland(log *slog.Logger) (*Calendar, error) { return parse("mainland.yaml", nil, log) }

// Load reads a file over the built-in calendar, or gives the built-in one
// when path is empty. What the file has replaces: zone, hours, weekend, and
// each year as a whole.
func Load(path string, log *slog.Logger) (*Calendar, error) {
	if path == "" {
		return Mainland(log)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return parse(path, b, log)
}

// Parse reads a calendar from YAML over the built-in one; name stands in
// errors, with the line.
func Parse(name string, b []byte, log *slog.Logger) (*Calendar, error) { return parse(name, b, log) }

func parse(name string, b []byte, log *slog.Logger) (c *Calendar, err error) {
	defer func() { // goccy/go-yaml 1.19 panics on some sequences of a wrong tag
		if recover() != nil {
			c, err = nil, fmt.Errorf("%w: %s: the YAML cannot be read", ErrFile, name)
		}
	}()
	if len(b) > maxBytes {
		return nil, fmt.Errorf("%w: %s: over %d bytes", ErrFile, name, maxBytes)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	var built, own file
	if err := yaml.UnmarshalWithOptions(mainland, &built, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if len(strings.TrimSpace(string(b))) > 0 {
		if err := yaml.UnmarshalWithOptions(b, &own, yaml.Strict()); err != nil {
			return nil, syntax(name, err)
		}
	}
	r := reader{name: name, text: b, c: &Calendar{
		weekend: map[time.Weekday]bool{}, off: map[date]string{}, work: map[date]bool{}, years: map[int]bool{}, log: log,
	}}
	if len(own.Years) > maxYears {
		r.bad("years", "more than %d", maxYears)
		return nil, errors.Join(r.errs...)
	}
	years := maps.Clone(built.Years)
	maps.Copy(years, own.Years)
	r.frame(first(own.Zone, built.Zone), firstList(own.Hours, built.Hours), firstList(own.Weekend, built.Weekend))
	for _, n := range slices.Sorted(maps.Keys(years)) {
		r.year(n, years[n])
	}
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	return r.c, nil
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// firstList: a list that is there and empty counts (no weekend).
func firstList(a, b []string) []string {
	if a != nil {
		return a
	}
	return b
}

func syntax(name string, err error) error {
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil && y.GetToken().Position != nil {
		return fmt.Errorf("%w: %s:%d: %s", ErrFile, name, y.GetToken().Position.Line, y.GetMessage())
	}
	return fmt.Errorf("%w: %s: %w", ErrFile, name, err)
}

type reader struct {
	name string
	text []byte
	c    *Calendar
	errs []error
}

// bad notes what is wrong at a path, with its line when the file has one.
func (r *reader) bad(path, format string, args ...any) {
	if len(r.errs) >= maxErrors {
		return
	}
	r.errs = append(r.errs, fmt.Errorf("%w: %s%s: %s: %s", ErrFile, r.name, r.line(path), path, fmt.Sprintf(format, args...)))
}

func (r *reader) line(path string) string {
	p, err := yaml.PathString("$." + path)
	if err != nil {
		return ""
	}
	f, err := parser.ParseBytes(r.text, 0)
	if err != nil {
		return ""
	}
	node, err := p.FilterFile(f)
	if err != nil || node == nil || node.GetToken() == nil || node.GetToken().Position == nil {
		return ""
	}
	return fmt.Sprintf(":%d", node.GetToken().Position.Line)
}

var weekdays = map[string]time.Weekday{
	"monday": time.Monday, "tuesday": time.Tuesday, "wednesday": time.Wednesday, "thursday": time.Thursday,
	"friday": time.Friday, "saturday": time.Saturday, "sunday": time.Sunday,
}

func (r *reader) frame(zone string, hours, weekend []string) {
	loc, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		r.bad("zone", "%.40q is no time zone", zone)
	}
	r.c.zone = loc
	if len(hours) == 0 || len(hours) > 10 {
		r.bad("hours", "want 1..10, are %d", len(hours))
	}
	last := 0
	for i, h := range hours {
		from, until, ok := hoursOf(h)
		if !ok {
			r.bad(fmt.Sprintf("hours[%d]", i), "%.40q is not HH:MM-HH:MM", h)
			continue
		}
		if from < last {
			r.bad(fmt.Sprintf("hours[%d]", i), "begin before those in front of them end")
		}
		last = until
		r.c.hours = append(r.c.hours, span{from, until})
	}
	for i, w := range weekend {
		day, ok := weekdays[strings.ToLower(w)]
		if !ok {
			r.bad(fmt.Sprintf("weekend[%d]", i), "%.40q is no day of the week", w)
		}
		r.c.weekend[day] = true
	}
	if len(r.c.weekend) == len(weekdays) {
		r.bad("weekend", "no day is left to work")
	}
}

func hoursOf(s string) (from, until int, ok bool) {
	a, b, ok := strings.Cut(s, "-")
	if !ok {
		return 0, 0, false
	}
	from, ok1 := minutes(a)
	until, ok2 := minutes(b)
	return from, until, ok1 && ok2 && from < until
}

func minutes(s string) (int, bool) {
	if s == "24:00" {
		return 24 * 60, true
	}
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err == nil && len(s) == 5
}

func (r *reader) year(n int, y year) {
	at := fmt.Sprintf("years.%d", n)
	if n < 1970 || n > 9999 {
		r.bad(at, "is no year")
		return
	}
	r.c.years[n] = true
	for i, h := range y.Off {
		where := fmt.Sprintf("%s.off[%d].days", at, i)
		for _, d := range r.days(where, h.Days, n) {
			r.c.off[d] = first(h.Name, "day off")
		}
	}
	for i, w := range y.Work {
		where := fmt.Sprintf("%s.work[%d]", at, i)
		for _, d := range r.days(where, w, n) {
			if _, off := r.c.off[d]; off {
				r.bad(where, "is a day off as well")
			}
			r.c.work[d] = true
		}
	}
}

// Days reads "2026-02-15" or "2026-02-15..2026-02-23"; it gives the first day
// and the day after the last, at midnight UTC.
func Days(s string) (from, until time.Time, err error) {
	a, b, ok := strings.Cut(s, "..")
	if !ok {
		b = a
	}
	from, err1 := time.Parse(time.DateOnly, a)
	until, err2 := time.Parse(time.DateOnly, b)
	if err := errors.Join(err1, err2); err != nil {
		return time.Time{}, time.Time{}, fmt.Errorf("%.40q is neither a day, like 2026-02-15, nor two with .. between", s)
	}
	if until.Before(from) {
		return time.Time{}, time.Time{}, fmt.Errorf("%.40q ends before it begins", s)
	}
	return from, until.AddDate(0, 0, 1), nil
}

func (r *reader) days(where, s string, year int) []date {
	from, until, err := Days(s)
	if err != nil {
		r.bad(where, "%v", err)
		return nil
	}
	if from.Year() != year || until.AddDate(0, 0, -1).Year() != year {
		r.bad(where, "is not in %d", year)
		return nil
	}
	if until.Sub(from) > maxSpan*24*time.Hour {
		r.bad(where, "is longer than %d days", maxSpan)
		return nil
	}
	var out []date
	for d := from; d.Before(until); d = d.AddDate(0, 0, 1) {
		out = append(out, dateOf(d))
	}
	return out
}
