package sherpa

import "errors"

// Rate is the sample rate in Hz that recognisers take; sound of another rate
// is resampled before it comes here, since the library announces each
// resampler that it makes on the standard error.
const Rate = 16000

// The kinds of streaming models.
const (
	ZipformerTransducer = "zipformer-transducer"
	LSTMTransducer      = "lstm-transducer"
	OnlineParaformer    = "paraformer"
	ZipformerCTC        = "zipformer-ctc"
)

// The ways to search for the best text. Only transducers know BeamSearch,
// and only it takes hot words.
const (
	GreedySearch = "greedy_search"
	BeamSearch   = "modified_beam_search"
)

// The units that a model's tokens are made of; hot words are split into them.
const (
	UnitCharacters = "cjkchar"
	UnitBPE        = "bpe"
	UnitBoth       = "cjkchar+bpe"
)

// OnlineConfig names the files of a streaming model and how it decodes. Which
// files a model has depends on its kind.
type OnlineConfig struct {
	Kind                            string
	Encoder, Decoder, Joiner, Model string
	Tokens                          string
	Unit                            string // UnitCharacters when empty
	BPEVocab                        string // needed by the other units
	Method                          string // GreedySearch when empty
	Paths                           int    // kept by BeamSearch; 0 is 4
	HotwordsScore                   float32
	Threads                         int // of one decoding; 0 is 1
}

// Hotwords says whether streams of such a recogniser may have hot words.
func (c OnlineConfig) Hotwords() bool {
	return c.Method == BeamSearch && c.Transducer()
}

// Transducer says whether the model is one.
func (c OnlineConfig) Transducer() bool {
	return c.Kind == ZipformerTransducer || c.Kind == LSTMTransducer
}

// Result is what was recognised.
type Result struct {
	Text     string
	Tokens   []string
	LogProbs []float32 // natural logarithms, one a token, where the model has them
	Language string    // as the model names it, where it does
}

// ErrHotwords: hot words were given to a recogniser that cannot use them.
var ErrHotwords = errors.New("hot words need a transducer that decodes by modified_beam_search")
