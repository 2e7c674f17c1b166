//go:build cgo

package sherpa

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/speechdata"
	"github.com/tidegate/tidegate/internal/zhtext"
)

// tiny names the files of the recogniser that is built into the program.
func tiny(t testing.TB) OnlineConfig {
	t.Helper()
	dir := filepath.Join("..", "..", "workers", "asr", "tinyzh")
	file := func(name string) string { return filepath.Join(dir, name) }
	return OnlineConfig{
		Kind: LSTMTransducer, Encoder: file("encoder.onnx"), Decoder: file("decoder.onnx"), Joiner: file("joiner.onnx"), Tokens: file("tokens.txt"),
	}
}

func online(t testing.TB, c OnlineConfig) *Online {
	t.Helper()
	r, err := NewOnline(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// hear recognises sound from the telephone, in frames of 20 ms.
func hear(t testing.TB, r *Online, pcm []int16, hotwords ...string) Result {
	t.Helper()
	s, err := r.Stream(hotwords)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var raise Telephone
	sound := floats(append(slices.Clone(pcm), audio.Silence(500e6, TelephoneRate)...))
	for frame := range slices.Chunk(sound, TelephoneRate/50) {
		s.Accept(raise.Raise(nil, frame))
		for s.Ready() {
			s.Decode()
		}
	}
	s.Finish()
	for s.Ready() {
		s.Decode()
	}
	return s.Result()
}

func TestOnlineRecognises(t *testing.T) {
	for _, method := range []string{GreedySearch, BeamSearch} {
		c := tiny(t)
		c.Method = method
		r := online(t, c)
		var all zhtext.Errors
		for _, voice := range speechdata.Voices() {
			for _, line := range speechdata.Lines() {
				got := hear(t, r, speechdata.Spoken(t, voice, line, TelephoneRate))
				all.Add(line.Text, got.Text)
				if len(got.LogProbs) != len(got.Tokens) || len(got.Tokens) == 0 {
					t.Errorf("%d probabilities of %d tokens", len(got.LogProbs), len(got.Tokens))
				}
				for _, p := range got.LogProbs {
					if p > 0 || math.IsNaN(float64(p)) {
						t.Errorf("a logarithm of a probability is %v", p)
					}
				}
			}
		}
		if all.Rate() > 0.15 {
			t.Errorf("%s: %.1f %% of characters are wrong", method, 100*all.Rate())
		}
		t.Logf("%s: %.1f %% of characters wrong, %d of %d sentences right", method, 100*all.Rate(), all.Exact, all.Texts)
	}
}

// A hot word of a call changes what is heard, and only in its own stream.
func TestHotwordsChangeTheText(t *testing.T) {
	c := tiny(t)
	c.Method, c.HotwordsScore = BeamSearch, 2
	r := online(t, c)
	sound := speechdata.Spoken(t, "m6", speechdata.Line{Pinyin: "qing3 bang1 wo3 zhuan3 ren2 gong1 ke4 fu2"}, TelephoneRate)
	plain := hear(t, r, sound)
	if plain.Text == "请帮我转人工客服" {
		t.Fatal("the sentence is understood without help: choose another one")
	}
	if got := hear(t, r, sound, "人工客服", "请帮我"); got.Text != "请帮我转人工客服" {
		t.Errorf("with hot words %q, without %q", got.Text, plain.Text)
	}
	if again := hear(t, r, sound); again.Text != plain.Text {
		t.Errorf("after a stream with hot words %q, before %q", again.Text, plain.Text)
	}
}

func TestHotwordsAreRefused(t *testing.T) {
	r := online(t, tiny(t)) // greedy: the library would end the process
	if _, err := r.Stream([]string{"退货"}); !errors.Is(err, ErrHotwords) {
		t.Errorf("hot words without their search: %v", err)
	}
	c := tiny(t)
	c.Method = BeamSearch
	r = online(t, c)
	for _, w := range []string{":x", "退/货", "a b:2", " ", "", "退\n货", "#1", "@x", "退\x00"} {
		if _, err := r.Stream([]string{"退货", w}); !errors.Is(err, ErrHotwords) {
			t.Errorf("%q: %v", w, err)
		}
	}
}

// Streams decoded together or at the same time hear what they hear alone.
func TestDecodingTogether(t *testing.T) {
	r := online(t, tiny(t))
	var sounds [][]float32
	var alone []string
	for _, line := range speechdata.Lines()[:6] {
		pcm := speechdata.Spoken(t, "f4", line, TelephoneRate)
		alone = append(alone, hear(t, r, pcm).Text)
		var raise Telephone
		sounds = append(sounds, raise.Raise(nil, floats(append(pcm, audio.Silence(500e6, TelephoneRate)...))))
	}
	together := func() []string {
		streams := make([]*OnlineStream, len(sounds))
		for i, pcm := range sounds {
			s, err := r.Stream(nil)
			if err != nil {
				t.Error(err)
				return nil
			}
			defer s.Close()
			s.Accept(pcm)
			s.Finish()
			streams[i] = s
		}
		for {
			var ready []*OnlineStream
			for _, s := range streams {
				if s.Ready() {
					ready = append(ready, s)
				}
			}
			if len(ready) == 0 {
				break
			}
			DecodeTogether(ready)
		}
		var texts []string
		for _, s := range streams {
			texts = append(texts, s.Result().Text)
		}
		return texts
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if got := together(); !slices.Equal(got, alone) {
				t.Errorf("together %q\nalone %q", got, alone)
			}
		})
	}
	all.Wait()
}

func TestOnlineWithoutSound(t *testing.T) {
	r := online(t, tiny(t))
	s, err := r.Stream(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Accept(nil)
	s.Finish()
	for s.Ready() {
		s.Decode()
	}
	if got := s.Result(); got.Text != "" || len(got.LogProbs) != 0 {
		t.Errorf("%+v", got)
	}
	s.Close()
	s.Close()
}

// What would make the library end the process comes back as an error.
func TestModelsAreRefused(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.onnx")
	folder := t.TempDir()
	for name, change := range map[string]func(*OnlineConfig){
		"kind":           func(c *OnlineConfig) { c.Kind = "hmm" },
		"no encoder":     func(c *OnlineConfig) { c.Encoder = "" },
		"lost encoder":   func(c *OnlineConfig) { c.Encoder = missing },
		"a folder":       func(c *OnlineConfig) { c.Tokens = folder },
		"method":         func(c *OnlineConfig) { c.Method = "guess" },
		"unit":           func(c *OnlineConfig) { c.Unit = "syllable" },
		"bpe alone":      func(c *OnlineConfig) { c.Unit = UnitBPE },
		"bpe lost":       func(c *OnlineConfig) { c.Unit, c.BPEVocab = UnitBoth, missing },
		"beams of a ctc": func(c *OnlineConfig) { c.Kind, c.Model, c.Method = ZipformerCTC, c.Encoder, BeamSearch },
		"no ctc model":   func(c *OnlineConfig) { c.Kind = ZipformerCTC },
	} {
		c := tiny(t)
		change(&c)
		if _, err := NewOnline(c); !errors.Is(err, ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range []OfflineConfig{
		{Kind: "hmm", Model: missing, Tokens: missing}, {Kind: SenseVoice, Tokens: missing}, {Kind: SenseVoice, Model: missing, Tokens: missing},
		{Kind: Whisper, Model: missing, Tokens: missing}, {Kind: FireRedASR, Encoder: missing, Decoder: missing, Tokens: missing}, {},
	} {
		if _, err := NewOffline(c); !errors.Is(err, ErrModel) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for name, err := range map[string]error{
		"punctuation": second(NewPunctuation(missing, 1)),
		"denoiser":    second(NewDenoiser(DenoiserConfig{Kind: GTCRN, Model: missing})),
		"kind":        second(NewDenoiser(DenoiserConfig{Kind: "sponge", Model: missing})),
		"no model":    second(NewDenoiser(DenoiserConfig{Kind: DPDFNet})),
		"segmenter":   second(NewSegmenter(SegmenterConfig{Model: missing})),
	} {
		if !errors.Is(err, ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestLogProbs(t *testing.T) {
	for text, want := range map[string][]float32{
		`{ "text": "退货", "tokens": ["退", "货"], "ys_probs": [-0.25, -1.500000], "lm_probs": [] }`: {-0.25, -1.5},
		`{ "tokens": ["\"ys_probs\": [9]"], "ys_probs": [-1.0], "x": 1 }`:                        {-1},
		`{ "ys_probs": [] }`:    {},
		`{ "text": "" }`:        nil,
		`{ "ys_probs": [-1, `:   nil,
		`{ "ys_probs": [nan] }`: nil,
		"":                      nil,
	} {
		if got := logProbs(text); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func FuzzHotwords(f *testing.F) {
	f.Add("退货")
	f.Add("a :2")
	f.Fuzz(func(t *testing.T, w string) {
		lines, err := hotwordLines([]string{"一", w})
		if err == nil && (strings.Count(lines, "\n") != 1 || strings.ContainsAny(lines, ":/#@\x00")) {
			t.Errorf("%q became %q", w, lines)
		}
	})
}

func BenchmarkOnline(b *testing.B) {
	for _, method := range []string{GreedySearch, BeamSearch} {
		for _, together := range []int{1, 8} {
			b.Run(method+"/"+map[int]string{1: "alone", 8: "eight"}[together], func(b *testing.B) {
				c := tiny(b)
				c.Method = method
				r := online(b, c)
				var raise Telephone
				pcm := raise.Raise(nil, floats(speechdata.Spoken(b, "m6", speechdata.Lines()[0], TelephoneRate)))
				for b.Loop() {
					streams := make([]*OnlineStream, together)
					for i := range streams {
						s, err := r.Stream(nil)
						if err != nil {
							b.Fatal(err)
						}
						s.Accept(pcm)
						s.Finish()
						streams[i] = s
					}
					for streams[0].Ready() {
						DecodeTogether(streams)
					}
					for _, s := range streams {
						s.Close()
					}
				}
				seconds := float64(len(pcm)) / Rate * float64(together)
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/seconds, "rtf")
			})
		}
	}
}

func TestMissingFilesAreNamed(t *testing.T) {
	c := tiny(t)
	c.Joiner = filepath.Join(t.TempDir(), "joiner.onnx")
	if _, err := NewOnline(c); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "joiner.onnx") {
		t.Error(err)
	}
}
