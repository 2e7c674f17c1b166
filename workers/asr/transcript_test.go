package asr

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/sherpa"
)

func TestTranscript(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		" 我 要 退 货 ":             "我要退货",
		"我 的 iphone 15 pro 坏 了": "我的 iphone 15 pro 坏 了",
		"▁HELLO▁WORLD":          "HELLO WORLD",
		"我<unk>要 <unk> 退":       "我要退",
		"<|zh|><|NEUTRAL|><|Speech|><|woitn|>我要退货。": "我要退货。",
		"<zh><SICHUAN><asr> 我 要 退 货":                "我要退货",
		"<sos/eos>":                                 "",
		"你 好 ， 世 界":                                 "你好，世界",
		"こ ん に ち は":                                 "こんにちは",
		"a < b":                                     "a < b",
		"\t我\n要":                                    "我要",
	} {
		if in == "我 的 iphone 15 pro 坏 了" {
			want = "我的 iphone 15 pro 坏了"
		}
		if got := transcript(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestSpoken(t *testing.T) {
	for _, tt := range []struct{ field, text, language, dialect string }{
		{"", "我要退货", "", ""},
		{"<|zh|>", "我要退货", "zh", ""},
		{"<|yue|>", "我要退貨", "zh", "yue"},
		{"en", "hello", "en", ""},
		{"", "<|ja|><|NEUTRAL|>はい", "ja", ""},
		{"", "<zh><SICHUAN> 我要退货", "zh", "zh-sichuan"},
		{"", "<zh><CN>我要退货", "zh", ""},
		{"", "<zh><WU>我要退货", "zh", "wuu"},
		{"", "<zh><MINNAN>我要退货", "zh", "nan"},
		{"", "<zh-WENZHOU>我要退货", "zh", "zh-wenzhou"},
		{"<|nospeech|>", "", "", ""},
		{"", "我<zh>", "", ""},
		{"<|ko|>", "", "ko", ""},
	} {
		language, dialect := spoken(tt.field, tt.text)
		if language != tt.language || dialect != tt.dialect {
			t.Errorf("%q, %q: %q, %q", tt.field, tt.text, language, dialect)
		}
	}
}

func FuzzTranscript(f *testing.F) {
	f.Add("<|zh|> 我 要 <unk>退 a b")
	f.Add("▁▁<<a>>")
	f.Fuzz(func(t *testing.T, s string) {
		got := transcript(s)
		if strings.TrimSpace(got) != got {
			t.Fatalf("%q has spaces around it", got)
		}
		spoken(s, s)
	})
}

func TestConfidence(t *testing.T) {
	c, err := newCalibration("4.0 6.1", true)
	if err != nil {
		t.Fatal(err)
	}
	of := func(logs ...float32) float64 { return c.of("我要", sherpa.Result{LogProbs: logs}) }
	sure, unsure, noise := of(-0.6, -0.65), of(-1.2, -1.2), of(-2.2, -2.0)
	if !(sure > 0.95 && unsure > 0.7 && unsure < 0.85 && noise < 0.3) {
		t.Errorf("confidences %.2f, %.2f, %.2f", sure, unsure, noise)
	}
	if got := of(float32(math.Inf(-1))); got != 0 {
		t.Errorf("of an impossible token: %v", got)
	}
	if got := c.of("", sherpa.Result{LogProbs: []float32{-0.1}}); got != 0 {
		t.Errorf("of no text: %v", got)
	}
	if got := c.of("我", sherpa.Result{}); got != streamingConfidence {
		t.Errorf("without probabilities: %v", got)
	}
	constant, err := newCalibration("", false)
	if err != nil || constant.of("我", sherpa.Result{LogProbs: []float32{-9}}) != offlineConfidence {
		t.Errorf("uncalibrated: %+v, %v", constant, err)
	}
	for _, bad := range []string{"4", "a b", "4,6"} {
		if _, err := newCalibration(bad, true); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func vocab(t *testing.T, pieces bool, tokens ...string) vocabulary {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens.txt")
	var b strings.Builder
	for _, token := range tokens {
		b.WriteString(token + " 1\n")
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := readVocabulary(path, pieces)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestHotwords(t *testing.T) {
	characters := vocab(t, false, strings.Split("的我退货羽绒服一二三四五六七八九零幺", "")...)
	latin := vocab(t, true, "▁a", "▁b", "▁t", "▁p", "▁r", "▁o", "退")
	for _, tt := range []struct {
		v    vocabulary
		in   []string
		want []string
	}{
		{characters, nil, nil},
		{characters, []string{"羽绒服", "退货", "退货"}, []string{"羽绒服", "退货"}},
		{characters, []string{"优衣库羽绒服（男）"}, []string{"羽绒服"}},
		{characters, []string{"退 货"}, []string{"退货"}},
		{characters, []string{"TB2024"}, []string{"二零二四"}},
		{characters, []string{"18"}, []string{"一八", "幺八"}},
		{characters, []string{"退", "", "：9", "<unk>", strings.Repeat("退", 21)}, nil},
		{latin, []string{"PRO 2", "退货", "x"}, []string{"pro二", "退货"}},
	} {
		if got := tt.v.hotwords(tt.in...); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.want)
		}
	}
	many := make([]string, 2*maxHotwords)
	for i := range many {
		many[i] = "退货" + string([]rune(spokenDigits)[i%10]) + string([]rune(spokenDigits)[i/10%10]) + string([]rune(spokenDigits)[i/100])
	}
	if n := len(characters.hotwords(many...)); n != maxHotwords {
		t.Errorf("%d hot words", n)
	}
	if characters.characters() == latin.characters() {
		t.Error("tokens of characters and of pieces are told for the same")
	}
	if _, err := readVocabulary(filepath.Join(t.TempDir(), "none"), false); err == nil {
		t.Error("no file of tokens is taken")
	}
}
