package entext

import "testing"

func TestFindFix(t *testing.T) {
	for text, want := range map[string]Fix{
		"no, nine not five":                    {From: "5", To: "9"},
		"No, it's a nine, not a five.":         {From: "5", To: "9"},
		"not five, nine":                       {From: "5", To: "9"},
		"it's not a five it's a nine":          {From: "5", To: "9"},
		"not 33 but 34":                        {From: "33", To: "34"},
		"eight instead of three":               {From: "3", To: "8"},
		"change the five to a nine":            {From: "5", To: "9"},
		"that five should be a nine":           {From: "5", To: "9"},
		"seventy-eight, not seventy-nine":      {From: "79", To: "78"},
		"the last digit is eight":              {To: "8", Place: -1},
		"the third digit should be a 4":        {To: "4", Place: 3},
		"the second to last number is a seven": {To: "7", Place: -2},
		"no the first digit is two, not three": {To: "2", Place: 1},
	} {
		if got, ok := FindFix(text); !ok || got != want {
			t.Errorf("%q: %+v %t, want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "no", "nine", "three three seven eight", "I want one", "not yet", "the first one", "the last four digits are 3378",
		"two shirts and three socks", "one is broken", "I have not got one"} {
		if got, ok := FindFix(text); ok {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestNumbersBegunAnew(t *testing.T) {
	for text, want := range map[string]string{
		"3379 no sorry 3378": "3378", "three three seven nine, wait, three three seven eight": "3378", "ending in 3379, I mean 3378": "3378",
	} {
		got := FindDigits(text)
		if len(got) != 1 || got[0].Text != want {
			t.Errorf("%q: %+v", text, got)
		}
	}
	if got := FindDigits("ends in 3379, I mean 3378"); len(got) != 1 || !got[0].Tail {
		t.Errorf("the end is forgotten: %+v", got)
	}
	if got := FindDigits("the one that starts with twenty twenty-six"); len(got) != 1 || got[0].Text != "2026" || !got[0].Head {
		t.Errorf("got %+v", got)
	}
	if got := FindDigits("the order 3378 and the order 3379"); len(got) != 2 {
		t.Errorf("two orders: %+v", got)
	}
}
