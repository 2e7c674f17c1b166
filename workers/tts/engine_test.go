package tts

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/internal/audio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestToneLengths(t *testing.T) {
	tests := []struct {
		text string
		rate float64
		want time.Duration
	}{
		{"货", 1, toneSyllable},
		{"退货", 1, 2 * toneSyllable},
		{"退货", 2, toneSyllable},
		{"退，货", 1, 2*toneSyllable + tonePauseComma},
		{"退货。", 1, 2*toneSyllable + tonePauseStop},
		{"，，退货", 1, 2 * toneSyllable}, // no pause before the first word
		{"123", 1, 3 * toneSyllable},
		{"OMS", 1, 3 * toneSyllable},
		{"order", 1, 2 * toneSyllable},
		{"你好！请说。", 1, 4*toneSyllable + 2*tonePauseStop},
	}
	for _, tt := range tests {
		for _, rate := range []int{8000, 16000} {
			pcm, err := Speak(t.Context(), tone{}, Request{Text: tt.text, Rate: tt.rate, SampleRate: rate})
			if err != nil {
				t.Fatal(err)
			}
			if got := audio.Duration(len(pcm), rate); (got - tt.want).Abs() > 5*time.Millisecond {
				t.Errorf("%q at rate %v, %d Hz: %s, want %s", tt.text, tt.rate, rate, got, tt.want)
			}
		}
	}
}

func TestToneIsDeterministicAndLoudAllTheTime(t *testing.T) {
	r := Request{Text: "我要退货尾号八八六六", SampleRate: 8000}
	a, err := Speak(t.Context(), tone{}, r)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Speak(t.Context(), tone{}, r)
	if err != nil || !slices.Equal(a, b) {
		t.Error("two equal requests differ")
	}
	// Voice detection takes a gap of more than 300 ms for the end of speech.
	for i := 0; i+800 <= len(a); i += 800 {
		if level := audio.DBFS(a[i : i+800]); level < -35 {
			t.Errorf("%.1f dBFS at %d ms", level, i/8)
		}
	}
}

func TestEqualise(t *testing.T) {
	for _, amplitude := range []float64{0.03, 0.1, 0.5, 0.9} {
		pcm := append(audio.Tone(440, time.Second, 8000, amplitude), audio.Silence(time.Second, 8000)...)
		got, _ := activeLevel(equalise(pcm, 8000), 8000)
		if got < speechLevel-0.5 || got > speechLevel+0.5 {
			t.Errorf("amplitude %v: level %.2f dBFS", amplitude, got)
		}
	}
	quiet := equalise(audio.Silence(time.Second, 8000), 8000)
	if audio.RMS(quiet) != 0 {
		t.Error("silence became sound")
	}
	click := audio.Silence(time.Second, 8000)
	click[100] = 3000
	if peak := peakOf(equalise(click, 8000)); peak > speechPeak+0.01 {
		t.Errorf("peak %v", peak)
	}
}

func TestSentences(t *testing.T) {
	long := strings.Repeat("货", 100) + "，" + strings.Repeat("货", 100)
	tests := []struct {
		text string
		want []string
	}{
		{"您好。请说！", []string{"您好。", "请说！"}},
		{"您好？！”请说", []string{"您好？！”", "请说"}},
		{"一行\n两行", []string{"一行", "两行"}},
		{"It costs 12.5 yuan. Fine.", []string{"It costs 12.5 yuan.", "Fine."}},
		{"", nil},
		{"您好，请说", []string{"您好，请说"}},
		{long, []string{strings.Repeat("货", 100) + "，", strings.Repeat("货", 100)}},
		{strings.Repeat("货", 130), []string{strings.Repeat("货", 120), strings.Repeat("货", 10)}},
	}
	for _, tt := range tests {
		if got := sentences(tt.text); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

func FuzzSentences(f *testing.F) {
	f.Add("您好。请说！")
	f.Add("a.b. c\xff.\n")
	f.Fuzz(func(t *testing.T, text string) {
		drop := func(s string) string { return strings.Join(strings.Fields(s), "") }
		var all strings.Builder
		for _, s := range sentences(text) {
			if s == "" || utf8.RuneCountInString(s) > 2*maxSentence+len(text) {
				t.Fatalf("sentence %q", s)
			}
			all.WriteString(s)
		}
		if drop(all.String()) != drop(text) {
			t.Fatalf("%q became %q", text, all.String())
		}
	})
}

func TestPinyin(t *testing.T) {
	tests := []struct{ text, want string }{
		{"我要退货", "wo3 yao4 tui4 huo4"},
		{"您好，请说。", "nin2 hao3, qing3 shuo1."},
		{"，，您好。。！", "nin2 hao3."},
		{"订单号10086", "ding4 dan1 hao4 yi1 ling2 ling2 ba1 liu4"},
		{"１２．５％", "yi1 er4 dian3 wu3 bai3 fen1 hao4"},
		{"还没收到，要还款", "hai2 mei2 shou1 dao4, yao4 huan2 kuan3"},
		{"退还到银行卡", "tui4 huan2 dao4 yin2 hang2 ka3"},
		{"重新发，太重了", "chong2 xin1 fa1, tai4 zhong4 le5"},
		{"我不了解", "wo3 bu4 liao3 jie3"},
		{"用不了", "yong4 bu5 liao3"},
		{"这件绿的，女款", "zhe4 jian4 lü4 de5, nü3 kuan3"},
		{"嗯，OK", "en4, ou1 kei4"},
		{"幺两双", "yao1 liang3 shuang1"},
		{"为什么", "wei4 shen2 me5"},
		{"🙂$;rm -rf /", ". a4 er5 ai2 mu5 a4 er5 ai2 fu5,"},
		{"", ""},
	}
	for _, tt := range tests {
		if got := pinyinText(tt.text); strings.TrimPrefix(got, ". ") != strings.TrimPrefix(tt.want, ". ") {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

var (
	syllableForm = regexp.MustCompile(`^[a-zü]{1,6}[1-5]$`)
	pinyinForm   = regexp.MustCompile(`^([a-zêü]{1,6}[1-5]( [a-zêü]{1,6}[1-5]|[,.])*)?$`)
)

func TestReadingTables(t *testing.T) {
	for first, list := range phrases {
		for _, p := range list {
			if r, _ := utf8.DecodeRuneInString(p.text); r != first {
				t.Errorf("%s is under %c", p.text, first)
			}
			if utf8.RuneCountInString(p.text) != len(p.syllables) {
				t.Errorf("%s has %d syllables", p.text, len(p.syllables))
			}
			for _, s := range p.syllables {
				if !syllableForm.MatchString(s) {
					t.Errorf("%s: syllable %q", p.text, s)
				}
			}
		}
	}
	for c, s := range charReadings {
		if !syllableForm.MatchString(s) {
			t.Errorf("%c: syllable %q", c, s)
		}
	}
}

func FuzzPinyin(f *testing.F) {
	for _, s := range []string{"您好，我要退货。", "订单 A-1024 12.5%", "嗯\x00\xff🙂", "[[h@l'oU]] <speak>", "欸ê"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := pinyinText(text); !pinyinForm.MatchString(got) {
			t.Fatalf("%q: %q", text, got)
		}
	})
}

func FuzzEspeakEnglish(f *testing.F) {
	f.Add("Hello [[h@l'oU]] <b>&amp;</b>\x1b")
	f.Fuzz(func(t *testing.T, text string) {
		if got := espeakText(text, "en"); strings.ContainsAny(got, "[]<>&{}|\\\x00\x1b") {
			t.Fatalf("%q", got)
		}
	})
}

func TestParseVariants(t *testing.T) {
	table := "Pty Language       Age/Gender VoiceName          File                 Other Languages\n" +
		" 5  variant         --/F      female2            !v/f2               \n 5  variant         --/M      bad  !v/../x\n"
	if got := parseVariants(table); !slices.Equal(got, []string{"f2"}) {
		t.Errorf("%q", got)
	}
}

func espeakForTest(t testing.TB) Engine {
	t.Helper()
	if _, err := exec.LookPath("espeak-ng"); err != nil {
		t.Skip("espeak-ng is not installed")
	}
	cfg := Defaults()
	cfg.Engine, cfg.Espeak.Timeout = EngineEspeak, time.Minute
	e, err := NewEngine(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEspeakVoices(t *testing.T) {
	e := espeakForTest(t)
	r := Request{Text: "您好，请说订单号。", Language: "zh-CN", SampleRate: 8000}
	own, err := Speak(t.Context(), e, r)
	if err != nil {
		t.Fatal(err)
	}
	r.Voice = "f2"
	other, err := Speak(t.Context(), e, r)
	if err != nil || slices.Equal(own, other) {
		t.Errorf("voice f2 sounds like no voice, %v", err)
	}
	for _, voice := range []string{"nobody", "-h", "../f2", "f2+f3"} {
		r.Voice = voice
		if _, err := Speak(t.Context(), e, r); !errors.Is(err, ErrUnsupported) {
			t.Errorf("voice %q: %v", voice, err)
		}
	}
	r.Voice, r.Language = "", "fr"
	if _, err := Speak(t.Context(), e, r); !errors.Is(err, ErrUnsupported) {
		t.Errorf("French: %v", err)
	}
	en, err := Speak(t.Context(), e, Request{Text: "Your return is on its way.", Language: "en-US", SampleRate: 16000})
	if d := audio.Duration(len(en), 16000); err != nil || d < time.Second || d > 4*time.Second {
		t.Errorf("English: %s, %v", d, err)
	}
}

func TestEspeakProgram(t *testing.T) {
	cfg := Defaults()
	cfg.Engine, cfg.Espeak.Path = EngineEspeak, "/nonexistent/espeak-ng"
	if _, err := NewEngine(cfg); !errors.Is(err, ErrEspeakMissing) {
		t.Errorf("missing program: %v", err)
	}
	cfg.Engine = EngineAuto
	e, err := NewEngine(cfg)
	if err != nil || e.Name() != EngineTone {
		t.Errorf("auto without the program: %v, %v", e, err)
	}
	// Programs that do not behave: each lists a variant first.
	program := func(body string) EspeakConfig {
		path := filepath.Join(t.TempDir(), "espeak-ng")
		script := "#!/bin/sh\ncase \"$1\" in --voices*) echo '5 variant --/F female2 !v/f2'; exit;; esac\n" + body + "\n"
		if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		c := Defaults().Espeak
		c.Path = path
		return c
	}
	tests := []struct {
		name, body string
		timeout    time.Duration
		want       error
	}{
		{"fails", "exit 3", 0, nil},
		{"no WAV", "echo hello", 0, audio.ErrNotWAV},
		{"hangs", "exec sleep 60", 300 * time.Millisecond, context.DeadlineExceeded},
		{"endless", "exec cat /dev/zero", 0, errEspeakOutput},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := program(tt.body)
			e, err := newEspeak(c)
			if err != nil {
				t.Fatal(err)
			}
			if tt.timeout > 0 {
				e.cfg.Timeout = tt.timeout
			}
			_, err = Speak(t.Context(), e, Request{Text: "您好", SampleRate: 8000})
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	bad := Config{Engine: "festival", CacheBytes: -1}
	err := bad.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{`engine: "festival" is unknown; there are auto, sherpa, espeak, openai, tone`, "cache_bytes: ", "queue: ", "lead: ", "server.capacity: "} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("nothing said of %s in %v", part, err)
		}
	}
	voices := Defaults()
	voices.Sherpa = SherpaConfig{
		Instances: -1, Threads: 0, Queue: -1, Voice: "nobody", StyleSpeeds: map[string]float64{"loud": 1, "calm": 9},
		Voices: map[string]SherpaVoice{"a": {
			Speaker: -1, Speed: 9, Reference: "a.wav", Steps: -1, Styles: map[string]string{"loud": "a", "安抚": "b"},
		}},
	}
	err = voices.Validate()
	for _, part := range []string{
		"instances", "threads", "queue", `voice: "nobody"`, "style_speeds.loud: is no style", "style_speeds.calm: must be",
		"voices.a.speaker", "voices.a.speed", "voices.a.reference", "voices.a.steps", "voices.a.styles.loud: is no style", `voices.a.styles.安抚: "b" is none`,
	} {
		if err == nil || !strings.Contains(err.Error(), "sherpa."+part) {
			t.Errorf("nothing said of sherpa.%s in %v", part, err)
		}
	}
	none := Defaults()
	none.Engine = EngineSherpa
	if err := none.Validate(); err == nil || !strings.Contains(err.Error(), "sherpa.model: ") {
		t.Errorf("sherpa without a model: %v", err)
	}
	espeak := Defaults()
	espeak.Espeak = EspeakConfig{Voice: "-v", Speed: 1, Pitch: 100, Processes: -1}
	err = espeak.Validate()
	for _, key := range []string{"voice", "speed", "pitch", "processes", "timeout"} {
		if err == nil || !strings.Contains(err.Error(), "espeak."+key+": ") {
			t.Errorf("nothing said of espeak.%s in %v", key, err)
		}
	}
}
