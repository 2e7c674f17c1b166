// Package entext reads what English-speaking callers say, and says numbers,
// dates and amounts in words that a voice needs no rules for: what package
// zhtext does for Mandarin. It has no I/O and no clock.
package entext
