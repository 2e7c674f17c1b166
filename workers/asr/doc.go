// Package asr is the recognition worker: it turns callers' speech into text.
// It gives out places over the bus, serves the speech protocol of package
// schemas over websockets, and recognises through an Engine.
package asr
