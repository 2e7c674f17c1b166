// Package speech is what recognition and synthesis workers have in common:
// places for calls given out over the bus, and the websockets that the
// holders of places connect to.
package speech

import "github.com/tidegate/tidegate/schemas"

// Kind is the direction of speech that a worker serves; it is also the use
// that its tokens are for.
type Kind string

// The kinds of workers.
const (
	ASR Kind = "asr"
	TTS Kind = "tts"
)

// Subject is where places of this kind are asked for.
func (k Kind) Subject() string {
	if k == ASR {
		return schemas.SubjectSlotASR
	}
	return schemas.SubjectSlotTTS
}

// Subprotocol is the websocket subprotocol of this kind.
func (k Kind) Subprotocol() string {
	if k == ASR {
		return schemas.SubprotocolASR
	}
	return schemas.SubprotocolTTS
}

// Queue is the queue group of all workers of this kind.
func (k Kind) Queue() string { return string(k) + "_workers" }

// Path is the path of a connection; the token follows.
func (k Kind) Path() string { return "/v1/" + string(k) + "/" }
