package sherpa

import "errors"

// Kinds of synthesis models.
const (
	TTSVits     = "vits"
	TTSMatcha   = "matcha"
	TTSKokoro   = "kokoro"
	TTSZipVoice = "zipvoice"
)

// TTSConfig names the files of a synthesis model; an empty path is a part
// that the model does not have.
type TTSConfig struct {
	Kind    string   // one of the kinds above
	Model   string   // vits, kokoro; of matcha the acoustic model
	Encoder string   // zipvoice
	Decoder string   // zipvoice
	Vocoder string   // matcha, zipvoice
	Voices  string   // kokoro
	Tokens  string   // all
	Lexicon []string // needed where DataDir is empty
	DataDir string   // folder of espeak-ng's data
	Rules   []string // text normalisation, .fst
	Threads int      // that one sentence is computed with; 0 means 1
}

// Voice is how a sentence is spoken.
type Voice struct {
	Speaker int     // 0 to Speakers()-1
	Speed   float64 // 1 is the model's own
	// ZipVoice speaks like a recording, whose text it has to know.
	Reference     []float32
	ReferenceRate int
	ReferenceText string
	Steps         int // of flow matching; 0 is the model's own
}

var (
	// ErrSpeaker: the model does not have the speaker.
	ErrSpeaker = errors.New("model does not have the speaker")
	// ErrPanic: what took the sound panicked.
	ErrPanic = errors.New("panic while sound was taken")
)
