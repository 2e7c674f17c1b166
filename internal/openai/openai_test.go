package openai_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/openai"
	"github.com/tidegate/tidegate/internal/openai/openaitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func client(t *testing.T, s *openaitest.Server, change func(*openai.Options)) *openai.Client {
	t.Helper()
	o := openai.Options{BaseURL: s.URL() + "/"}
	if change != nil {
		change(&o)
	}
	c, err := openai.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func wav(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := audio.WriteWAV(&b, audio.WAV{Rate: 8000, Channels: 1, Samples: audio.Tone(300, time.Second, 8000, 0.3)}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func limited(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

const patience = 20 * time.Second

func TestTranscribe(t *testing.T) {
	s := openaitest.Start(t, openaitest.Config{Key: "sk-test"})
	c := client(t, s, func(o *openai.Options) { o.Key = "sk-test" })
	got, err := c.Transcribe(limited(t, patience), openai.TranscriptionRequest{
		Model: "whisper-1", Language: "zh", Prompt: "退货，换货", WordsField: "keywords[]", Words: []string{"退货", "换货"}, Confidence: true, WAV: wav(t),
	}, nil)
	if err != nil || got.Text != "我要退货" || math.Abs(got.Confidence-math.Exp(-0.1)) > 1e-9 {
		t.Errorf("%+v, %v", got, err)
	}
	asked := s.Transcriptions()[0]
	want := map[string][]string{
		"model": {"whisper-1"}, "language": {"zh"}, "prompt": {"退货，换货"}, "response_format": {"json"}, "keywords[]": {"退货", "换货"}, "include[]": {"logprobs"},
	}
	if !reflect.DeepEqual(asked.Fields, want) {
		t.Errorf("fields %v", asked.Fields)
	}
	if asked.WAV.Rate != 8000 || len(asked.WAV.Samples) != 8000 {
		t.Errorf("sound: %d samples at %d Hz", len(asked.WAV.Samples), asked.WAV.Rate)
	}
}

func TestTranscribeStreamed(t *testing.T) {
	for name, tt := range map[string]struct {
		kind     openaitest.Kind
		partials []string
	}{
		"OpenAI": {openaitest.OpenAI, []string{"我要", "我要退货"}},
		"vLLM":   {openaitest.VLLM, []string{"我要", "我要退货"}},
		"whole":  {openaitest.Whole, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := openaitest.Start(t, openaitest.Config{Kind: tt.kind})
			var partials []string
			got, err := client(t, s, nil).Transcribe(limited(t, patience), openai.TranscriptionRequest{Model: "m", Stream: true, WordsField: "hotwords", Words: []string{"退货", "换货"}, WAV: wav(t)},
				func(text string) { partials = append(partials, text) })
			if err != nil || got.Text != "我要退货" || !reflect.DeepEqual(partials, tt.partials) {
				t.Errorf("%+v, %v, partials %q", got, err, partials)
			}
			if f := s.Transcriptions()[0].Fields; f["hotwords"][0] != "退货 换货" || f["stream"][0] != "true" {
				t.Errorf("fields %v", f)
			}
		})
	}
}

func TestTranscribeFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  openaitest.Fault
		stream bool
		want   error
	}{
		"busy":                  {429, false, openai.ErrBusy},
		"away":                  {503, false, openai.ErrBusy},
		"denied":                {401, false, openai.ErrDenied},
		"refused":               {400, false, openai.ErrRefused},
		"broken":                {500, false, openai.ErrFailed},
		"redirect":              {307, false, openai.ErrFailed},
		"malformed":             {openaitest.FaultMalformed, false, openai.ErrAnswer},
		"no text":               {openaitest.FaultInStream, false, openai.ErrAnswer},
		"oversized":             {openaitest.FaultOversize, false, openai.ErrAnswer},
		"other type":            {openaitest.FaultText, false, openai.ErrAnswer},
		"cut off":               {openaitest.FaultCutOff, false, io.ErrUnexpectedEOF},
		"hangs":                 {openaitest.FaultHang, false, context.DeadlineExceeded},
		"stalls":                {openaitest.FaultStall, false, context.DeadlineExceeded},
		"malformed event":       {openaitest.FaultMalformed, true, openai.ErrAnswer},
		"oversized event":       {openaitest.FaultOversize, true, openai.ErrAnswer},
		"error event":           {openaitest.FaultInStream, true, openai.ErrFailed},
		"stream cut off":        {openaitest.FaultCutOff, true, openai.ErrCutOff},
		"stream without an end": {openaitest.FaultText, true, openai.ErrCutOff},
		"stream stalls":         {openaitest.FaultStall, true, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			s := openaitest.Start(t, openaitest.Config{Fault: func(int) openaitest.Fault { return tt.fault }})
			d := patience
			if errors.Is(tt.want, context.DeadlineExceeded) {
				d = 300 * time.Millisecond
			}
			_, err := client(t, s, nil).Transcribe(limited(t, d), openai.TranscriptionRequest{Model: "m", Stream: tt.stream, WAV: wav(t)}, nil)
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if strings.Contains(err.Error(), "退货") || strings.Contains(err.Error(), s.URL()) {
				t.Errorf("error tells too much: %v", err)
			}
		})
	}
}

func TestStatusError(t *testing.T) {
	s := openaitest.Start(t, openaitest.Config{Key: "right"})
	c := client(t, s, func(o *openai.Options) { o.Key = "wrong-key" })
	_, err := c.Speech(limited(t, patience), openai.SpeechRequest{Model: "m", Input: "退货", Voice: "v"})
	var status *openai.StatusError
	if !errors.As(err, &status) || status.Status != 401 || status.Code != "invalid_api_key" || strings.Contains(err.Error(), "wrong-key") {
		t.Errorf("error %v", err)
	}
}

func TestTLS(t *testing.T) {
	s := openaitest.Start(t, openaitest.Config{TLS: true})
	r := openai.TranscriptionRequest{Model: "m", WAV: wav(t)}
	var unknown x509.UnknownAuthorityError
	if _, err := client(t, s, nil).Transcribe(limited(t, patience), r, nil); !errors.As(err, &unknown) {
		t.Errorf("certificate of nobody known: %v", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.Certificate())
	c := client(t, s, func(o *openai.Options) { o.TLS = &tls.Config{RootCAs: pool} })
	if _, err := c.Transcribe(limited(t, patience), r, nil); err != nil {
		t.Error(err)
	}
}

func TestSpeech(t *testing.T) {
	tone := audio.Tone(400, time.Second, 24000, 0.3)
	s := openaitest.Start(t, openaitest.Config{Speak: func(openaitest.Speech) []int16 { return tone }, ContentType: "audio/pcm;rate=24000;channels=1"})
	c := client(t, s, nil)
	sound, err := c.Speech(limited(t, patience), openai.SpeechRequest{Model: "m", Input: "您好。", Voice: "v", Instructions: "温柔", Speed: 1.5, SampleRate: 24000})
	if err != nil {
		t.Fatal(err)
	}
	defer sound.Close()
	b, err := io.ReadAll(sound)
	if err != nil || sound.Rate != 24000 || !bytes.Equal(b, audio.AppendL16(nil, tone)) {
		t.Errorf("%d bytes at %d Hz, %v", len(b), sound.Rate, err)
	}
	want := openaitest.Speech{Model: "m", Input: "您好。", Voice: "v", Format: "pcm", Instructions: "温柔", Speed: 1.5, SampleRate: 24000}
	if got := s.Speeches()[0]; got != want {
		t.Errorf("asked %+v", got)
	}
}

func TestSpeechIsGivenAsItComes(t *testing.T) {
	s := openaitest.Start(t, openaitest.Config{Fault: func(int) openaitest.Fault { return openaitest.FaultStall }})
	sound, err := client(t, s, nil).Speech(limited(t, patience), openai.SpeechRequest{Model: "m", Input: "您好。", Voice: "v"})
	if err != nil {
		t.Fatal(err)
	}
	defer sound.Close()
	b := make([]byte, 4801)
	if n, err := io.ReadFull(sound, b); n != len(b) || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestSpeechFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault openaitest.Fault
		kind  string
		want  error
	}{
		"busy":          {429, "", openai.ErrBusy},
		"broken":        {502, "", openai.ErrFailed},
		"WAV":           {openaitest.FaultMalformed, "", openai.ErrAnswer},
		"MP3":           {openaitest.FaultText, "", openai.ErrAnswer},
		"WAV by name":   {0, "audio/wav", openai.ErrAnswer},
		"L16":           {0, "audio/L16;rate=24000", openai.ErrAnswer},
		"two channels":  {0, "audio/pcm;channels=2", openai.ErrAnswer},
		"absurd rate":   {0, "audio/pcm;rate=9000000", openai.ErrAnswer},
		"rate no digit": {0, "audio/pcm;rate=high", openai.ErrAnswer},
		"page":          {0, "text/html", openai.ErrAnswer},
		"hangs":         {openaitest.FaultHang, "", context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			s := openaitest.Start(t, openaitest.Config{ContentType: tt.kind, Fault: func(int) openaitest.Fault { return tt.fault }})
			d := patience
			if errors.Is(tt.want, context.DeadlineExceeded) {
				d = 300 * time.Millisecond
			}
			sound, err := client(t, s, nil).Speech(limited(t, d), openai.SpeechRequest{Model: "m", Input: "您好。", Voice: "v"})
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if err == nil {
				sound.Close()
			}
		})
	}
	t.Run("without sound", func(t *testing.T) {
		s := openaitest.Start(t, openaitest.Config{Fault: func(int) openaitest.Fault { return openaitest.FaultInStream }})
		sound, err := client(t, s, nil).Speech(limited(t, patience), openai.SpeechRequest{Model: "m", Input: "您好。", Voice: "v"})
		if err != nil {
			t.Fatal(err)
		}
		defer sound.Close()
		if b, err := io.ReadAll(sound); len(b) > 0 || err != nil {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	})
}

func TestCheckBaseURL(t *testing.T) {
	for s, ok := range map[string]bool{
		"https://api.openai.com/v1": true, "http://127.0.0.1:8000": true, "": false, "api.openai.com": false, "ftp://x": false,
		"http://": false, "http://x/v1 /": false, "http://user:pw@x/v1": false, "http://x/v1?key=1": false, "http://x:bad:port": false,
	} {
		err := openai.CheckBaseURL(s)
		if (err == nil) != ok {
			t.Errorf("%q: %v", s, err)
		}
		if err != nil && strings.Contains(err.Error(), "pw") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func FuzzParseTranscription(f *testing.F) {
	for _, s := range []string{
		`{"text":"我要退货","logprobs":[{"token":"我","logprob":-0.1}]}`, `{"text":null}`, `{"text":"x","logprobs":[{"logprob":1e308},{"logprob":-1e308}]}`, `[]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := openai.ParseTranscription(b)
		if err != nil && (got != openai.Transcription{} || !errors.Is(err, openai.ErrAnswer)) {
			t.Fatalf("%+v beside %v", got, err)
		}
		if !(got.Confidence >= 0 && got.Confidence <= 1) {
			t.Fatalf("confidence %v", got.Confidence)
		}
	})
}

func FuzzReadEvents(f *testing.F) {
	for _, s := range []string{
		"event: transcript.text.delta\ndata: {\"type\":\"transcript.text.delta\",\"delta\":\"我要\"}\n\ndata: {\"type\":\"transcript.text.done\",\"text\":\"我要退货\"}\n\n",
		"data: {\"choices\":[{\"delta\":{\"content\":\"退\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
		"data: [DONE]\n\n", ": x\n\n\ndata:\ndata: {}\n\n", "data: {\"error\":{}}\r\n\r\n", "\xef\xbb\xbfdata: {\"error\":null}\r\rid: 1\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		last := ""
		got, err := openai.ReadEvents(bytes.NewReader(b), func(text string) {
			if !strings.HasPrefix(text, last) && strings.TrimSpace(last) != "" && !strings.HasPrefix(text, strings.TrimSpace(last)) {
				t.Fatalf("partial %q after %q", text, last)
			}
			last = text
		})
		if err != nil && got != (openai.Transcription{}) {
			t.Fatalf("%+v beside %v", got, err)
		}
		if err != nil && !errors.Is(err, openai.ErrAnswer) && !errors.Is(err, openai.ErrCutOff) && !errors.Is(err, openai.ErrFailed) {
			t.Fatalf("error of no kind: %v", err)
		}
	})
}
