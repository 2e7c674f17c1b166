package store

import "testing"

// A wrong digit, or two neighbours swapped, is never another ticket's number.
func TestMisheardNumbersAreRefused(t *testing.T) {
	for range 300 {
		for _, digits := range []int{numberDigits, longNumberDigits} {
			n, err := drawNumber(digits)
			if err != nil || len(n) != digits || n[0] == '0' || !ValidTicketNumber(n) || !sayable(n) {
				t.Fatalf("number %q, %v", n, err)
			}
			for i := range n {
				for d := byte('0'); d <= '9'; d++ {
					if wrong := n[:i] + string(d) + n[i+1:]; d != n[i] && ValidTicketNumber(wrong) {
						t.Errorf("%s and %s are both valid", n, wrong)
					}
				}
				if i > 0 && n[i] != n[i-1] {
					if swapped := n[:i-1] + string(n[i]) + string(n[i-1]) + n[i+1:]; ValidTicketNumber(swapped) {
						t.Errorf("%s and %s are both valid", n, swapped)
					}
				}
			}
		}
	}
}

func TestNationalPhone(t *testing.T) {
	for in, want := range map[string]string{
		"13800138001": "13800138001", "+8613800138001": "13800138001", "008613800138001": "13800138001",
		"013800138001": "13800138001", "+86 138-0013-8001": "13800138001", "02161234567": "02161234567", "": "", "anonymous": "",
		"8613": "8613",
	} {
		if got := nationalPhone(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
