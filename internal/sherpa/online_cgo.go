//go:build cgo

package sherpa

import (
	"fmt"

	lib "github.com/k2-fsa/sherpa-onnx-go/sherpa_onnx"
)

// Online is a streaming recogniser: a loaded model. Its streams may be
// decoded at the same time; one stream belongs to one goroutine at a time.
// Streams end before their recogniser does.
type Online struct {
	impl     *lib.OnlineRecognizer
	hotwords bool
	final    bool // the model wants to be told of the last piece
}

// NewOnline loads a streaming model.
func NewOnline(c OnlineConfig) (*Online, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	config := lib.OnlineRecognizerConfig{
		FeatConfig: lib.FeatureConfig{SampleRate: Rate, FeatureDim: 80},
		ModelConfig: lib.OnlineModelConfig{
			Tokens: c.Tokens, NumThreads: max(c.Threads, 1), Provider: "cpu",
			ModelingUnit: c.Unit, BpeVocab: c.BPEVocab,
		},
		DecodingMethod: c.Method, MaxActivePaths: c.Paths, HotwordsScore: c.HotwordsScore,
	}
	switch c.Kind {
	case ZipformerTransducer, LSTMTransducer:
		config.ModelConfig.Transducer = lib.OnlineTransducerModelConfig{Encoder: c.Encoder, Decoder: c.Decoder, Joiner: c.Joiner}
	case OnlineParaformer:
		config.ModelConfig.Paraformer = lib.OnlineParaformerModelConfig{Encoder: c.Encoder, Decoder: c.Decoder}
	case ZipformerCTC:
		config.ModelConfig.Zipformer2Ctc = lib.OnlineZipformer2CtcModelConfig{Model: c.Model}
	}
	impl := lib.NewOnlineRecognizer(&config)
	if impl == nil {
		return nil, fmt.Errorf("%w: %s with %s", ErrModel, c.Kind, c.Tokens)
	}
	return &Online{impl: impl, hotwords: c.Hotwords(), final: c.Kind == OnlineParaformer}, nil
}

// Stream begins the recognition of one utterance. Hot words must consist of
// what the model's tokens have; the library passes over others, but for
// their known part.
func (r *Online) Stream(hotwords []string) (*OnlineStream, error) {
	if len(hotwords) == 0 {
		return &OnlineStream{from: r, impl: lib.NewOnlineStream(r.impl)}, nil
	}
	if !r.hotwords {
		return nil, ErrHotwords
	}
	lines, err := hotwordLines(hotwords)
	if err != nil {
		return nil, err
	}
	return &OnlineStream{from: r, impl: streamWithHotwords(r.impl, lines)}, nil
}

// Close frees the model; it may be called again.
func (r *Online) Close() {
	if r.impl != nil {
		lib.DeleteOnlineRecognizer(r.impl)
		r.impl = nil
	}
}

// OnlineStream is the recognition of one utterance.
type OnlineStream struct {
	from *Online
	impl *lib.OnlineStream
}

// Accept takes sound at Rate, -1 to 1.
func (s *OnlineStream) Accept(pcm []float32) {
	if len(pcm) > 0 {
		s.impl.AcceptWaveform(Rate, pcm)
	}
}

// Finish says that no more sound comes.
func (s *OnlineStream) Finish() {
	if s.from.final {
		s.impl.SetOption("is_final", "1")
	}
	s.impl.InputFinished()
}

// Ready says whether there is enough sound for a step of decoding.
func (s *OnlineStream) Ready() bool { return s.from.impl.IsReady(s.impl) }

// Decode does one step; the stream must be ready.
func (s *OnlineStream) Decode() { s.from.impl.Decode(s.impl) }

// DecodeTogether does one step of several streams of one recogniser, all of
// them ready.
func DecodeTogether(streams []*OnlineStream) {
	if len(streams) == 0 {
		return
	}
	impls := make([]*lib.OnlineStream, len(streams))
	for i, s := range streams {
		impls[i] = s.impl
	}
	streams[0].from.impl.DecodeStreams(impls)
}

// Result is what was recognised so far.
func (s *OnlineStream) Result() Result {
	r := s.from.impl.GetResult(s.impl)
	return Result{Text: r.Text, Tokens: r.Tokens, LogProbs: logProbs(r.Json)}
}

// Close frees the stream; it may be called again.
func (s *OnlineStream) Close() {
	if s.impl != nil {
		lib.DeleteOnlineStream(s.impl)
		s.impl = nil
	}
}
