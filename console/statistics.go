package console

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// maxStatsDays bounds what one answer is about; defaultStatsDays are up to now.
const (
	maxStatsDays     = 366
	defaultStatsDays = 30
)

type statisticsView struct {
	Since      time.Time    `json:"since"`
	Until      time.Time    `json:"until"`
	UTCOffset  string       `json:"utc_offset"`
	Tickets    ticketsStats `json:"tickets"`
	TimeToOpen openTimeView `json:"time_to_open"`
	Calls      callsStats   `json:"calls"`
}

type ticketsStats struct {
	Total    int64       `json:"total"`
	ByDay    []dayCount  `json:"by_day"`
	ByKind   []countView `json:"by_kind"`
	ByReason []countView `json:"by_reason"`
	ByGroup  []countView `json:"by_group"`
	ByStatus []countView `json:"by_status"`
}

type callsStats struct {
	Ended     int64       `json:"ended"`
	ByOutcome []countView `json:"by_outcome"`
	// ResolvedAutomatically are the calls that needed no person: a ticket was
	// opened, or the question answered. The share is null without calls.
	ResolvedAutomatically int64    `json:"resolved_automatically"`
	Share                 *float64 `json:"resolved_automatically_share"`
}

type dayCount struct {
	Day   string `json:"day"`
	Count int64  `json:"count"`
}

type countView struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

type openTimeView struct {
	Tickets int64        `json:"tickets"`
	MeanMS  int64        `json:"mean_ms"`
	MaxMS   int64        `json:"max_ms"`
	Within  []withinView `json:"within"`
}

type withinView struct {
	MS      int64 `json:"ms"`
	Tickets int64 `json:"tickets"`
}

// offsetPattern is that of RFC 3339; the clocks of the world are at most
// fourteen hours from UTC.
var offsetPattern = regexp.MustCompile(`^[+-](0[0-9]|1[0-4]):[0-5][0-9]$`)

const defaultOffset = "+08:00"

func (s *Service) parseStats(raw string) (f store.StatsFilter, offset string, err error) {
	q := newQuery(raw)
	f = store.StatsFilter{Since: q.time("since"), Until: q.time("until"), Kind: oneOf(q, "kind", kinds), Group: oneOf(q, "group", groups)}
	if offset = q.get("utc_offset"); offset == "" {
		offset = defaultOffset
	}
	if !offsetPattern.MatchString(offset) {
		q.bad("utc_offset", "is no offset like +08:00 (in a URL %2B08:00)")
	} else {
		hours, _ := strconv.Atoi(offset[1:3])
		minutes, _ := strconv.Atoi(offset[4:])
		f.Offset = time.Duration(hours*60+minutes) * time.Minute
		if offset[0] == '-' {
			f.Offset = -f.Offset
		}
	}
	if f.Until.IsZero() {
		f.Until = s.now().UTC().Truncate(time.Second)
	}
	if f.Since.IsZero() {
		f.Since = f.Until.AddDate(0, 0, -defaultStatsDays)
	}
	q.interval(f.Since, f.Until)
	if f.Until.Sub(f.Since) > maxStatsDays*24*time.Hour {
		q.bad("since", fmt.Sprintf("is more than %d days before until", maxStatsDays))
	}
	return f, offset, q.end()
}

func (s *Service) showStatistics(w http.ResponseWriter, r *http.Request) {
	f, offset, err := s.parseStats(r.URL.RawQuery)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.LongTimeout)
	defer cancel()
	st, err := s.records.Statistics(ctx, f)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, viewStatistics(f, offset, st))
}

func viewStatistics(f store.StatsFilter, offset string, st store.Stats) statisticsView {
	v := statisticsView{
		Since: f.Since.UTC(), Until: f.Until.UTC(), UTCOffset: offset,
		Tickets: ticketsStats{
			Total: st.Tickets, ByDay: everyDay(f, st.ByDay), ByKind: viewCounts(st.ByKind), ByReason: viewCounts(st.ByReason),
			ByGroup: viewCounts(st.ByGroup), ByStatus: viewCounts(st.ByStatus),
		},
		TimeToOpen: openTimeView{Tickets: st.OpenTime.N, MeanMS: st.OpenTime.Mean.Milliseconds(), MaxMS: st.OpenTime.Max.Milliseconds(), Within: []withinView{}},
		Calls:      callsStats{Ended: st.Calls, ByOutcome: viewCounts(st.ByOutcome)},
	}
	for i, n := range st.OpenTime.Within {
		v.TimeToOpen.Within = append(v.TimeToOpen.Within, withinView{MS: store.OpenTimeBounds[i].Milliseconds(), Tickets: n})
	}
	for _, c := range st.ByOutcome {
		if o := schemas.Outcome(c.Value); o == schemas.OutcomeTicketOpened || o == schemas.OutcomeResolved {
			v.Calls.ResolvedAutomatically += c.N
		}
	}
	if st.Calls > 0 {
		share := float64(v.Calls.ResolvedAutomatically) / float64(st.Calls)
		v.Calls.Share = &share
	}
	return v
}

func viewCounts(list []store.Count) []countView {
	out := make([]countView, 0, len(list))
	for _, c := range list {
		out = append(out, countView{Value: c.Value, Count: c.N})
	}
	return out
}

// everyDay has the days without a ticket, too.
func everyDay(f store.StatsFilter, counted []store.Count) []dayCount {
	n := map[string]int64{}
	for _, c := range counted {
		n[c.Value] = c.N
	}
	zone := time.FixedZone("", int(f.Offset/time.Second))
	last := f.Until.Add(-time.Microsecond).In(zone).Format(time.DateOnly)
	var out []dayCount
	for day := f.Since.In(zone); ; day = day.AddDate(0, 0, 1) {
		name := day.Format(time.DateOnly)
		if name > last {
			return out
		}
		out = append(out, dayCount{Day: name, Count: n[name]})
	}
}
