// Package zhtext turns what callers say in Mandarin into values, and values
// into what can be read out: digits, numbers, amounts, dates, times, addresses,
// yes and no. It is pure; every reader has its counterpart that says the value again.
package zhtext
