package schemas

// Listening policy kinds: what the agent expects to hear, which decides how
// long a silence ends the caller's turn.
const (
	ExpectNone   = "none"
	ExpectYesNo  = "yes_no"
	ExpectOpen   = "open"
	ExpectDigits = "digits"
)

// ListenPolicy says how the bridge listens after an utterance.
type ListenPolicy struct {
	Expect     string   `json:"expect" jsonschema:"enum=none,enum=yes_no,enum=open,enum=digits"`
	EndpointMS int      `json:"endpoint_ms" jsonschema:"minimum=0,maximum=10000,description=Silence that ends the caller's turn."`
	NoInputMS  int      `json:"no_input_ms" jsonschema:"minimum=0,maximum=120000,description=Silence after the prompt that counts as no input; 0 never."`
	Hints      []string `json:"hints,omitempty" jsonschema:"maxItems=200"`

	// Answers are phrases that answer completely: when the recogniser's
	// partial is one, the turn ends after AnswerMS of silence already.
	Answers  []string `json:"answers,omitempty" jsonschema:"maxItems=64"`
	AnswerMS int      `json:"answer_ms,omitempty" jsonschema:"minimum=0,maximum=10000"`
	// MinDigits and NumberMS: a partial that ends in a number of fewer digits
	// is in the middle of one, and only NumberMS of silence ends the turn.
	MinDigits int `json:"min_digits,omitempty" jsonschema:"minimum=0,maximum=32"`
	NumberMS  int `json:"number_ms,omitempty" jsonschema:"minimum=0,maximum=10000"`
	// Filler is said when nothing else is for FillerMS after the caller's
	// turn; the next of them each time.
	Filler   []string `json:"filler,omitempty" jsonschema:"maxItems=8"`
	FillerMS int      `json:"filler_ms,omitempty" jsonschema:"minimum=0,maximum=10000"`
	// Dialect asks for another recogniser, one that knows it (see
	// docs/dialects.md); empty is the one that the call has.
	Dialect string `json:"dialect,omitempty" jsonschema:"maxLength=32"`
}

// MediaSay asks the bridge to speak. An utterance of an epoch older than the
// session's is dropped; a newer epoch raises the session's.
type MediaSay struct {
	CallID        string       `json:"call_id"`
	Epoch         int          `json:"epoch" jsonschema:"minimum=0"`
	UtteranceID   string       `json:"utterance_id" jsonschema:"minLength=1,maxLength=64"`
	Text          string       `json:"text" jsonschema:"maxLength=4000"`
	Language      string       `json:"language" jsonschema:"maxLength=16"`
	Voice         string       `json:"voice,omitempty" jsonschema:"maxLength=64"`
	Rate          float64      `json:"rate,omitempty" jsonschema:"minimum=0,maximum=4,description=Speaking rate; 0 means 1."`
	Style         string       `json:"style,omitempty" jsonschema:"maxLength=32,description=How to say it; what an engine makes of it is its own."`
	Interruptible bool         `json:"interruptible"`
	Listen        ListenPolicy `json:"listen"`
}

// MediaStop empties the play-out queue and raises the session's epoch.
type MediaStop struct {
	CallID string `json:"call_id"`
	Epoch  int    `json:"epoch" jsonschema:"minimum=0"`
}

// MediaListen changes the listening policy without speaking.
type MediaListen struct {
	CallID string       `json:"call_id"`
	Epoch  int          `json:"epoch" jsonschema:"minimum=0"`
	Listen ListenPolicy `json:"listen"`
}

// MediaSync asks for the session's state and for every reliable event after
// AfterSeq once more; a new owner of the call sends it first.
type MediaSync struct {
	CallID   string `json:"call_id"`
	AfterSeq uint64 `json:"after_seq"`
}

// MediaState answers MediaSync.
type MediaState struct {
	CallID         string `json:"call_id"`
	LastSeq        uint64 `json:"last_seq"`
	Epoch          int    `json:"epoch"`
	Playing        string `json:"playing,omitempty" jsonschema:"description=Utterance being played."`
	CallerSpeaking bool   `json:"caller_speaking"`
}

// MediaClose ends the bridge's session of the call.
type MediaClose struct {
	CallID string `json:"call_id"`
	Reason string `json:"reason,omitempty" jsonschema:"maxLength=200"`
}

// MediaEvent is what all events of a media session share. Seq counts the
// reliable events of a session from 1; partial transcripts carry 0 and are
// never sent again. AtMS is the session's audio clock in milliseconds.
type MediaEvent struct {
	CallID string `json:"call_id"`
	Seq    uint64 `json:"seq"`
	AtMS   int64  `json:"at_ms" jsonschema:"minimum=0"`
}

// MediaReady: the fork is connected and the speech slots are held.
type MediaReady struct {
	MediaEvent
	SampleRate int    `json:"sample_rate" jsonschema:"enum=8000,enum=16000"`
	Playout    string `json:"playout" jsonschema:"enum=stream,enum=file"`
	ASREngine  string `json:"asr_engine,omitempty"`
	// Synthetic: the recogniser understands synthetic voices only, and the
	// caller names no scenario: a person, who has to use the keypad.
	Synthetic bool   `json:"synthetic,omitempty"`
	TTSEngine string `json:"tts_engine,omitempty"`
}

// MediaDegraded: a part of the session does not work, and the call should go
// on without it.
type MediaDegraded struct {
	MediaEvent
	Component string `json:"component" jsonschema:"enum=asr,enum=tts"`
	Reason    string `json:"reason"`
	Restored  bool   `json:"restored,omitempty"`
}

// MediaSpeechStarted: the caller began to speak. Interrupted names the
// utterance that it cut.
type MediaSpeechStarted struct {
	MediaEvent
	Epoch       int    `json:"epoch"`
	Interrupted string `json:"interrupted,omitempty"`
}

// MediaTranscript is what the caller said in one utterance. Final ends the
// caller's turn; EndMS and EndedAgoMS are on the audio clock: where the last
// speech was heard, and how long before this message.
type MediaTranscript struct {
	MediaEvent
	Epoch      int     `json:"epoch"`
	Utterance  int     `json:"utterance" jsonschema:"minimum=1"`
	Text       string  `json:"text" jsonschema:"maxLength=4000"`
	Final      bool    `json:"final"`
	Confidence float64 `json:"confidence" jsonschema:"minimum=0,maximum=1"`
	Language   string  `json:"language,omitempty"`
	Dialect    string  `json:"dialect,omitempty" jsonschema:"maxLength=32,description=As the recogniser reports it."`
	StartMS    int64   `json:"start_ms"`
	EndMS      int64   `json:"end_ms"`
	EndedAgoMS int64   `json:"ended_ago_ms"`
}

// FillerID begins the utterance ids of fillers, which the bridge says by
// itself (ListenPolicy.Filler); their play-out is reported like any other.
const FillerID = "filler-"

// MediaPlayoutStarted: first audio of an utterance was sent to the switch.
type MediaPlayoutStarted struct {
	MediaEvent
	Epoch       int    `json:"epoch"`
	UtteranceID string `json:"utterance_id"`
	// SinceSpeechMS is the time from the end of the caller's last speech, or
	// -1 when the caller has not spoken yet.
	SinceSpeechMS int64 `json:"since_speech_ms"`
}

// MediaPlayoutEnded: an utterance ended or was cut; HeardText is the part
// the caller had heard by then, by whole characters.
type MediaPlayoutEnded struct {
	MediaEvent
	Epoch       int    `json:"epoch"`
	UtteranceID string `json:"utterance_id"`
	Reason      string `json:"reason" jsonschema:"enum=finished,enum=interrupted,enum=stopped,enum=failed"`
	HeardMS     int64  `json:"heard_ms"`
	TotalMS     int64  `json:"total_ms"`
	HeardText   string `json:"heard_text"`
}

// MediaNoInput: the caller said nothing for the policy's time.
type MediaNoInput struct {
	MediaEvent
	Epoch   int   `json:"epoch"`
	AfterMS int64 `json:"after_ms"`
}

// MediaDigit: a keypad tone was heard in the audio itself (in-band DTMF,
// ITU-T Q.23). Digits by RFC 4733 come over the event socket instead.
type MediaDigit struct {
	MediaEvent
	Digit      string `json:"digit" jsonschema:"pattern=^[0-9A-D*#]$"`
	DurationMS int64  `json:"duration_ms"`
}

// MediaClosed: the fork websocket is gone and the session ended.
type MediaClosed struct {
	MediaEvent
	Reason string `json:"reason"`
}

// ForkMetadata is the text frame that opens a fork websocket: what the bridge
// needs to know of the call. The orchestrator gives it to mod_audio_fork.
type ForkMetadata struct {
	CallID     string   `json:"call_id" jsonschema:"pattern=^[A-Za-z0-9_-]{1\\,64}$"`
	Tenant     string   `json:"tenant,omitempty" jsonschema:"maxLength=64"`
	Language   string   `json:"language" jsonschema:"maxLength=16"`
	Voice      string   `json:"voice,omitempty" jsonschema:"maxLength=64"`
	Dialect    string   `json:"dialect,omitempty" jsonschema:"maxLength=32,description=Dialect the caller is likely to speak."`
	SampleRate int      `json:"sample_rate" jsonschema:"enum=8000,enum=16000"`
	Playout    string   `json:"playout" jsonschema:"enum=stream,enum=file,description=stream: binary frames; file: playAudio messages that the orchestrator plays."`
	Scenario   string   `json:"scenario,omitempty" jsonschema:"maxLength=64"`
	Hints      []string `json:"hints,omitempty" jsonschema:"maxItems=200"`
}

// SideMessage is one bus message carried between the bridge and the
// orchestrator through the switch while NATS is away: as the data of a
// {"type":"json"} text frame, and as the text of uuid_audio_fork send_text.
// Envelope is base64 (standard alphabet) of the envelope's JSON, so that no
// byte of it means anything to the event socket.
type SideMessage struct {
	Type     string `json:"type" jsonschema:"enum=tidegate"`
	Envelope string `json:"envelope"`
}
