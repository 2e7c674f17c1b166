// Package audio is arithmetic on sound: G.711, L16, resampling, WAV files,
// tones and what is measured in them.
//
// Sound is mono int16 samples ("L16") unless a function says otherwise. The
// package is pure: no clock, no goroutine, no I/O but the readers and writers
// that it is given.
package audio
