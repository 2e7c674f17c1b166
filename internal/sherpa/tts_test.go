//go:build cgo

package sherpa

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/tidegate/tidegate/internal/speechdata"
)

func unitVoice(t testing.TB) TTSConfig {
	dir := speechdata.Path(t, "tts-unit-zh")
	return TTSConfig{
		Kind: TTSVits, Model: filepath.Join(dir, "model.onnx"), Tokens: filepath.Join(dir, "tokens.txt"),
		Lexicon: []string{filepath.Join(dir, "lexicon.txt")},
	}
}

func load(t testing.TB) *TTS {
	tts, err := NewTTS(unitVoice(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tts.Close)
	return tts
}

func TestTTSSpeaks(t *testing.T) {
	tts := load(t)
	if tts.SampleRate() != 8000 || tts.Speakers() != 1 {
		t.Errorf("%d Hz, %d speakers", tts.SampleRate(), tts.Speakers())
	}
	length := func(speed float64) (n, pieces int) {
		err := tts.Generate(t.Context(), "您好，请说订单号。", Voice{Speed: speed}, func(pcm []float32) error {
			n += len(pcm)
			pieces++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n, pieces
	}
	slow, _ := length(0.7)
	normal, pieces := length(1)
	fast, _ := length(1.5)
	t.Log(slow, normal, fast, pieces)
	if slow <= normal || normal <= fast || fast == 0 {
		t.Errorf("samples at speeds 0.7, 1, 1.5: %d, %d, %d", slow, normal, fast)
	}
}

func TestTTSEnds(t *testing.T) {
	tts := load(t)
	const text = "您好。请说订单号。退货已经办好了。再见。"
	gone := errors.New("listener is gone")
	for _, tt := range []struct {
		name string
		emit func(cancel func()) error
		want error
	}{
		{"emit fails", func(func()) error { return gone }, gone},
		{"context ends", func(cancel func()) error { cancel(); return nil }, context.Canceled},
		{"emit panics", func(func()) error { panic("listener broke") }, ErrPanic},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			calls := 0
			err := tts.Generate(ctx, text, Voice{Speed: 1}, func([]float32) error {
				calls++
				return tt.emit(cancel)
			})
			if !errors.Is(err, tt.want) || calls != 1 {
				t.Errorf("%d calls, %v", calls, err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tts.Generate(ctx, text, Voice{Speed: 1}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	if err := tts.Generate(t.Context(), text, Voice{Speaker: 1, Speed: 1}, nil); !errors.Is(err, ErrSpeaker) {
		t.Errorf("speaker 1 of 1: %v", err)
	}
}

func TestTTSNothingToSay(t *testing.T) {
	tts := load(t)
	for _, text := range []string{"", "。", "\x00", "🙂", "\xff"} {
		err := tts.Generate(t.Context(), text, Voice{Speed: 1}, func(pcm []float32) error {
			t.Logf("%q: %d samples", text, len(pcm))
			return nil
		})
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTTSRefuses(t *testing.T) {
	good := unitVoice(t)
	for name, change := range map[string]func(*TTSConfig){
		"kind":           func(c *TTSConfig) { c.Kind = "tacotron" },
		"no model":       func(c *TTSConfig) { c.Model = "" },
		"missing model":  func(c *TTSConfig) { c.Model += ".missing" },
		"model a folder": func(c *TTSConfig) { c.Model = filepath.Dir(c.Model) },
		"no lexicon":     func(c *TTSConfig) { c.Lexicon = nil },
		"missing rules":  func(c *TTSConfig) { c.Rules = []string{"/missing.fst"} },
		"data a file":    func(c *TTSConfig) { c.DataDir = c.Model },
		"missing data":   func(c *TTSConfig) { c.DataDir = "/missing" },
		"matcha":         func(c *TTSConfig) { c.Kind = TTSMatcha },
		"kokoro":         func(c *TTSConfig) { c.Kind = TTSKokoro },
		"zipvoice":       func(c *TTSConfig) { c.Kind = TTSZipVoice },
	} {
		c := good
		change(&c)
		if _, err := NewTTS(c); !errors.Is(err, ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
