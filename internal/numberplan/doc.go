// Package numberplan finds where a Chinese telephone number belongs: landlines
// by their area code, from an embedded table; mobile numbers by their first
// seven digits, from a list that the operator keeps, else from the numbering
// data of libphonenumber. It has no clock, reads no files by itself and never
// asks anybody.
package numberplan
