package calendar_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/calendar"
)

var shanghai = time.FixedZone("CST", 8*3600)

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.ParseInLocation("2006-01-02 15:04", s, shanghai)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func mainland(t testing.TB) *calendar.Calendar {
	t.Helper()
	c, err := calendar.Mainland(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The announcements name the weekday of every day they list; a day copied
// wrongly would fall on another one.
func TestAnnouncedDays(t *testing.T) {
	c := mainland(t)
	for day, want := range map[string]struct {
		weekday time.Weekday
		works   bool
	}{
		"2025-01-01": {time.Wednesday, false}, "2025-01-02": {time.Thursday, true},
		"2025-01-26": {time.Sunday, true}, "2025-01-27": {time.Monday, true}, "2025-01-28": {time.Tuesday, false},
		"2025-02-04": {time.Tuesday, false}, "2025-02-05": {time.Wednesday, true}, "2025-02-08": {time.Saturday, true}, "2025-02-09": {time.Sunday, false},
		"2025-04-03": {time.Thursday, true}, "2025-04-04": {time.Friday, false}, "2025-04-06": {time.Sunday, false}, "2025-04-07": {time.Monday, true},
		"2025-04-27": {time.Sunday, true}, "2025-05-01": {time.Thursday, false}, "2025-05-05": {time.Monday, false}, "2025-05-06": {time.Tuesday, true},
		"2025-05-31": {time.Saturday, false}, "2025-06-02": {time.Monday, false}, "2025-06-03": {time.Tuesday, true},
		"2025-09-28": {time.Sunday, true}, "2025-10-01": {time.Wednesday, false}, "2025-10-08": {time.Wednesday, false}, "2025-10-09": {time.Thursday, true},
		"2025-10-11": {time.Saturday, true}, "2025-10-12": {time.Sunday, false},
		"2026-01-01": {time.Thursday, false}, "2026-01-03": {time.Saturday, false}, "2026-01-04": {time.Sunday, true},
		"2026-02-14": {time.Saturday, true}, "2026-02-15": {time.Sunday, false}, "2026-02-16": {time.Monday, false}, "2026-02-23": {time.Monday, false},
		"2026-02-24": {time.Tuesday, true}, "2026-02-28": {time.Saturday, true}, "2026-03-01": {time.Sunday, false},
		"2026-04-04": {time.Saturday, false}, "2026-04-06": {time.Monday, false}, "2026-04-07": {time.Tuesday, true},
		"2026-05-01": {time.Friday, false}, "2026-05-05": {time.Tuesday, false}, "2026-05-06": {time.Wednesday, true}, "2026-05-09": {time.Saturday, true},
		"2026-06-19": {time.Friday, false}, "2026-06-21": {time.Sunday, false}, "2026-06-22": {time.Monday, true},
		"2026-09-20": {time.Sunday, true}, "2026-09-25": {time.Friday, false}, "2026-09-27": {time.Sunday, false}, "2026-09-28": {time.Monday, true},
		"2026-10-01": {time.Thursday, false}, "2026-10-07": {time.Wednesday, false}, "2026-10-08": {time.Thursday, true}, "2026-10-10": {time.Saturday, true},
		"2026-11-28": {time.Saturday, false}, "2026-11-27": {time.Friday, true},
	} {
		noon := at(t, day+" 12:00")
		if noon.Weekday() != want.weekday || c.Working(noon) != want.works {
			t.Errorf("%s is a %v, working %v; want a %v, %v", day, noon.Weekday(), c.Working(noon), want.weekday, want.works)
		}
	}
	for year, want := range map[int][2]int{2025: {28, 5}, 2026: {33, 6}} { // as the announcements count them
		off, moved := 0, 0
		for d := time.Date(year, 1, 1, 12, 0, 0, 0, shanghai); d.Year() == year; d = d.AddDate(0, 0, 1) {
			weekend := d.Weekday() == time.Saturday || d.Weekday() == time.Sunday
			if c.Holiday(d) != "" {
				off++
			}
			if weekend && c.Working(d) {
				moved++
			}
		}
		if off != want[0] || moved != want[1] || !c.Known(year) {
			t.Errorf("%d: %d days off, %d worked weekend days, want %v", year, off, moved, want)
		}
	}
}

func TestAddCountsWorkingTimeOnly(t *testing.T) {
	c := mainland(t)
	for _, tc := range []struct {
		from string
		add  time.Duration
		want string
	}{
		{"2026-11-26 10:00", 4 * time.Hour, "2026-11-26 14:00"},
		{"2026-11-26 07:30", 4 * time.Hour, "2026-11-26 13:00"},  // before opening
		{"2026-11-26 14:00", 4 * time.Hour, "2026-11-26 18:00"},  // ends with the day
		{"2026-11-26 15:00", 4 * time.Hour, "2026-11-27 10:00"},  // over night
		{"2026-11-27 17:00", 4 * time.Hour, "2026-11-30 12:00"},  // over a weekend
		{"2026-11-28 11:00", time.Minute, "2026-11-30 09:01"},    // opened on a Saturday
		{"2026-02-13 17:00", 4 * time.Hour, "2026-02-14 12:00"},  // Saturday worked for Spring Festival
		{"2026-02-14 17:00", 4 * time.Hour, "2026-02-24 12:00"},  // over all of Spring Festival
		{"2026-02-18 03:00", 9 * time.Hour, "2026-02-24 18:00"},  // in the middle of it
		{"2026-02-27 17:00", 10 * time.Hour, "2026-02-28 18:00"}, // the other worked Saturday
		{"2026-09-24 17:30", time.Hour, "2026-09-28 09:30"},      // Mid-Autumn
		{"2026-09-30 17:30", 9 * time.Hour, "2026-10-08 17:30"},  // National Day
		{"2026-10-09 17:30", time.Hour, "2026-10-10 09:30"},      // Saturday worked after it
		{"2025-12-31 17:00", 2 * time.Hour, "2026-01-04 10:00"},  // New Year ends on a worked Sunday
		{"2025-09-30 09:00", 27 * time.Hour, "2025-10-10 18:00"}, // 30 September, 9 and 10 October
		{"2026-11-26 10:00", 0, "2026-11-26 10:00"},
		{"2026-11-28 10:00", -time.Hour, "2026-11-28 10:00"},
	} {
		got := c.Add(at(t, tc.from), tc.add)
		if !got.Equal(at(t, tc.want)) {
			t.Errorf("%s + %v = %s, want %s", tc.from, tc.add, got.In(shanghai).Format("2006-01-02 15:04"), tc.want)
		}
		if tc.add > 0 && c.Between(at(t, tc.from), got) != tc.add {
			t.Errorf("from %s to there are %v, want %v", tc.from, c.Between(at(t, tc.from), got), tc.add)
		}
	}
	if c.Between(at(t, "2026-11-26 12:00"), at(t, "2026-11-26 10:00")) != 0 {
		t.Error("time counts backwards")
	}
}

func TestOpenHours(t *testing.T) {
	c, err := calendar.Parse("own.yaml", []byte("hours: [\"09:00-12:00\", \"13:30-24:00\"]\nweekend: []\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for when, want := range map[string]bool{
		"2026-11-28 09:00": true, "2026-11-28 08:59": false, "2026-11-28 12:00": false, "2026-11-28 13:30": true,
		"2026-11-28 23:59": true, "2026-10-01 10:00": false,
	} {
		if c.Open(at(t, when)) != want {
			t.Errorf("%s: open %v", when, !want)
		}
	}
	if got := c.Add(at(t, "2026-11-28 11:00"), 2*time.Hour); !got.Equal(at(t, "2026-11-28 14:30")) {
		t.Errorf("over lunch: %s", got.In(shanghai))
	}
	if got := c.Add(at(t, "2026-11-28 23:00"), 2*time.Hour); !got.Equal(at(t, "2026-11-29 10:00")) {
		t.Errorf("past midnight: %s", got.In(shanghai))
	}
}

func TestAYearWithoutDataHasWeekendsAndAWarning(t *testing.T) {
	var said bytes.Buffer
	c, err := calendar.Mainland(slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if c.Known(2031) || !c.Working(at(t, "2031-10-01 12:00")) || c.Working(at(t, "2031-10-04 12:00")) {
		t.Error("2031 is not weekends only")
	}
	if n := strings.Count(said.String(), "year=2031"); n != 1 {
		t.Errorf("%d warnings: %s", n, said.String())
	}
	path := filepath.Join(t.TempDir(), "calendar.yaml")
	if err := os.WriteFile(path, []byte("years: {2031: {off: [{days: 2031-10-01..2031-10-03, name: 国庆节}], work: [2031-10-04]}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err = calendar.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Working(at(t, "2031-10-01 12:00")) || !c.Working(at(t, "2031-10-04 12:00")) || c.Holiday(at(t, "2031-10-02 12:00")) != "国庆节" {
		t.Error("the file was not used")
	}
	if c.Working(at(t, "2026-10-01 12:00")) {
		t.Error("the file hid the built-in years")
	}
}

func TestWrongFilesAreNamedWithTheirLine(t *testing.T) {
	for text, want := range map[string]string{
		"zone: Mars/Base": "own.yaml:1: zone",
		"\nhours: []":     "own.yaml:2: hours",
		"hours:\n- 9-18":  "own.yaml:2: hours[0]",
		"hours: [\"09:00-12:00\", \"11:00-13:00\"]":                           "hours[1]: begin before",
		"weekend: [caturday]":                                                 "weekend[0]",
		"weekend: [monday,tuesday,wednesday,thursday,friday,saturday,sunday]": "no day is left",
		"years:\n  2027:\n    off:\n    - {days: 2026-01-01}":                 "own.yaml:4: years.2027.off[0].days: is not in 2027",
		"years: {2027: {off: [{days: 2027-01-03..2027-01-01}]}}":              "ends before",
		"years: {2027: {off: [{days: 2027-01-01..2027-06-01}]}}":              "longer than",
		"years: {2027: {off: [{days: 2027-01-01}], work: [2027-01-01]}}":      "a day off as well",
		"years: {27: {}}":                   "is no year",
		"holidays: []":                      "own.yaml:1: ",
		"years: {":                          "own.yaml",
		"years: {2027: {work: [tomorrow]}}": "neither a day",
	} {
		if _, err := calendar.Parse("own.yaml", []byte(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v does not say %q", text, err, want)
		}
	}
	if _, err := calendar.Load("/no/such/file", nil); err == nil {
		t.Error("a missing file was accepted")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("hours: [\"09:00-18:00\"]"))
	f.Add([]byte("years: {2027: {off: [{days: 2027-01-01..2027-01-03}], work: [2027-01-04]}}"))
	f.Add([]byte("weekend: ["))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := calendar.Parse("own.yaml", b, nil)
		if err != nil {
			return
		}
		from := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
		if got := c.Add(from, 30*time.Hour); got.Before(from.Add(30 * time.Hour)) {
			t.Errorf("%q: 30 working hours passed in %v", b, got.Sub(from))
		}
	})
}
