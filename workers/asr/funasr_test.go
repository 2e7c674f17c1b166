package asr_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/funasr"
	"github.com/tidegate/tidegate/internal/funasr/funasrtest"
	"github.com/tidegate/tidegate/internal/loopback"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/asr/asrtest"
)

// patience bounds what is waited for; a busy machine needs some of it.
const patience = 20 * time.Second

// funasrEngine is one with time limits for a busy machine.
func funasrEngine(t testing.TB, reg prometheus.Registerer, change func(*asr.FunASRConfig), urls ...string) asr.Engine {
	t.Helper()
	cfg := asr.Defaults()
	cfg.Engine, cfg.Denoise.Mode = asr.EngineFunASR, asr.DenoiseOff // this machine may have a model
	cfg.FunASR.URLs = urls
	cfg.FunASR.ConnectTimeout, cfg.FunASR.FinalTimeout = patience, patience
	if change != nil {
		change(&cfg.FunASR)
	}
	e, err := asr.NewEngine(cfg, asr.Deps{Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func begin(t testing.TB, e asr.Engine, o asr.Options) asr.Stream {
	t.Helper()
	if o.SampleRate == 0 {
		o.SampleRate = 8000
	}
	s, err := e.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// sound is speech-like sound of a second at 8 kHz, different at each place.
func sound() []int16 {
	pcm := audio.Tone(300, time.Second, 8000, 0.2)
	for i := range pcm {
		pcm[i] += int16(i % 1000)
	}
	return pcm
}

// play says sound as utterance n, up to its end.
func play(t testing.TB, s asr.Stream, n int, pcm []int16) {
	t.Helper()
	must(t, s.SpeechStart(n))
	feed(t, s, pcm)
	must(t, s.SpeechEnd(n))
}

func feed(t testing.TB, s asr.Stream, pcm []int16) {
	t.Helper()
	for len(pcm) > 0 {
		k := min(160, len(pcm))
		must(t, s.Audio(pcm[:k]))
		pcm = pcm[k:]
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// await gives the event that ends utterance n and the partials before it.
func await(t testing.TB, s asr.Stream, n int) (end asr.Event, partials []string) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case ev, ok := <-s.Events():
			switch {
			case !ok:
				t.Fatalf("events ended before utterance %d did", n)
			case ev.Utterance != n:
				t.Fatalf("event of utterance %d in %d: %+v", ev.Utterance, n, ev)
			case ev.Kind == asr.EventPartial:
				partials = append(partials, ev.Text)
			default:
				return ev, partials
			}
		case <-timeout:
			t.Fatalf("utterance %d did not end", n)
		}
	}
}

func wantFinal(t testing.TB, ev asr.Event, text string) {
	t.Helper()
	if ev.Kind != asr.EventFinal || ev.Text != text {
		t.Errorf("%v %q (%v), want final %q", ev.Kind, ev.Text, ev.Err, text)
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not come", what)
		}
	}
}

func faultOf(f funasrtest.Fault, connections ...int) func(int, string) funasrtest.Fault {
	return func(connection int, _ string) funasrtest.Fault {
		for _, c := range connections {
			if c == connection {
				return f
			}
		}
		return funasrtest.FaultNone
	}
}

func TestFunASRConformance(t *testing.T) {
	for _, kind := range []funasr.Server{funasr.ServerRuntime, funasr.ServerPython} {
		for _, mode := range []string{funasr.ModeTwoPass, funasr.ModeOnline, funasr.ModeOffline} {
			t.Run(kind.String()+" "+mode, func(t *testing.T) {
				asrtest.Run(t, asrtest.Case{
					Engine: func(t *testing.T) asr.Engine {
						s := funasrtest.Start(t, funasrtest.Config{Server: kind, Delay: 2 * time.Millisecond})
						return funasrEngine(t, nil, func(c *asr.FunASRConfig) { c.Mode = mode }, s.URL())
					},
					Options: asr.Options{CallID: "c", Language: "zh-CN", Phrases: []string{"尾号"}},
					Text:    "我要退货",
				})
			})
		}
	}
}

func TestFunASRUtterance(t *testing.T) {
	s := funasrtest.Start(t, funasrtest.Config{
		Tags: "<|yue|><|NEUTRAL|><|Speech|>",
		Said: func(string) []string { return []string{"你好", "我要退货"} },
	})
	st := begin(t, funasrEngine(t, nil, nil, s.URL()), asr.Options{CallID: "c", Phrases: []string{"退货", "尾号八八"}})
	pcm := sound()
	play(t, st, 3, pcm)
	ev, partials := await(t, st, 3)
	wantFinal(t, ev, "你好我要退货")
	if ev.Language != "zh" || ev.Dialect != "yue" || ev.Confidence != 0 {
		t.Errorf("language %q, dialect %q, confidence %v", ev.Language, ev.Dialect, ev.Confidence)
	}
	if len(partials) == 0 || !strings.HasPrefix("你好我要退货", partials[0]) {
		t.Errorf("partials %q", partials)
	}
	u := s.Utterances()[0]
	if u.Name != "3" || u.Mode != "2pass" || u.Rate != 16000 || u.Hotwords != `{"尾号八八":20,"退货":20}` {
		t.Errorf("%+v", u)
	}
	wantSound(t, u.Sound, pcm, 16000)
}

// wantSound checks that a server got the sound, resampled and filled up with
// silence to whole messages of 60 ms.
func wantSound(t testing.TB, l16 []byte, pcm []int16, rate int) {
	t.Helper()
	want := audio.AppendL16(nil, audio.Resample(pcm, 8000, rate))
	if len(l16) < len(want) || len(l16)-len(want) >= rate*60/1000*2 {
		t.Errorf("%d bytes of sound, want %d", len(l16), len(want))
		return
	}
	if !bytes.Equal(l16[:len(want)], want) {
		t.Error("sound is another one")
	}
	if len(bytes.Trim(l16[len(want):], "\x00")) > 0 {
		t.Error("sound is not filled up with silence")
	}
}

func TestFunASRAtEightKilohertz(t *testing.T) {
	s := funasrtest.Start(t, funasrtest.Config{})
	st := begin(t, funasrEngine(t, nil, func(c *asr.FunASRConfig) { c.SampleRate, c.ITN, c.HotwordWeight = 8000, true, 0 }, s.URL()),
		asr.Options{Phrases: []string{"退货"}})
	pcm := sound()
	play(t, st, 1, pcm)
	ev, _ := await(t, st, 1)
	wantFinal(t, ev, "我要退货")
	u := s.Utterances()[0]
	if u.Rate != 8000 || !u.ITN || u.Hotwords != "" {
		t.Errorf("%+v", u)
	}
	wantSound(t, u.Sound, pcm, 8000)
}

func TestFunASRLanguage(t *testing.T) {
	for _, tt := range []struct{ configured, spoken, told string }{{"", "", ""}, {"", "yue", "yue"}, {"", "wuu", ""}, {"zh", "yue", "zh"}} {
		s := funasrtest.Start(t, funasrtest.Config{})
		e := funasrEngine(t, nil, func(c *asr.FunASRConfig) { c.Language, c.Dialects = tt.configured, []string{"yue"} }, s.URL())
		st := begin(t, e, asr.Options{Dialect: tt.spoken})
		play(t, st, 1, sound())
		await(t, st, 1)
		if got := s.Utterances()[0].Language; got != tt.told {
			t.Errorf("%+v: server is told %q", tt, got)
		}
	}
}

func TestFunASRAnswersOutOfOrder(t *testing.T) {
	for _, kind := range []funasr.Server{funasr.ServerRuntime, funasr.ServerPython} {
		t.Run(kind.String(), func(t *testing.T) {
			s := funasrtest.Start(t, funasrtest.Config{
				Server: kind, Said: func(string) []string { return []string{"你好", "尾号八八", "我要退货"} }, Fault: faultOf(funasrtest.FaultShuffled, 1),
			})
			st := begin(t, funasrEngine(t, nil, nil, s.URL()), asr.Options{})
			play(t, st, 1, sound())
			ev, _ := await(t, st, 1)
			wantFinal(t, ev, "你好尾号八八我要退货")
		})
	}
}

func TestFunASRNextUtteranceBeforeTheAnswer(t *testing.T) {
	s := funasrtest.Start(t, funasrtest.Config{Delay: 100 * time.Millisecond, Said: func(name string) []string { return []string{"第" + name} }})
	st := begin(t, funasrEngine(t, nil, nil, s.URL()), asr.Options{})
	for n := 1; n <= 3; n++ {
		play(t, st, n, sound())
	}
	for n, text := range []string{"第1", "第2", "第3"} {
		ev, _ := await(t, st, n+1)
		wantFinal(t, ev, text)
	}
	if n := s.Connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestFunASRResendsAfterALoss(t *testing.T) {
	for name, fault := range map[string]funasrtest.Fault{
		"in mid-utterance": funasrtest.FaultDrop, "before the last answer": funasrtest.FaultDropAtEnd, "by an oversized answer": funasrtest.FaultOversize,
	} {
		t.Run(name, func(t *testing.T) {
			reg := prometheus.NewRegistry()
			s := funasrtest.Start(t, funasrtest.Config{Fault: faultOf(fault, 1)})
			st := begin(t, funasrEngine(t, reg, nil, s.URL()), asr.Options{Phrases: []string{"退货"}})
			pcm := sound()
			play(t, st, 1, pcm)
			ev, _ := await(t, st, 1)
			wantFinal(t, ev, "我要退货")
			us := s.Utterances()
			if len(us) != 2 || us[1].Connection != 2 || us[1].Hotwords != us[0].Hotwords {
				t.Fatalf("%d utterances", len(us))
			}
			wantSound(t, us[1].Sound, pcm, 16000)
			play(t, st, 2, pcm)
			ev, _ = await(t, st, 2)
			wantFinal(t, ev, "我要退货")
			if n := counter(t, reg, "tidegate_asr_funasr_reconnects_total", "lost"); n != 1 {
				t.Errorf("%v reconnects", n)
			}
		})
	}
}

func TestFunASRSecondLossFailsTheUtterance(t *testing.T) {
	s := funasrtest.Start(t, funasrtest.Config{Fault: func(connection int, name string) funasrtest.Fault {
		if name == "1" {
			return funasrtest.FaultDrop
		}
		return funasrtest.FaultNone
	}})
	st := begin(t, funasrEngine(t, nil, func(c *asr.FunASRConfig) { c.Cooldown = 100 * time.Millisecond }, s.URL()), asr.Options{})
	must(t, st.SpeechStart(1))
	feed(t, st, sound())
	doomed, ok := st.(interface{ Doomed() <-chan int })
	if !ok {
		t.Fatal("stream does not tell of doomed utterances")
	}
	select {
	case n := <-doomed.Doomed():
		if n != 1 {
			t.Errorf("utterance %d is doomed", n)
		}
	case ev := <-st.Events():
		t.Fatalf("event before the end of speech: %+v", ev)
	case <-time.After(patience):
		t.Fatal("utterance is not doomed")
	}
	feed(t, st, sound())
	must(t, st.SpeechEnd(1))
	if ev, _ := await(t, st, 1); ev.Kind != asr.EventError || ev.Err == nil {
		t.Errorf("event %+v", ev)
	}
	if n := s.Connections(); n != 2 {
		t.Errorf("%d connections for the utterance", n)
	}
	time.Sleep(150 * time.Millisecond) // the server rests after two failures
	play(t, st, 2, sound())
	ev, _ := await(t, st, 2)
	wantFinal(t, ev, "我要退货")
}

func TestFunASRIdleConnectionIsReplaced(t *testing.T) {
	drop := make(chan struct{})
	s := funasrtest.Start(t, funasrtest.Config{Fault: func(connection int, name string) funasrtest.Fault {
		if name == "2" && connection == 1 {
			close(drop)
			return funasrtest.FaultDrop
		}
		return funasrtest.FaultNone
	}})
	st := begin(t, funasrEngine(t, nil, nil, s.URL()), asr.Options{})
	play(t, st, 1, sound())
	await(t, st, 1)
	play(t, st, 2, sound())
	ev, _ := await(t, st, 2)
	<-drop
	wantFinal(t, ev, "我要退货")
}

func TestFunASRSilentServer(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := funasrtest.Start(t, funasrtest.Config{Fault: func(_ int, name string) funasrtest.Fault {
		if name == "1" {
			return funasrtest.FaultSilent
		}
		return funasrtest.FaultNone
	}})
	st := begin(t, funasrEngine(t, reg, func(c *asr.FunASRConfig) { c.FinalTimeout = 300 * time.Millisecond }, s.URL()), asr.Options{})
	play(t, st, 1, sound())
	if ev, _ := await(t, st, 1); ev.Kind != asr.EventError {
		t.Errorf("event %+v", ev)
	}
	play(t, st, 2, sound())
	if ev, _ := await(t, st, 2); ev.Kind == asr.EventFinal && ev.Text != "我要退货" {
		t.Errorf("event %+v", ev)
	}
	if n := counter(t, reg, "tidegate_asr_funasr_reconnects_total", "silent"); n < 1 {
		t.Errorf("%v connections given up", n)
	}
}

// A server that stalls after it has told pieces still gave a text.
func TestFunASRFirstPassCountsWithoutASecond(t *testing.T) {
	s := funasrtest.Start(t, funasrtest.Config{Server: funasr.ServerPython, Delay: time.Hour, Said: func(string) []string { return []string{"退货"} }})
	st := begin(t, funasrEngine(t, nil, func(c *asr.FunASRConfig) { c.FinalTimeout = time.Second }, s.URL()), asr.Options{})
	play(t, st, 1, sound())
	ev, _ := await(t, st, 1)
	wantFinal(t, ev, "退货")
	s.Stop()
}

func TestFunASRStalledServerEndsWithTheStream(t *testing.T) {
	s := funasrtest.Start(t, funasrtest.Config{Fault: faultOf(funasrtest.FaultStall, 1, 2)})
	st := begin(t, funasrEngine(t, nil, nil, s.URL()), asr.Options{SampleRate: 16000})
	must(t, st.SpeechStart(1))
	for range 40 { // more than the sockets hold
		feed(t, st, make([]int16, 16000))
	}
	closed := make(chan error, 1)
	go func() { closed <- st.Close() }()
	select {
	case err := <-closed:
		must(t, err)
	case <-time.After(patience):
		t.Fatal("stream does not close")
	}
}

func TestFunASROldPythonServer(t *testing.T) {
	said := func(name string) []string {
		if name == "2" {
			return nil
		}
		return []string{"你好", "我要退货"}
	}
	s := funasrtest.Start(t, funasrtest.Config{Server: funasr.ServerPython, Old: true, Said: said})
	st := begin(t, funasrEngine(t, nil, func(c *asr.FunASRConfig) { c.FinalTimeout, c.Settle = 2*time.Second, 200*time.Millisecond }, s.URL()), asr.Options{})
	play(t, st, 1, sound())
	ev, _ := await(t, st, 1)
	wantFinal(t, ev, "你好我要退货")
	play(t, st, 2, sound()) // it answers nothing to silence
	if ev, _ := await(t, st, 2); ev.Kind != asr.EventError {
		t.Errorf("event %+v", ev)
	}
}

func TestFunASRServerError(t *testing.T) {
	for _, kind := range []funasr.Server{funasr.ServerRuntime, funasr.ServerPython} {
		t.Run(kind.String(), func(t *testing.T) {
			s := funasrtest.Start(t, funasrtest.Config{Server: kind, Fault: func(_ int, name string) funasrtest.Fault {
				if name == "1" {
					return funasrtest.FaultError
				}
				return funasrtest.FaultNone
			}})
			st := begin(t, funasrEngine(t, nil, nil, s.URL()), asr.Options{})
			play(t, st, 1, sound())
			ev, _ := await(t, st, 1)
			if ev.Kind != asr.EventError || strings.Contains(ev.Err.Error(), "memory") || strings.Contains(ev.Err.Error(), "PCM") {
				t.Errorf("event %+v", ev)
			}
			play(t, st, 2, sound())
			ev, _ = await(t, st, 2)
			wantFinal(t, ev, "我要退货")
		})
	}
}

func TestFunASRMalformedAnswers(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := funasrtest.Start(t, funasrtest.Config{Said: func(string) []string { return []string{"好"} }, Fault: faultOf(funasrtest.FaultMalformed, 1)})
	st := begin(t, funasrEngine(t, reg, func(c *asr.FunASRConfig) { c.Mode = funasr.ModeOffline }, s.URL()), asr.Options{})
	play(t, st, 1, sound())
	ev, _ := await(t, st, 1)
	wantFinal(t, ev, "好")
	if n := testutil.ToFloat64(collector(t, reg, "tidegate_asr_funasr_bad_answers_total")); n != 6 {
		t.Errorf("%v bad answers", n)
	}
	play(t, st, 2, sound()) // more of them than are borne: another connection
	ev, _ = await(t, st, 2)
	wantFinal(t, ev, "好")
	if n := s.Connections(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

func TestFunASRHotwords(t *testing.T) {
	for _, kind := range []funasr.Server{funasr.ServerRuntime, funasr.ServerPython} {
		t.Run(kind.String(), func(t *testing.T) {
			s := funasrtest.Start(t, funasrtest.Config{Server: kind})
			st := begin(t, funasrEngine(t, nil, nil, s.URL()), asr.Options{Phrases: []string{"退货"}})
			for n, phrases := range [][]string{nil, nil, {"红色"}, {"红色"}} {
				if phrases != nil {
					must(t, st.Hints(phrases))
				}
				play(t, st, n+1, sound())
				await(t, st, n+1)
			}
			var words []string
			for _, u := range s.Utterances() {
				words = append(words, u.Hotwords)
			}
			want, connections := []string{`{"退货":20}`, `{"退货":20}`, `{"红色":20}`, `{"红色":20}`}, 2
			if kind == funasr.ServerPython {
				want, connections = []string{"退货", "退货", "红色", "红色"}, 1
			}
			if !reflect.DeepEqual(words, want) || s.Connections() != connections {
				t.Errorf("hot words %q on %d connections", words, s.Connections())
			}
		})
	}
}

// A runtime that takes no further connection goes on with the words before.
func TestFunASRHotwordsWithoutAnotherConnection(t *testing.T) {
	s := funasrtest.Start(t, funasrtest.Config{Refuse: func(connection int) int {
		if connection > 1 {
			return 503
		}
		return 0
	}})
	st := begin(t, funasrEngine(t, nil, nil, s.URL()), asr.Options{Phrases: []string{"退货"}})
	play(t, st, 1, sound())
	await(t, st, 1)
	must(t, st.Hints([]string{"红色"}))
	play(t, st, 2, sound())
	ev, _ := await(t, st, 2)
	wantFinal(t, ev, "我要退货")
	if us := s.Utterances(); us[1].Connection != 1 {
		t.Errorf("connection %d", us[1].Connection)
	}
}

func TestFunASRSeveralServers(t *testing.T) {
	a, b := funasrtest.Start(t, funasrtest.Config{}), funasrtest.Start(t, funasrtest.Config{})
	e := funasrEngine(t, nil, nil, "ws://"+loopback.Address(t), a.URL(), b.URL())
	for range 4 {
		st := begin(t, e, asr.Options{})
		play(t, st, 1, sound())
		await(t, st, 1)
	}
	if a.Connections() != 2 || b.Connections() != 2 {
		t.Errorf("%d and %d connections", a.Connections(), b.Connections())
	}
	a.Stop()
	eventually(t, "the second server's stream", func() bool {
		st := begin(t, e, asr.Options{})
		play(t, st, 1, sound())
		ev, _ := await(t, st, 1)
		return ev.Kind == asr.EventFinal && b.Connections() > 2
	})
}

func TestFunASRDeadServerFailsFast(t *testing.T) {
	reg := prometheus.NewRegistry()
	e := funasrEngine(t, reg, nil, "ws://"+loopback.Address(t))
	for range 5 {
		if _, err := e.Start(t.Context(), asr.Options{SampleRate: 8000}); err == nil {
			t.Fatal("started")
		}
	}
	failed, resting := counter(t, reg, "tidegate_asr_funasr_dials_total", "failed"), counter(t, reg, "tidegate_asr_funasr_dials_total", "resting")
	if failed != 2 || resting != 3 {
		t.Errorf("%v attempts failed, %v were not made", failed, resting)
	}
}

func TestFunASRFullServerIsOverloaded(t *testing.T) {
	s := funasrtest.Start(t, funasrtest.Config{Refuse: func(int) int { return 503 }})
	e := funasrEngine(t, nil, nil, s.URL())
	for range 3 { // fullness is no failure: it is asked each time
		if _, err := e.Start(t.Context(), asr.Options{SampleRate: 8000}); !errors.Is(err, asr.ErrOverloaded) {
			t.Errorf("start: %v", err)
		}
	}
	if s.Connections() != 3 {
		t.Errorf("%d connections", s.Connections())
	}
}

func TestFunASRStartEndsWithItsContext(t *testing.T) {
	s := funasrtest.Start(t, funasrtest.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := funasrEngine(t, nil, nil, s.URL()).Start(ctx, asr.Options{SampleRate: 8000}); !errors.Is(err, context.Canceled) {
		t.Errorf("start: %v", err)
	}
}

func TestFunASRTLS(t *testing.T) {
	s := funasrtest.Start(t, funasrtest.Config{TLS: true})
	if _, err := funasrEngine(t, nil, nil, s.URL()).Start(t.Context(), asr.Options{SampleRate: 8000}); err == nil {
		t.Error("certificate of nobody known is trusted")
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
	st := begin(t, funasrEngine(t, nil, func(c *asr.FunASRConfig) { c.CAFile, c.ServerName = ca, "example.com" }, s.URL()), asr.Options{})
	play(t, st, 1, sound())
	ev, _ := await(t, st, 1)
	wantFinal(t, ev, "我要退货")
}

func TestFunASRMetricsArePreset(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := funasrtest.Start(t, funasrtest.Config{})
	e := funasrEngine(t, reg, nil, s.URL())
	want := `
# HELP tidegate_asr_funasr_bad_answers_total Messages of FunASR servers that are not of the protocol.
# TYPE tidegate_asr_funasr_bad_answers_total counter
tidegate_asr_funasr_bad_answers_total 0
# HELP tidegate_asr_funasr_connections Connections to FunASR servers.
# TYPE tidegate_asr_funasr_connections gauge
tidegate_asr_funasr_connections 0
# HELP tidegate_asr_funasr_dials_total Attempts to connect to a FunASR server, by what became of them.
# TYPE tidegate_asr_funasr_dials_total counter
tidegate_asr_funasr_dials_total{result="connected"} 0
tidegate_asr_funasr_dials_total{result="failed"} 0
tidegate_asr_funasr_dials_total{result="resting"} 0
# HELP tidegate_asr_funasr_reconnects_total Connections that a stream gave up for another one, by reason.
# TYPE tidegate_asr_funasr_reconnects_total counter
tidegate_asr_funasr_reconnects_total{reason="hotwords"} 0
tidegate_asr_funasr_reconnects_total{reason="lost"} 0
tidegate_asr_funasr_reconnects_total{reason="silent"} 0
`
	names := []string{"tidegate_asr_funasr_bad_answers_total", "tidegate_asr_funasr_connections", "tidegate_asr_funasr_dials_total", "tidegate_asr_funasr_reconnects_total"}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
	st := begin(t, e, asr.Options{})
	must(t, st.Close())
	if n := testutil.ToFloat64(collector(t, reg, "tidegate_asr_funasr_connections")); n != 0 {
		t.Errorf("%v connections after the close", n)
	}
}

// single is a metric without labels as testutil takes it.
type single struct{ value float64 }

func (s single) Describe(c chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, c) }

func (s single) Collect(c chan<- prometheus.Metric) {
	c <- prometheus.MustNewConstMetric(prometheus.NewDesc("value", "", nil, nil), prometheus.UntypedValue, s.value)
}

func collector(t testing.TB, reg *prometheus.Registry, name string) prometheus.Collector {
	t.Helper()
	families, err := reg.Gather()
	must(t, err)
	for _, f := range families {
		if f.GetName() == name && len(f.GetMetric()) == 1 {
			m := f.GetMetric()[0]
			return single{m.GetCounter().GetValue() + m.GetGauge().GetValue()}
		}
	}
	t.Fatalf("no %s", name)
	return nil
}

func TestFunASRConfig(t *testing.T) {
	cfg := asr.Defaults()
	cfg.Engine = asr.EngineFunASR
	cfg.FunASR.URLs = []string{"wss://asr-1:10095", "ws://asr-2:10095"}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
	cfg.FunASR = asr.FunASRConfig{URLs: []string{"http://x", "ws://", "://secret"}, Mode: "3pass", Server: "x", ChunkSize: []string{"5", "0", "5"}, HotwordWeight: 101, Language: "fr", Dialects: []string{"klingon"}, CAFile: "/nonexistent"}
	err := cfg.Validate()
	for _, part := range []string{"funasr.urls: must begin", "funasr.urls: names no host", "funasr.urls: is no address", "funasr.server:", "funasr.mode:", "funasr.chunk_size:", "funasr.chunk_interval:",
		"funasr.sample_rate:", "funasr.hotword_weight:", "funasr.language:", "funasr.dialects:", "funasr.ca_file:", "funasr.connect_timeout:", "funasr.final_timeout:", "funasr.settle:", "funasr.write_timeout:", "funasr.cooldown:"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("nothing said of %s in %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("error quotes an address: %v", err)
	}
	cfg = asr.Defaults()
	cfg.Engine = asr.EngineFunASR
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "funasr.urls: is needed") {
		t.Errorf("without servers: %v", err)
	}
}
