package funasr_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/funasr"
	"github.com/tidegate/tidegate/internal/funasr/funasrtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParse(t *testing.T) {
	tests := map[string]struct {
		in   string
		want funasr.Answer
		ok   bool
	}{
		"piece": {
			`{"mode":"2pass-online","wav_name":"3","text":"我要","is_final":false,"slice_type":1,"index":2,"timestamp":1780000000000}`,
			funasr.Answer{Name: "3", Pass: funasr.PassFirst, Text: "我要", Index: 2}, true,
		},
		"whole": {
			`{"mode":"2pass-offline","text":"我要退货。","wav_name":"3","is_final":true,"timestamp":"[[100,200]]","stamp_sents":[{"text_seg":"我 要"}]}`,
			funasr.Answer{Name: "3", Pass: funasr.PassSecond, Text: "我要退货。", Index: -1, Final: true}, true,
		},
		"file":             {`{"mode":"offline","text":"退货","is_final":true}`, funasr.Answer{Pass: funasr.PassSecond, Text: "退货", Index: -1, Final: true}, true},
		"nothing heard":    {`{"text":"","wav_name":"1","is_final":true}`, funasr.Answer{Name: "1", Index: -1, Final: true}, true},
		"acknowledgement":  {`{"mode":"2pass","wav_name":"1","is_final":true,"is_end":true}`, funasr.Answer{Name: "1", Index: -1, Final: true, End: true}, true},
		"failure":          {`{"mode":"2pass","is_final":false,"is_end":true,"error":"no memory"}`, funasr.Answer{Index: -1, End: true, Error: "no memory"}, true},
		"error as text":    {`{"text":"ERROR. ONLY SUPPORT PCM stream.","is_final":true}`, funasr.Answer{Index: -1, Final: true, Error: "ERROR. ONLY SUPPORT PCM stream."}, true},
		"SenseVoice":       {`{"mode":"2pass-offline","text":"<|yue|><|NEUTRAL|><|Speech|><|woitn|>我想退货"}`, funasr.Answer{Pass: funasr.PassSecond, Text: "我想退货", Language: "yue", Index: -1}, true},
		"half a mark":      {`{"mode":"online","text":"退<|zh"}`, funasr.Answer{Pass: funasr.PassFirst, Text: "退", Index: -1}, true},
		"negative index":   {`{"mode":"online","text":"退","index":-4}`, funasr.Answer{Pass: funasr.PassFirst, Text: "退", Index: -1}, true},
		"unknown mode":     {`{"mode":"3pass","text":"退"}`, funasr.Answer{}, false},
		"text is a number": {`{"mode":"online","text":13800000000}`, funasr.Answer{}, false},
		"cut off":          {`{"mode":"online","text":"退`, funasr.Answer{}, false},
		"no object":        {`["online"]`, funasr.Answer{}, false},
		"not UTF-8":        {"{\"text\":\"\xff\"}", funasr.Answer{}, false},
		"empty":            {``, funasr.Answer{}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := funasr.Parse([]byte(tt.in))
			if got != tt.want || (err == nil) != tt.ok || err != nil && !errors.Is(err, funasr.ErrAnswer) {
				t.Errorf("%+v, %v", got, err)
			}
			if err != nil && strings.Contains(err.Error(), "138") {
				t.Errorf("error tells what was said: %v", err)
			}
		})
	}
}

func first(text string, index int) funasr.Answer {
	return funasr.Answer{Pass: funasr.PassFirst, Text: text, Index: index}
}

func second(text string, index int) funasr.Answer {
	return funasr.Answer{Pass: funasr.PassSecond, Text: text, Index: index}
}

func TestTranscript(t *testing.T) {
	type step struct {
		a    funasr.Answer
		text string
	}
	tests := map[string][]step{
		"pieces, then the whole": {
			{first("我要", -1), "我要"}, {first("退火", -1), "我要退火"}, {second("我要退货。", -1), "我要退货。"},
		},
		"two sentences": {
			{first("你好", -1), "你好"}, {second("你好。", -1), "你好。"}, {first("我要", -1), "你好。我要"}, {second("我要退货。", -1), "你好。我要退货。"},
		},
		"numbered, out of order": {
			{first("你", 4), "你"}, {first("我要", 5), "你我要"}, {second("我要退货。", 5), "你我要退货。"}, {second("你好。", 4), "你好。我要退货。"},
		},
		"first sentence told last": {
			{second("我要退货。", 5), "我要退货。"}, {second("你好。", 4), "你好。我要退货。"},
		},
		"not numbered, out of order": {
			{first("你", -1), "你"}, {first("我要", -1), "你我要"}, {second("你好。", -1), "你好。"}, {second("我要退货。", -1), "你好。我要退货。"},
		},
		"told twice":        {{second("你好。", 0), "你好。"}, {second("你好。", 0), "你好。"}},
		"piece after whole": {{second("你好。", 0), "你好。"}, {first("好", 0), "你好。"}},
		"empty answers":     {{first("", -1), ""}, {second("", 2), ""}, {first("你", -1), "你"}},
		"English":           {{second("hello", 0), "hello"}, {second("return it", 1), "hello return it"}, {second("88", 2), "hello return it88"}},
		"first pass only":   {{first("我", -1), "我"}, {first("要", -1), "我要"}, {first("退货", -1), "我要退货"}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			var tr funasr.Transcript
			for i, s := range steps {
				before := tr.Text()
				changed := tr.Add(s.a)
				if tr.Text() != s.text || changed != (before != s.text) {
					t.Fatalf("step %d: %q, changed %v, want %q", i, tr.Text(), changed, s.text)
				}
			}
		})
	}
}

func TestTranscriptIsBounded(t *testing.T) {
	var tr funasr.Transcript
	for i := range 10_000 {
		tr.Add(first(strings.Repeat("长", 10), -1))
		tr.Add(second(strings.Repeat("长", 10), i))
	}
	if n := len(tr.Text()); n == 0 || n > 64<<10 {
		t.Errorf("%d bytes", n)
	}
}

func TestHotwords(t *testing.T) {
	h := funasr.NewHotwords([]string{"退货", " 退货 ", "", "尾号八八", "红色，大号", strings.Repeat("长", 11), "iPhone15"}, 20)
	if want := []string{"退货", "尾号八八", "iPhone15"}; !reflect.DeepEqual(h.Words, want) {
		t.Errorf("words %q", h.Words)
	}
	if none := funasr.NewHotwords([]string{"退货"}, 0); len(none.Words) != 0 {
		t.Errorf("weight 0: %q", none.Words)
	}
	var many []string
	for i := range 2000 {
		many = append(many, string(rune(0x4E00+i)))
	}
	if n := len(funasr.NewHotwords(many, 1).Words); n != funasr.MaxHotwords {
		t.Errorf("%d words", n)
	}
	if !h.Equal(funasr.NewHotwords([]string{"退货", "尾号八八", "iPhone15"}, 20)) || h.Equal(funasr.Hotwords{}) || h.Equal(funasr.NewHotwords(h.Words, 30)) {
		t.Error("equality")
	}
}

func options(s *funasrtest.Server) funasr.Options {
	return funasr.Options{URL: s.URL(), Mode: funasr.ModeTwoPass, ChunkSize: [3]int{5, 10, 5}, ChunkInterval: 10, Rate: 16000}
}

func dial(t *testing.T, o funasr.Options) *funasr.Conn {
	t.Helper()
	c, err := funasr.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Abort)
	return c
}

// utterance says a second of sound and reads up to the certain end.
func utterance(t *testing.T, c *funasr.Conn, name string, h funasr.Hotwords) (tr funasr.Transcript, last funasr.Answer) {
	t.Helper()
	if err := c.Begin(name, h); err != nil {
		t.Fatal(err)
	}
	pcm := audio.Tone(300, time.Second, 16000, 0.3)
	for len(pcm) > 0 {
		n := min(333, len(pcm))
		if err := c.Audio(pcm[:n]); err != nil {
			t.Fatal(err)
		}
		pcm = pcm[n:]
	}
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
	for {
		a, err := c.Read()
		if err != nil {
			t.Fatal(err)
		}
		if a.Name != name {
			t.Fatalf("answer of %q in %q", a.Name, name)
		}
		tr.Add(a)
		if c.Ends(a) == funasr.EndingCertain {
			return tr, a
		}
	}
}

func TestServers(t *testing.T) {
	for _, kind := range []funasr.Server{funasr.ServerRuntime, funasr.ServerPython} {
		t.Run(kind.String(), func(t *testing.T) {
			s := funasrtest.Start(t, funasrtest.Config{Server: kind, Said: func(name string) []string {
				if name == "1" {
					return []string{"你好", "我要退货"}
				}
				return nil
			}})
			c := dial(t, options(s))
			if c.Server() != kind {
				t.Fatalf("taken for %s", c.Server())
			}
			tr, _ := utterance(t, c, "1", funasr.NewHotwords([]string{"退货"}, 20))
			if tr.Text() != "你好我要退货" {
				t.Errorf("text %q", tr.Text())
			}
			if tr, _ = utterance(t, c, "2", funasr.NewHotwords([]string{"换货"}, 20)); tr.Text() != "" {
				t.Errorf("text %q of silence", tr.Text())
			}
			c.Close()
			got := s.Utterances()
			if len(got) != 2 {
				t.Fatalf("%d utterances", len(got))
			}
			u := got[0]
			if len(u.Sound) != 17*1920 || u.Mode != "2pass" || u.Rate != 16000 || u.ITN || !reflect.DeepEqual(u.ChunkSize, []int{5, 10, 5}) {
				t.Errorf("%d bytes, %+v", len(u.Sound), u.ChunkSize)
			}
			for _, n := range u.Messages {
				if n != 1920 { // 60 ms
					t.Errorf("message of %d bytes", n)
				}
			}
			words := []string{`{"退货":20}`, `{"退货":20}`} // the runtime's are those of the first message
			if kind == funasr.ServerPython {
				words = []string{"退货", "换货"}
			}
			for i, w := range words {
				if got[i].Hotwords != w {
					t.Errorf("hot words of utterance %d: %s, want %s", i, got[i].Hotwords, w)
				}
			}
		})
	}
}

func TestOldPythonServerHasNoCertainEnd(t *testing.T) {
	s := funasrtest.Start(t, funasrtest.Config{Server: funasr.ServerPython, Old: true})
	c := dial(t, options(s))
	if err := errors.Join(c.Begin("1", funasr.Hotwords{}), c.Audio(make([]int16, 16000)), c.End()); err != nil {
		t.Fatal(err)
	}
	for {
		a, err := c.Read()
		if err != nil {
			t.Fatal(err)
		}
		if a.Pass == funasr.PassSecond {
			if e := c.Ends(a); e != funasr.EndingPossible {
				t.Errorf("ending %v", e)
			}
			return
		}
	}
}

func TestFaults(t *testing.T) {
	fault := func(f funasrtest.Fault) func(int, string) funasrtest.Fault {
		return func(int, string) funasrtest.Fault { return f }
	}
	t.Run("malformed answers", func(t *testing.T) {
		c := dial(t, options(funasrtest.Start(t, funasrtest.Config{Fault: fault(funasrtest.FaultMalformed)})))
		if err := errors.Join(c.Begin("1", funasr.Hotwords{}), c.Audio(make([]int16, 1600)), c.End()); err != nil {
			t.Fatal(err)
		}
		bad := 0
		for {
			a, err := c.Read()
			if errors.Is(err, funasr.ErrAnswer) {
				bad++
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if a.Final {
				break
			}
		}
		if bad != 6 {
			t.Errorf("%d answers refused", bad)
		}
	})
	t.Run("oversized answer", func(t *testing.T) {
		c := dial(t, options(funasrtest.Start(t, funasrtest.Config{Fault: fault(funasrtest.FaultOversize)})))
		if err := errors.Join(c.Begin("1", funasr.Hotwords{}), c.Audio(make([]int16, 1600)), c.End()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(); err == nil || errors.Is(err, funasr.ErrAnswer) {
			t.Errorf("read: %v", err)
		}
	})
	for _, kind := range []funasr.Server{funasr.ServerRuntime, funasr.ServerPython} {
		t.Run("error of the "+kind.String(), func(t *testing.T) {
			c := dial(t, options(funasrtest.Start(t, funasrtest.Config{Server: kind, Fault: fault(funasrtest.FaultError)})))
			if _, last := utterance(t, c, "1", funasr.Hotwords{}); last.Error == "" {
				t.Errorf("last answer %+v", last)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		s := funasrtest.Start(t, funasrtest.Config{Refuse: func(int) int { return 503 }})
		if _, err := funasr.Dial(t.Context(), options(s)); err == nil {
			t.Error("connected")
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"mode":"2pass-offline","wav_name":"1","text":"<|zh|><|Speech|>我要退货","is_final":true,"index":3}`,
		`{"text":"ERROR. x"}`, `{"is_end":true,"error":"x"}`, `{"mode":"online","text":"<|<|a|>|>"}`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := funasr.Parse(b)
		if err != nil {
			if a != (funasr.Answer{}) || !errors.Is(err, funasr.ErrAnswer) {
				t.Fatalf("%+v beside %v", a, err)
			}
			return
		}
		if !utf8.ValidString(a.Text) || len(a.Text) > 3*len(b) || a.Index < -1 || a.Text != "" && a.Pass == funasr.PassUnknown {
			t.Fatalf("%+v", a)
		}
	})
}

// Whatever the answers and their order, a transcript stays within its bounds
// and holds no sentence twice.
func FuzzTranscript(f *testing.F) {
	f.Add([]byte{0x10, 0x81, 0x22, 0x93, 0x10})
	f.Add([]byte{0x80, 0x80, 0x81, 0x01, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, script []byte) {
		var tr funasr.Transcript
		for i, b := range script {
			a := funasr.Answer{Pass: funasr.PassFirst, Text: "字", Index: int(b&0x7f) - 1}
			if b&0x80 != 0 {
				a.Pass, a.Text = funasr.PassSecond, "〈"+string(rune('A'+int(b&0x7f)))+"〉"
			}
			before := tr.Text()
			if changed := tr.Add(a); changed != (tr.Text() != before) {
				t.Fatalf("answer %d: changed is %v", i, changed)
			}
		}
		text := tr.Text()
		if len(text) > 64<<10 {
			t.Fatalf("%d bytes", len(text))
		}
		for r := rune('B'); r < 'A'+0x80; r++ { // 'A' stands for "not numbered"
			if n := strings.Count(text, "〈"+string(r)+"〉"); n > 1 {
				t.Fatalf("sentence %c %d times", r, n)
			}
		}
	})
}
