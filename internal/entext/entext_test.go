package entext

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestSayNumber(t *testing.T) {
	for n, want := range map[int64]string{
		0: "zero", 7: "seven", 12: "twelve", 20: "twenty", 21: "twenty-one", 100: "one hundred", 305: "three hundred five",
		1205: "one thousand two hundred five", 1_000_000: "one million", 2_030_004: "two million thirty thousand four", -15: "minus fifteen",
		math.MinInt64: "minus nine quintillion two hundred twenty-three quadrillion three hundred seventy-two trillion thirty-six billion " +
			"eight hundred fifty-four million seven hundred seventy-five thousand eight hundred eight",
	} {
		if got := SayNumber(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int]string{1: "first", 2: "second", 4: "fourth", 12: "twelfth", 20: "twentieth", 21: "twenty-first", 30: "thirtieth", 100: "one hundredth"} {
		if got := SayOrdinal(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for fen, want := range map[int64]string{0: "zero yuan", 12350: "one hundred twenty-three yuan fifty", 9900: "ninety-nine yuan",
		105: "one yuan and five fen", -250: "minus two yuan fifty"} {
		if got := SayAmount(fen); got != want {
			t.Errorf("%d: %q, want %q", fen, got, want)
		}
	}
}

func TestReadOrdinal(t *testing.T) {
	for text, want := range map[string]int{
		"the first one": 1, "Second.": 2, "number three please": 3, "the last one": -1, "1st": 1, "the 2nd one": 2, "option two": 2,
		"one second please": 0, "the one from November fifth": 0, "the fifth of November": 0, "November 2nd": 0, "the second one from November fifth": 2, "last week": 0, "I want a refund": 0, "": 0,
	} {
		if got := ReadOrdinal(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestDigits(t *testing.T) {
	if got := ReadDigits("3378-1234", 4); got != "three three seven eight, one two three four" {
		t.Errorf("got %q", got)
	}
	if got := ReadDigits("a12", 4); got != "A one two" {
		t.Errorf("got %q", got)
	}
	for text, want := range map[string][]Run{
		"3378": {{Text: "3378", End: 4}},
		"my order ends in three three seven eight":          {{Text: "3378", Start: 17, End: 40, Tail: true}},
		"The last four digits are 33 78.":                   {{Text: "3378", Start: 25, End: 30, Tail: true}},
		"double three seven eight":                          {{Text: "3378", End: 24}},
		"thirty-three seventy-eight":                        {{Text: "3378", End: 26}},
		"it's twenty twenty six, eleven, twelve, oh oh one": {{Text: "20261112001", Start: 5, End: 49}},
		"within 15 days":                                    {{Text: "15", Start: 7, End: 9, Counted: true}},
		"AB12345":                                           {{Text: "AB12345", End: 7}},
		"I want one":                                        nil,
		"the 2nd one":                                       nil,
		"no numbers here":                                   nil,
	} {
		got := FindDigits(text)
		if len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
	// What is read out is read back.
	for _, number := range []string{"33781234", "20261112003378", "0042", "9999999"} {
		if got := FindDigits(ReadDigits(number, 4)); len(got) != 1 || got[0].Text != number {
			t.Errorf("%s came back as %+v", number, got)
		}
	}
}

func TestReadYesNo(t *testing.T) {
	for want, texts := range map[Answer][]string{
		AnswerYes: {"yes", "Yeah.", "yes please", "uh, yeah sure", "That's right", "correct", "OK", "of course", "no problem", "uh huh",
			"It is.", "yep that's the one", "please", "absolutely", "right", "Perfect, yes", "Oh great, yes", "sounds great", "perfect", "that works"},
		AnswerNo: {"no", "Nope!", "no, the other one", "not yet", "I don't think so", "that's wrong", "no no no", "It isn't", "um no thanks",
			"I haven't received it", "nothing else", "uh uh"},
		AnswerUnknown: {"", "I want to return this", "is it free?", "the shoes", "do you speak Spanish", "please connect me to a human", "right now I'm busy",
			"yesterday", "nowhere", "knock"},
	} {
		for _, text := range texts {
			if got := ReadYesNo(text); got != want {
				t.Errorf("%q: %v, want %v", text, got, want)
			}
		}
	}
}

func TestDates(t *testing.T) {
	now := time.Date(2026, 11, 15, 10, 0, 0, 0, time.FixedZone("", 8*3600)) // a Sunday
	for text, want := range map[string]string{
		"yesterday": "2026-11-14", "the day before yesterday": "2026-11-13", "today": "2026-11-15", "last Friday": "2026-11-13",
		"I bought it on Sunday": "2026-11-08", "three days ago": "2026-11-12", "a week ago": "2026-11-08", "2 weeks ago": "2026-11-01",
		"a month ago": "2026-10-15", "November 12th": "2026-11-12", "the twelfth of November": "2026-11-12", "on Nov 5": "2026-11-05",
		"December twenty-first": "2025-12-21", "February 29": "2024-02-29",
	} {
		got, ok := ParseDate(text, now)
		if !ok || got.Format(time.DateOnly) != want || got.Location() != now.Location() {
			t.Errorf("%q: %v %t, want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "I want to return it", "November 45", "some days ago", "may I ask something"} {
		if got, ok := ParseDate(text, now); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
	for day, want := range map[string]string{
		"2026-11-15": "today", "2026-11-14": "yesterday", "2026-11-12": "last Thursday", "2026-11-18": "next Wednesday",
		"2026-11-01": "November first", "2025-12-21": "December twenty-first twenty twenty-five", "2006-01-02": "January second two thousand six",
	} {
		d, _ := time.ParseInLocation(time.DateOnly, day, now.Location())
		if got := SayDate(d, now); got != want {
			t.Errorf("%s: %q, want %q", day, got, want)
		}
	}
	// What is said of the past year is understood.
	for back := range 360 {
		d := time.Date(2026, 11, 15-back, 0, 0, 0, 0, now.Location())
		said := SayDate(d, now)
		if strings.Contains(said, "twenty twenty-five") {
			said, _, _ = strings.Cut(said, " twenty twenty-five")
		}
		if got, ok := ParseDate(said, now); !ok || !got.Equal(d) {
			t.Errorf("%s is said as %q and understood as %v", d.Format(time.DateOnly), said, got)
		}
	}
}

func FuzzReaders(f *testing.F) {
	for _, s := range []string{"my order ends in double three seven eight", "yes", "last Friday", "the 2nd one", "’’''", "一二三", "\xff", "a month ago"} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 15, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		n := len([]rune(s))
		for _, r := range FindDigits(s) {
			if r.Start < 0 || r.End > n || r.Start >= r.End {
				t.Fatalf("%q: %+v", s, r)
			}
		}
		FindFix(s)
		NewVocabulary(nil).Fold(s)
		ReadYesNo(s)
		ReadOrdinal(s)
		if d, ok := ParseDate(s, now); ok && d.After(now) {
			t.Fatalf("%q: %v is to come", s, d)
		}
	})
}
