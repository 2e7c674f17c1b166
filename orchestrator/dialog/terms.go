package dialog

import (
	"time"

	"github.com/tidegate/tidegate/orchestrator/dialog/rule"
)

// termsSpec are the shop's terms: what rules compare with.
type termsSpec struct {
	rule.Terms `yaml:",inline"`
	Holidays   []holidaySpec `yaml:"holidays"`
}

// holidaySpec is a festival after which goods may go back longer. From, To and
// Until are dates in the flow's zone, each including its day.
type holidaySpec struct {
	Name  string `yaml:"name"`
	Say   string `yaml:"say"`
	From  string `yaml:"from"`
	To    string `yaml:"to"`
	Until string `yaml:"until"`

	from, to, until time.Time
}

// maxDays bounds the terms that are counted in days.
const maxDays = 3650

func (l *loader) checkTerms() {
	t := &l.flow.terms
	for _, n := range []struct {
		name  string
		value int
	}{{"return_days", t.ReturnDays}, {"quality_days", t.QualityDays}, {"late_days", t.LateDays}} {
		if n.value < 0 || n.value > maxDays {
			l.bad("is %d, must be from 0 to %d", args(n.value, maxDays), "terms", n.name)
		}
	}
	l.checkPickup()
	zone := time.UTC
	if at, err := time.Parse("-07:00", l.flow.header.UTCOffset); err == nil {
		_, seconds := at.Zone()
		zone = time.FixedZone(l.flow.header.UTCOffset, seconds)
	}
	for i := range t.Holidays {
		h := &t.Holidays[i]
		for _, d := range []struct {
			text string
			day  *time.Time
		}{{h.From, &h.from}, {h.To, &h.to}, {h.Until, &h.until}} {
			day, err := time.ParseInLocation(time.DateOnly, d.text, zone)
			if err != nil {
				l.bad("holiday %q: %q is no date like 2026-11-11", args(h.Name, d.text), "terms", "holidays")
			}
			*d.day = day
		}
		if !namePattern.MatchString(h.Name) || h.Say == "" || h.to.Before(h.from) || h.until.Before(h.to) {
			l.bad("holiday %q needs a name, a say, and from, to and until in order", args(h.Name), "terms", "holidays")
		}
	}
}

// holiday is the festival that an order was placed in, or nil.
func (f *Flow) holiday(placed time.Time) *holidaySpec {
	for i := range f.terms.Holidays {
		h := &f.terms.Holidays[i]
		if !placed.IsZero() && !placed.Before(h.from) && placed.Before(h.to.AddDate(0, 0, 1)) {
			return h
		}
	}
	return nil
}

// termValue says what a placeholder of the terms stands for.
func (t *turn) termValue(name string) string {
	switch name {
	case "return_days":
		return t.f.mouth.number(int64(t.f.terms.ReturnDays))
	case "quality_days":
		return t.f.mouth.number(int64(t.f.terms.QualityDays))
	}
	o := t.subject()
	if o == nil {
		return ""
	}
	h := t.f.holiday(o.PlacedAt)
	switch {
	case h == nil:
		return ""
	case name == "holiday":
		return h.Say
	}
	return t.f.mouth.date(h.until, t.now)
}
