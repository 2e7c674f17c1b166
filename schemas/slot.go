package schemas

import "time"

// SlotAcquire asks for a place at a speech worker. A worker that is full or
// draining does not answer, so the first answer is a place.
type SlotAcquire struct {
	Kind       string `json:"kind" jsonschema:"enum=asr,enum=tts"`
	CallID     string `json:"call_id"`
	Language   string `json:"language" jsonschema:"maxLength=16"`
	SampleRate int    `json:"sample_rate" jsonschema:"enum=8000,enum=16000"`
	// Dialect goes with the subject of that dialect (SubjectSlotDialect).
	Dialect string `json:"dialect,omitempty" jsonschema:"maxLength=32"`
}

// SlotGranted gives the place: connect to URL (it holds the token) before
// ExpiresAt, or the place is free again.
type SlotGranted struct {
	Worker    string    `json:"worker"`
	Engine    string    `json:"engine"`
	URL       string    `json:"url" jsonschema:"description=ws://HOST:PORT/v1/asr/TOKEN or /v1/tts/TOKEN."`
	ExpiresAt time.Time `json:"expires_at"`
}
