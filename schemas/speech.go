package schemas

// The speech protocol: one websocket per call and direction, between the
// mediabridge and a speech worker. Control is JSON text frames with a "type";
// sound is binary frames of L16 little-endian mono at the agreed rate.
//
// Recognition, subprotocol "asr.tidegate.v1":
//
//	bridge -> start; worker -> ready
//	for each utterance n (from 1): bridge -> speech_start{n}, binary frames
//	(pre-roll first), speech_end{n}; worker -> partial{n}*, final{n} or error
//	bridge -> hints at any time; either side closes the websocket
//
// Synthesis, subprotocol "tts.tidegate.v1":
//
//	bridge -> start; worker -> ready
//	bridge -> synthesize{id}; worker -> started{id}, binary frames,
//	finished{id} or error{id}; requests are served in order
//	bridge -> cancel{id}: no more sound of it; finished{id, cancelled} comes
const (
	SubprotocolASR = "asr.tidegate.v1"
	SubprotocolTTS = "tts.tidegate.v1"
)

// Types of speech protocol messages.
const (
	SpeechStart      = "start"
	SpeechReady      = "ready"
	SpeechBegin      = "speech_start"
	SpeechEnd        = "speech_end"
	SpeechHints      = "hints"
	SpeechPartial    = "partial"
	SpeechFinal      = "final"
	SpeechSynthesize = "synthesize"
	SpeechStarted    = "started"
	SpeechFinished   = "finished"
	SpeechCancel     = "cancel"
	SpeechError      = "error"
)

// Codes of a speech error message.
const (
	SpeechErrProtocol    = "protocol"
	SpeechErrUnsupported = "unsupported"
	SpeechErrEngine      = "engine"
	SpeechErrOverloaded  = "overloaded"
)

// SpeechMessage is every control message of the speech protocol; Type says
// which fields count.
type SpeechMessage struct {
	Type       string   `json:"type" jsonschema:"enum=start,enum=ready,enum=speech_start,enum=speech_end,enum=hints,enum=partial,enum=final,enum=synthesize,enum=started,enum=finished,enum=cancel,enum=error"`
	CallID     string   `json:"call_id,omitempty" jsonschema:"maxLength=64"`
	Language   string   `json:"language,omitempty" jsonschema:"maxLength=16"`
	SampleRate int      `json:"sample_rate,omitempty"`
	Engine     string   `json:"engine,omitempty"`
	Scenario   string   `json:"scenario,omitempty" jsonschema:"maxLength=64,description=start: the simulated caller's script; only the scripted engine reads it."`
	Phrases    []string `json:"phrases,omitempty" jsonschema:"maxItems=200,description=start, hints: words to expect."`
	Utterance  int      `json:"utterance,omitempty" jsonschema:"minimum=0"`
	ID         string   `json:"id,omitempty" jsonschema:"maxLength=64"`
	Text       string   `json:"text,omitempty" jsonschema:"maxLength=4000"`
	Dialect    string   `json:"dialect,omitempty" jsonschema:"maxLength=32,description=start: the dialect to expect; final: the one that was heard."`
	Confidence float64  `json:"confidence,omitempty" jsonschema:"minimum=0,maximum=1"`
	Voice      string   `json:"voice,omitempty" jsonschema:"maxLength=64"`
	Rate       float64  `json:"rate,omitempty" jsonschema:"minimum=0,maximum=4"`
	Style      string   `json:"style,omitempty" jsonschema:"maxLength=32,description=synthesize: how to say it."`
	Partials   bool     `json:"partials,omitempty" jsonschema:"description=ready: partial transcripts will come."`
	Synthetic  bool     `json:"synthetic,omitempty" jsonschema:"description=ready: synthetic voices only are understood."`
	DurationMS int64    `json:"duration_ms,omitempty" jsonschema:"minimum=0"`
	Cached     bool     `json:"cached,omitempty"`
	Cancelled  bool     `json:"cancelled,omitempty"`
	Code       string   `json:"code,omitempty" jsonschema:"enum=protocol,enum=unsupported,enum=engine,enum=overloaded"`
	Message    string   `json:"message,omitempty" jsonschema:"maxLength=500"`
	Retryable  bool     `json:"retryable,omitempty"`
}
