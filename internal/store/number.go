package store

import (
	"crypto/rand"
	"math/big"
)

// numberDigits is the usual length of a ticket number; after collisions the
// longer one is drawn. Both fit the pattern of schemas.TicketOpened.
const (
	numberDigits     = 8
	longNumberDigits = 10
)

// damm is the quasigroup of H. Michael Damm's check digit (thesis, Marburg
// 2004): it catches every single wrong digit and every swap of neighbours,
// the two mistakes people make when they say or type a number.
var damm = [10][10]byte{
	{0, 3, 1, 7, 5, 9, 8, 6, 4, 2},
	{7, 0, 9, 2, 1, 5, 4, 8, 6, 3},
	{4, 2, 0, 6, 8, 7, 1, 3, 5, 9},
	{1, 7, 5, 0, 9, 8, 3, 4, 2, 6},
	{6, 1, 2, 3, 0, 4, 5, 9, 7, 8},
	{3, 6, 7, 4, 2, 0, 9, 5, 8, 1},
	{5, 8, 6, 9, 7, 2, 0, 1, 3, 4},
	{8, 9, 4, 5, 3, 6, 2, 0, 1, 7},
	{9, 4, 3, 8, 6, 1, 7, 2, 0, 5},
	{2, 5, 8, 1, 4, 3, 6, 7, 9, 0},
}

func dammDigit(digits string) (byte, bool) {
	var state byte
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
		state = damm[state][digits[i]-'0']
	}
	return '0' + state, true
}

// ValidTicketNumber reports whether s can be a ticket number: its length, and
// its last digit checks the others.
func ValidTicketNumber(s string) bool {
	if len(s) != numberDigits && len(s) != longNumberDigits {
		return false
	}
	check, ok := dammDigit(s)
	return ok && check == '0' // a whole number with its check digit ends at 0
}

// drawNumber draws a number of so many digits, check digit last. It does not
// start with 0, and no digit stands three times in a row: those are miscounted
// by ear.
func drawNumber(digits int) (string, error) {
	low := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits-2)), nil)
	span := new(big.Int).Mul(low, big.NewInt(9))
	for {
		n, err := rand.Int(rand.Reader, span)
		if err != nil {
			return "", err
		}
		s := n.Add(n, low).String()
		check, _ := dammDigit(s)
		s += string(check)
		if sayable(s) {
			return s, nil
		}
	}
}

func sayable(s string) bool {
	for i := 2; i < len(s); i++ {
		if s[i] == s[i-1] && s[i] == s[i-2] {
			return false
		}
	}
	return true
}
