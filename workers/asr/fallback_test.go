package asr_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tidegate/tidegate/internal/funasr/funasrtest"
	"github.com/tidegate/tidegate/internal/loopback"
	"github.com/tidegate/tidegate/internal/openai/openaitest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/asr/asrtest"
)

var chainConfig = asr.FallbackConfig{StartTimeout: patience, FinalTimeout: patience, Cooldown: 10 * time.Second}

// chain makes a chain that the test closes.
func chain(t testing.TB, cfg asr.FallbackConfig, reg prometheus.Registerer, engines ...asr.Engine) asr.Engine {
	t.Helper()
	var names []string
	for i := range engines {
		names = append(names, string(rune('a'+i)))
	}
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	e := asr.NewFallback(cfg, reg, names, engines...)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close chain: %v", err)
		}
	})
	return e
}

func always(d deed) func(int) deed { return func(int) deed { return d } }

func TestFallbackConformance(t *testing.T) {
	lines := func() asr.Engine { return scripted(t, asr.ScriptedConfig{Confidence: 0.9}, nil, "我要退货") }
	for name, engines := range map[string]func(t *testing.T) []asr.Engine{
		"first serves": func(*testing.T) []asr.Engine { return []asr.Engine{lines(), lines()} },
		"first is away": func(t *testing.T) []asr.Engine {
			return []asr.Engine{funasrEngine(t, nil, nil, "ws://"+loopback.Address(t)), lines()}
		},
		"first fails": func(*testing.T) []asr.Engine { return []asr.Engine{&acted{name: "x", do: always(failsAtEnd)}, lines()} },
		"first dies": func(*testing.T) []asr.Engine {
			return []asr.Engine{&acted{name: "x", do: always(diesInSpeech)}, lines()}
		},
		"two fail": func(*testing.T) []asr.Engine {
			return []asr.Engine{&acted{name: "x", do: always(refusesSound)}, &acted{name: "y", do: always(diesAtEnd)}, lines()}
		},
		"first is full": func(*testing.T) []asr.Engine { return []asr.Engine{&acted{name: "x", start: full}, lines()} },
		"FunASR then lines": func(t *testing.T) []asr.Engine {
			return []asr.Engine{funasrEngine(t, nil, nil, funasrtest.Start(t, funasrtest.Config{Fault: faultOf(funasrtest.FaultDrop, 1, 2, 3)}).URL()), lines()}
		},
	} {
		t.Run(name, func(t *testing.T) {
			asrtest.Run(t, asrtest.Case{
				Engine: func(t *testing.T) asr.Engine {
					es := engines(t)
					return asr.NewFallback(chainConfig, prometheus.NewRegistry(), []string{"a", "b", "c"}[:len(es)], es...)
				},
				Options: asr.Options{CallID: "c", Language: "zh-CN", Scenario: "return"},
				Text:    "我要退货",
			})
		})
	}
}

func full(context.Context, int) error { return fmt.Errorf("x: %w", asr.ErrOverloaded) }

func TestLimitedConformance(t *testing.T) {
	asrtest.Run(t, asrtest.Case{
		Engine: func(t *testing.T) asr.Engine {
			return asr.NewLimited("scripted", scripted(t, asr.ScriptedConfig{Confidence: 0.9}, nil, "我要退货"), 4, 0)
		},
		Options: asr.Options{CallID: "c", Language: "zh-CN", Scenario: "return"}, Text: "我要退货",
		Fill: func(t *testing.T, e asr.Engine, rate int) {
			for range 4 {
				begin(t, e, asr.Options{SampleRate: rate})
			}
		},
	})
}

func TestLimited(t *testing.T) {
	inner := &acted{name: "x"}
	e := asr.NewLimited("x", inner, 2, 0)
	one, two := begin(t, e, asr.Options{}), begin(t, e, asr.Options{})
	if _, err := e.Start(t.Context(), asr.Options{SampleRate: 8000}); !errors.Is(err, asr.ErrOverloaded) || inner.count() != 2 {
		t.Errorf("third stream: %v after %d starts", err, inner.count())
	}
	must(t, one.Close())
	must(t, one.Close())
	three := begin(t, e, asr.Options{})
	if _, err := e.Start(t.Context(), asr.Options{SampleRate: 8000}); !errors.Is(err, asr.ErrOverloaded) {
		t.Errorf("closing twice gave room twice: %v", err)
	}
	must(t, errors.Join(two.Close(), three.Close()))

	ctx, cancel := context.WithCancel(t.Context()) // a stream may end with its context and never be closed
	for range 2 {
		if _, err := e.Start(ctx, asr.Options{SampleRate: 8000}); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	eventually(t, "room", func() bool {
		s, err := e.Start(t.Context(), asr.Options{SampleRate: 8000})
		return err == nil && s.Close() == nil
	})
}

func TestLimitedGivesRoomBackAfterAFailedStart(t *testing.T) {
	e := asr.NewLimited("x", &acted{name: "x", start: func(_ context.Context, k int) error {
		if k < 3 {
			return errActed
		}
		return nil
	}}, 1, 0)
	for range 2 {
		if _, err := e.Start(t.Context(), asr.Options{SampleRate: 8000}); !errors.Is(err, errActed) {
			t.Errorf("start: %v", err)
		}
	}
	must(t, begin(t, e, asr.Options{}).Close())
}

// What was said before a FunASR server went away is heard by the next
// engine, all of it and once.
func TestFallbackInMidUtterance(t *testing.T) {
	reg := prometheus.NewRegistry()
	first := funasrtest.Start(t, funasrtest.Config{Fault: faultOf(funasrtest.FaultDrop, 1, 2)})
	second := openaitest.Start(t, openaitest.Config{Said: func(openaitest.Transcription) string { return "由第二个引擎听到" }})
	e := chain(t, chainConfig, reg, funasrEngine(t, nil, nil, first.URL()), openaiEngine(t, nil, second, nil))
	if e.Name() != "funasr>openai" {
		t.Errorf("name %q", e.Name())
	}
	st := begin(t, e, asr.Options{Phrases: []string{"退货"}})
	must(t, st.Hints([]string{"换货"}))
	pcm := sound()
	must(t, st.SpeechStart(1))
	feed(t, st, pcm)
	eventually(t, "the second engine", func() bool { return counter2(t, reg, "a", "failed") == 1 }) // before the end of speech
	feed(t, st, pcm)
	must(t, st.SpeechEnd(1))
	ev, _ := await(t, st, 1)
	wantFinal(t, ev, "由第二个引擎听到")
	asked := second.Transcriptions()
	if len(asked) != 1 || !reflect.DeepEqual(asked[0].WAV.Samples, append(sound(), pcm...)) {
		t.Fatalf("%d transcriptions, or other sound", len(asked))
	}
	if p := asked[0].Fields["prompt"]; !reflect.DeepEqual(p, []string{"换货"}) {
		t.Errorf("prompt %q", p)
	}
	play(t, st, 2, pcm) // the call stays where it is
	ev, _ = await(t, st, 2)
	wantFinal(t, ev, "由第二个引擎听到")
	select {
	case ev := <-st.Events():
		t.Errorf("event %+v", ev)
	case <-time.After(50 * time.Millisecond):
	}
	if n := counter(t, reg, "tidegate_asr_engine_served_total", "b"); n != 2 {
		t.Errorf("second engine served %v", n)
	}
}

// counter2 is the value of the failovers of an engine for a reason.
func counter2(t testing.TB, reg *prometheus.Registry, engine, reason string) float64 {
	t.Helper()
	families, err := reg.Gather()
	must(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if l := m.GetLabel(); f.GetName() == "tidegate_asr_engine_failovers_total" && l[0].GetValue() == engine && l[1].GetValue() == reason {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no failovers of %s for %s", engine, reason)
	return 0
}

func TestFallbackDeeds(t *testing.T) {
	for d, reason := range map[deed]string{
		failsAtEnd: "failed", diesInSpeech: "lost", diesAtEnd: "lost", refusesStart: "failed", refusesSound: "failed", refusesEnd: "failed",
		staysSilent: "slow", answersLate: "slow",
	} {
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reg := prometheus.NewRegistry()
				cfg := chainConfig
				cfg.FinalTimeout = 2 * time.Second
				first, second := &acted{name: "x", do: always(d)}, &acted{name: "y"}
				st := begin(t, chain(t, cfg, reg, first, second), asr.Options{})
				pcm := sound()
				began := time.Now()
				play(t, st, 1, pcm)
				ev, _ := await(t, st, 1)
				wantFinal(t, ev, heard(pcm))
				if took, slow := time.Since(began), reason == "slow"; slow != (took == cfg.FinalTimeout) || !slow && took != 0 {
					t.Errorf("after %s", took)
				}
				if n := counter2(t, reg, "a", reason); n != 1 {
					t.Errorf("%v failovers for %s", n, reason)
				}
				time.Sleep(2 * lateness) // a late answer of the first engine is nobody's any more
				play(t, st, 2, pcm[:4000])
				ev, _ = await(t, st, 2)
				wantFinal(t, ev, heard(pcm[:4000]))
				must(t, st.Close())
				if _, more := <-st.Events(); more {
					t.Error("another event")
				}
			})
		})
	}
}

func TestFallbackWhenNoEngineIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := true
		start := func(_ context.Context, k int) error {
			if away && k > 1 {
				return errActed
			}
			return nil
		}
		do := func(n int) deed {
			if n == 1 {
				return diesInSpeech
			}
			return answers
		}
		st := begin(t, chain(t, chainConfig, nil, &acted{name: "x", start: start, do: do}, &acted{name: "y", start: func(context.Context, int) error { return errActed }}), asr.Options{})
		play(t, st, 1, sound())
		if ev, _ := await(t, st, 1); ev.Kind != asr.EventError || !errors.Is(ev.Err, errActed) {
			t.Errorf("event %+v", ev)
		}
		play(t, st, 2, sound())
		if ev, _ := await(t, st, 2); ev.Kind != asr.EventError {
			t.Errorf("event %+v", ev)
		}
		away = false // the call is not lost: the next utterance finds it back
		play(t, st, 3, sound())
		ev, _ := await(t, st, 3)
		wantFinal(t, ev, heard(sound()))
	})
}

// The last engine's stream lives on after an utterance that it failed.
func TestFallbackLastEngineFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		do := func(n int) deed {
			if n == 1 {
				return failsAtEnd
			}
			return answers
		}
		first, second := &acted{name: "x", do: do}, &acted{name: "y", do: do}
		st := begin(t, chain(t, chainConfig, nil, first, second), asr.Options{})
		play(t, st, 1, sound())
		if ev, _ := await(t, st, 1); ev.Kind != asr.EventError || !errors.Is(ev.Err, errActed) {
			t.Errorf("event %+v", ev)
		}
		play(t, st, 2, sound())
		ev, _ := await(t, st, 2)
		wantFinal(t, ev, heard(sound()))
		if first.count() != 1 || second.count() != 1 {
			t.Errorf("%d and %d starts", first.count(), second.count())
		}
	})
}

func TestFallbackSlowStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		cfg := chainConfig
		cfg.StartTimeout = time.Second
		late := &acted{name: "x", start: func(context.Context, int) error { time.Sleep(3 * time.Second); return nil }} // deaf to its context
		began := time.Now()
		st := begin(t, chain(t, cfg, reg, late, &acted{name: "y"}), asr.Options{})
		if took := time.Since(began); took != time.Second || counter2(t, reg, "a", "slow") != 1 {
			t.Errorf("started after %s", took)
		}
		play(t, st, 1, sound())
		ev, _ := await(t, st, 1)
		wantFinal(t, ev, heard(sound())) // and the stream that came late is closed, or Close would complain
	})
}

func TestFallbackOverloadedAndUnsupported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		wideband, small, last := &acted{name: "x", rates: []int{16000}}, &acted{name: "y"}, &acted{name: "z"}
		e := chain(t, chainConfig, reg, wideband, asr.NewLimited("y", small, 1, 0), last)
		for range 2 {
			st := begin(t, e, asr.Options{SampleRate: 8000})
			play(t, st, 1, sound())
			ev, _ := await(t, st, 1)
			wantFinal(t, ev, heard(sound()))
		}
		if wideband.count() != 0 || small.count() != 1 || last.count() != 1 {
			t.Errorf("%d, %d and %d starts", wideband.count(), small.count(), last.count())
		}
		if u, o := counter2(t, reg, "a", "unsupported"), counter2(t, reg, "b", "overloaded"); u != 2 || o != 1 {
			t.Errorf("%v unsupported, %v overloaded", u, o)
		}
		for range 5 { // neither makes an engine rest
			must(t, begin(t, e, asr.Options{SampleRate: 8000}).Close())
		}
		if n := counter2(t, reg, "b", "resting"); n != 0 {
			t.Errorf("rested %v times", n)
		}
	})
}

func TestFallbackRestsAndProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		away := true
		first := &acted{name: "x", start: func(context.Context, int) error {
			if away {
				return errActed
			}
			return nil
		}}
		second := &acted{name: "y"}
		e := chain(t, chainConfig, reg, first, second)
		call := func() {
			st := begin(t, e, asr.Options{})
			play(t, st, 1, sound())
			ev, _ := await(t, st, 1)
			wantFinal(t, ev, heard(sound()))
			must(t, st.Close())
		}
		for range 5 {
			call()
		}
		if first.count() != 2 || second.count() != 5 || counter2(t, reg, "a", "resting") != 3 {
			t.Errorf("%d and %d starts", first.count(), second.count())
		}
		resting := `
# HELP tidegate_asr_engine_resting 1 while an engine of the chain is not asked because it failed.
# TYPE tidegate_asr_engine_resting gauge
tidegate_asr_engine_resting{engine="a"} 1
tidegate_asr_engine_resting{engine="b"} 0
`
		if err := testutil.GatherAndCompare(reg, strings.NewReader(resting), "tidegate_asr_engine_resting"); err != nil {
			t.Error(err)
		}
		time.Sleep(11 * time.Second)
		call() // the probe fails
		call()
		if first.count() != 3 {
			t.Errorf("%d starts after the first cooldown", first.count())
		}
		away = false
		time.Sleep(11 * time.Second)
		call()
		call()
		if first.count() != 5 || second.count() != 7 {
			t.Errorf("%d and %d starts in the end", first.count(), second.count())
		}
	})
}

func TestFallbackCapabilities(t *testing.T) {
	a := &fixed{asr.Capabilities{Languages: []string{"zh"}, Dialects: []string{"cantonese"}, SampleRates: []int{8000}, Partials: true, Synthetic: true}}
	b := &fixed{asr.Capabilities{Languages: []string{"zh", "en"}, Dialects: []string{"wu"}, SampleRates: []int{8000, 16000}, Hints: true}}
	want := asr.Capabilities{Languages: []string{"zh", "en"}, Dialects: []string{"cantonese", "wu"}, SampleRates: []int{8000, 16000}, Hints: true}
	if got := chain(t, chainConfig, nil, a, b).Capabilities(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	b.c.Languages = nil
	if got := chain(t, chainConfig, nil, a, b).Capabilities(); got.Languages != nil || !got.Speaks("fr") {
		t.Errorf("any language: %+v", got)
	}
}

type fixed struct{ c asr.Capabilities }

func (*fixed) Name() string                     { return "fixed" }
func (f *fixed) Capabilities() asr.Capabilities { return f.c }
func (*fixed) Close() error                     { return nil }
func (*fixed) Start(context.Context, asr.Options) (asr.Stream, error) {
	return nil, asr.ErrUnsupported
}

// A caller who speaks a dialect is heard by the engine that knows it first,
// also when its language is none of the engine's.
func TestFallbackDialect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mandarin := &acted{name: "x", can: asr.Capabilities{Languages: []string{"zh"}}}
		cantonese := &acted{name: "y", can: asr.Capabilities{Languages: []string{"yue"}, Dialects: []string{"yue"}}}
		e := chain(t, chainConfig, nil, mandarin, cantonese)
		for _, o := range []asr.Options{{Language: "zh-CN", Dialect: "yue"}, {Language: "zh-CN"}, {Language: "zh-CN", Dialect: "wuu"}} {
			st := begin(t, e, o)
			play(t, st, 1, sound())
			await(t, st, 1)
		}
		if mandarin.count() != 2 || cantonese.count() != 1 {
			t.Errorf("%d and %d starts", mandarin.count(), cantonese.count())
		}
	})
}

// What a call is promised holds when another engine takes over.
func TestFallbackPromise(t *testing.T) {
	for name, tt := range map[string]struct {
		second   *acted
		partials bool
	}{"both give partials": {&acted{name: "y"}, true}, "only the first does": {&acted{name: "y", dumb: true}, false}} {
		t.Run(name, func(t *testing.T) {
			first := &acted{name: "x", can: asr.Capabilities{Synthetic: true}}
			st := begin(t, chain(t, chainConfig, nil, asr.NewLimited("x", first, 5, 0), tt.second), asr.Options{})
			p, ok := st.(asr.Particular)
			if !ok || p.Capabilities().Partials != tt.partials || !p.Capabilities().Synthetic {
				t.Errorf("%+v", p.Capabilities())
			}
		})
	}
}

// Whatever the engines do, each utterance ends once, in order, and a text is
// that of all its sound.
func TestFallbackLosesNothing(t *testing.T) {
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			var plan [3][12]deed
			for i := range plan {
				for n := range plan[i] {
					if r.IntN(2) == 0 {
						plan[i][n] = deed(r.IntN(int(deeds)))
					}
				}
			}
			var engines []asr.Engine
			for i := range plan {
				engines = append(engines, &acted{name: "x", do: func(n int) deed { return plan[i][n] }, start: func(context.Context, int) error {
					if i > 0 {
						return nil
					}
					return []error{nil, nil, errActed, asr.ErrOverloaded}[int(seed)%4]
				}})
			}
			cfg := chainConfig
			cfg.FinalTimeout, cfg.Cooldown = 3*time.Second, time.Second
			st := begin(t, chain(t, cfg, nil, engines...), asr.Options{})
			var want []string
			done := make(chan struct{})
			var got []asr.Event
			go func() {
				defer close(done)
				for ev := range st.Events() {
					if ev.Kind != asr.EventPartial {
						got = append(got, ev)
					}
				}
			}()
			for n := 1; n < len(plan[0]); n++ {
				pcm := sound()[:160*(1+r.IntN(40))]
				want = append(want, heard(pcm))
				play(t, st, n, pcm)
				time.Sleep(time.Duration(r.IntN(4000)) * time.Millisecond)
			}
			time.Sleep(time.Minute)
			must(t, st.Close())
			<-done
			if len(got) != len(want) {
				t.Fatalf("seed %d: %d ends of %d utterances", seed, len(got), len(want))
			}
			for i, ev := range got {
				n := i + 1
				hopeless := (seed%4 >= 2 || plan[0][n] != answers) && plan[1][n] != answers && plan[2][n] != answers
				if ev.Utterance != n || ev.Kind == asr.EventFinal && ev.Text != want[i] || ev.Kind == asr.EventError && !hopeless {
					t.Fatalf("seed %d: utterance %d ends with %+v, want %q", seed, n, ev, want[i])
				}
			}
		})
	}
}

func TestChainConfig(t *testing.T) {
	cfg := asr.Defaults()
	cfg.Engine, cfg.FunASR.URLs = asr.EngineFunASR, []string{"ws://" + loopback.Address(t)}
	cfg.Fallback.Engines, cfg.Limit.Engines = []string{asr.EngineScripted}, []string{"funasr=10", "scripted=1"}
	cfg.Fallback.StartTimeout, cfg.FunASR.ConnectTimeout = patience, patience
	e, err := asr.NewEngine(cfg, asr.Deps{Lines: script("我要退货")})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	st := begin(t, e, asr.Options{Scenario: "return"})
	play(t, st, 1, sound())
	ev, _ := await(t, st, 1)
	wantFinal(t, ev, "我要退货")
	if _, err := e.Start(t.Context(), asr.Options{SampleRate: 8000}); !errors.Is(err, asr.ErrOverloaded) {
		t.Errorf("over the limit of the last: %v", err)
	}

	cfg.Fallback = asr.FallbackConfig{Engines: []string{"funasr", "whisper", "openai"}, FinalTimeout: -1}
	cfg.Limit.Engines, cfg.OpenAI.BaseURL = []string{"sherpa=1"}, ""
	err = cfg.Validate()
	for _, part := range []string{"fallback.engines: funasr is named twice", `fallback.engines: "whisper" is unknown`, "openai.base_url", "fallback.start_timeout", "fallback.final_timeout", "fallback.cooldown", "limit.engines"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("nothing said of %s in %v", part, err)
		}
	}
}

// A call over the speech protocol, whose FunASR server goes away while the
// caller speaks: the bridge sees one session and one final.
func TestServiceWithAChain(t *testing.T) {
	first := funasrtest.Start(t, funasrtest.Config{Fault: faultOf(funasrtest.FaultDrop, 1, 2)})
	second := openaitest.Start(t, openaitest.Config{Said: func(r openaitest.Transcription) string { return fmt.Sprint(len(r.WAV.Samples)) }})
	w := run(t, nil, func(c *asr.Config) {
		c.Engine, c.Denoise.Mode, c.Fallback.Engines = asr.EngineFunASR, asr.DenoiseOff, []string{asr.EngineOpenAI}
		c.Fallback.StartTimeout, c.Fallback.FinalTimeout = patience, patience
		c.FunASR.URLs, c.FunASR.ConnectTimeout, c.FunASR.FinalTimeout = []string{first.URL()}, patience, patience
		c.OpenAI.BaseURL, c.OpenAI.Model, c.OpenAI.Timeout = second.URL(), "whisper", patience
	})
	c := w.open(t)
	say(t, c, 1)
	if _, m := answer(t, c); m.Type != schemas.SpeechFinal || m.Utterance != 1 || m.Text != "6400" { // all of the 0.8 s
		t.Errorf("%+v", m)
	}
	say(t, c, 2)
	if _, m := answer(t, c); m.Type != schemas.SpeechFinal || m.Utterance != 2 || m.Text != "6400" {
		t.Errorf("%+v", m)
	}
	if n := counter(t, w.reg, "tidegate_asr_engine_served_total", "openai"); n != 2 {
		t.Errorf("second engine served %v", n)
	}
	if strings.Contains(w.log.String(), "退货") {
		t.Error("what was said is in the log")
	}
}
