// Package speech holds whole calls in which every word is spoken, heard and
// recognised: callers with voices of espeak-ng, real SIP and RTP into the
// stand-in switch, and the recogniser that the program has in it at both
// ends. Its tests are what the package is for; the phrasings in it say how
// people ask for the same thing in different words.
package speech
