// Package tts is the synthesis worker: it makes callers hear what the
// dialogue says. It gives out places over the bus, serves the speech protocol
// of package schemas over websockets, and speaks through an Engine behind a
// prompt cache.
package tts
