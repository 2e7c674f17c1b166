package tts_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/openai/openaitest"
	"github.com/tidegate/tidegate/workers/tts"
	"github.com/tidegate/tidegate/workers/tts/ttstest"
)

// deed is what an acted engine does with a sentence.
type deed int

const (
	speaks deed = iota
	fails
	breaksOff // after the first half
	isFull
	cannot
	isSlow
	deeds // how many there are
)

// acted is an engine that does what it is told. The samples of a sentence
// are its number of characters, each the engine's mark.
type acted struct {
	mark int16
	caps tts.Capabilities
	do   func(sentence string) deed

	mu       sync.Mutex
	requests []tts.Request
	closed   int
}

func (e *acted) Name() string { return string(rune('a' + e.mark - 1)) }

func (e *acted) Capabilities() tts.Capabilities {
	c := e.caps
	if c.SampleRates == nil {
		c.SampleRates = []int{8000, 16000}
	}
	return c
}

func (e *acted) Close() error {
	e.closed++
	return nil
}

func (e *acted) asked() []tts.Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.requests)
}

var errActed = errors.New("as told")

// slowness is how long a slow engine takes.
const slowness = 10 * time.Second

func (e *acted) Synthesize(ctx context.Context, r tts.Request, emit tts.Emit) (tts.Result, error) {
	e.mu.Lock()
	e.requests = append(e.requests, r)
	e.mu.Unlock()
	d := speaks
	if e.do != nil {
		d = e.do(r.Text)
	}
	switch d {
	case fails:
		return tts.Result{}, errActed
	case isFull:
		return tts.Result{}, fmt.Errorf("x: %w", tts.ErrOverloaded)
	case cannot:
		return tts.Result{}, fmt.Errorf("x: %w", tts.ErrUnsupported)
	case isSlow:
		select {
		case <-time.After(slowness):
		case <-ctx.Done():
			return tts.Result{}, ctx.Err()
		}
	}
	pcm := slices.Repeat([]int16{e.mark}, len([]rune(r.Text)))
	half := len(pcm) / 2
	if err := emit(pcm[:half]); err != nil {
		return tts.Result{}, err
	}
	if d == breaksOff {
		return tts.Result{Samples: half}, errActed
	}
	if err := emit(pcm[half:]); err != nil {
		return tts.Result{Samples: half}, err
	}
	return tts.Result{Samples: len(pcm)}, nil
}

var chainConfig = tts.FallbackConfig{StartTimeout: 2 * time.Second, Cooldown: 10 * time.Second}

func chain(t testing.TB, reg prometheus.Registerer, engines ...tts.Engine) tts.Engine {
	t.Helper()
	var names []string
	for i := range engines {
		names = append(names, string(rune('a'+i)))
	}
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	return tts.NewFallback(chainConfig, reg, names, engines...)
}

func always(d deed) func(string) deed { return func(string) deed { return d } }

func TestFallbackConformance(t *testing.T) {
	tone := func(t *testing.T) tts.Engine {
		e, err := tts.NewEngine(named(tts.EngineTone))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for name, first := range map[string]func(t *testing.T) tts.Engine{
		"first speaks": tone, "first fails": func(*testing.T) tts.Engine { return &acted{mark: 1, do: always(fails)} },
		"first is full":    func(*testing.T) tts.Engine { return &acted{mark: 1, do: always(isFull)} },
		"first is limited": func(t *testing.T) tts.Engine { return tts.NewLimited("a", tone(t), 1, 0) },
		"first is away": func(t *testing.T) tts.Engine {
			return openaiEngine(t, openaitest.Start(t, openaitest.Config{Fault: func(int) openaitest.Fault { return 503 }}), nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			ttstest.Run(t, ttstest.Case{Engine: func(t *testing.T) tts.Engine { return chain(t, nil, first(t), tone(t)) }})
		})
	}
}

func TestLimitedConformance(t *testing.T) {
	ttstest.Run(t, ttstest.Case{Engine: func(t *testing.T) tts.Engine {
		e, err := tts.NewEngine(named(tts.EngineTone))
		if err != nil {
			t.Fatal(err)
		}
		return tts.NewLimited("tone", e, 1, patience)
	}})
}

const (
	one   = "您好。"
	two   = "请说订单号。"
	three = "谢谢！"
)

// speak gives the sound of a request as the engines' letters.
func speak(t testing.TB, e tts.Engine, r tts.Request) (string, tts.Result, error) {
	t.Helper()
	var b strings.Builder
	if r.SampleRate == 0 {
		r.SampleRate = 8000
	}
	res, err := e.Synthesize(t.Context(), r, func(pcm []int16) error {
		for _, s := range pcm {
			b.WriteByte(byte('a' + s - 1))
		}
		return nil
	})
	if res.Samples != b.Len() {
		t.Errorf("result says %d samples of %d", res.Samples, b.Len())
	}
	return b.String(), res, err
}

func TestFallbackDeeds(t *testing.T) {
	for d, tt := range map[deed]struct {
		sound      string // of two sentences of 3 and 6 characters
		reason     string
		substitute bool
		took       time.Duration
	}{
		speaks:    {"aaaaaaaaa", "", false, 0},
		fails:     {"bbbbbbbbb", "failed", true, 0},
		breaksOff: {"abbbbbbbbb", "lost", true, 0}, // the sentence is said again
		isFull:    {"bbbbbbbbb", "overloaded", true, 0},
		cannot:    {"bbbbbbbbb", "unsupported", false, 0},
		isSlow:    {"bbbbbbbbb", "slow", true, 2 * time.Second},
	} {
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reg := prometheus.NewRegistry()
				e := chain(t, reg, &acted{mark: 1, do: always(d)}, &acted{mark: 2})
				began := time.Now()
				sound, res, err := speak(t, e, tts.Request{Text: one + two})
				if sound != tt.sound || err != nil || res.Substitute != tt.substitute || time.Since(began) != tt.took {
					t.Errorf("%q, substitute %v, %v, after %s", sound, res.Substitute, err, time.Since(began))
				}
				if tt.reason != "" && labelled(t, reg, "tidegate_tts_engine_failovers_total", "a", tt.reason) < 1 {
					t.Errorf("no failover for %s", tt.reason)
				}
			})
		})
	}
}

func TestFallbackStaysWithinARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := &acted{mark: 1, do: func(s string) deed {
			if s == one {
				return fails
			}
			return speaks
		}}
		reg := prometheus.NewRegistry()
		e := chain(t, reg, first, &acted{mark: 2})
		if sound, _, err := speak(t, e, tts.Request{Text: one + two + three}); sound != "bbbbbbbbbbbb" || err != nil {
			t.Errorf("%q, %v", sound, err)
		}
		if sound, res, _ := speak(t, e, tts.Request{Text: two}); sound != "aaaaaa" || res.Substitute {
			t.Errorf("next request: %q, %+v", sound, res)
		}
		if a, b := labelled(t, reg, "tidegate_tts_engine_served_total", "a"), labelled(t, reg, "tidegate_tts_engine_served_total", "b"); a != 1 || b != 3 {
			t.Errorf("served %v and %v", a, b)
		}
	})
}

func TestFallbackWhenNoEngineIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := chain(t, nil, &acted{mark: 1, do: always(fails)}, &acted{mark: 2, do: always(isFull)})
		if _, _, err := speak(t, e, tts.Request{Text: one}); !errors.Is(err, errActed) || !errors.Is(err, tts.ErrOverloaded) {
			t.Errorf("error %v", err)
		}
	})
}

func TestFallbackRestsAndProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := true
		first := &acted{mark: 1, do: func(string) deed {
			if away {
				return fails
			}
			return speaks
		}}
		reg := prometheus.NewRegistry()
		e := chain(t, reg, first, &acted{mark: 2})
		say := func(want string) {
			t.Helper()
			if sound, _, err := speak(t, e, tts.Request{Text: one}); sound != want || err != nil {
				t.Errorf("%q, %v, want %q", sound, err, want)
			}
		}
		for range 5 {
			say("bbb")
		}
		if n := len(first.asked()); n != 2 || labelled(t, reg, "tidegate_tts_engine_resting", "a") != 1 {
			t.Errorf("asked %d times", n)
		}
		time.Sleep(11 * time.Second)
		say("bbb")
		say("bbb")
		if n := len(first.asked()); n != 3 {
			t.Errorf("asked %d times after the first cooldown", n)
		}
		away = false
		time.Sleep(11 * time.Second)
		say("aaa")
		if labelled(t, reg, "tidegate_tts_engine_resting", "a") != 0 {
			t.Error("still resting")
		}
	})
}

func TestFallbackVoicesAndRates(t *testing.T) {
	first := &acted{mark: 1, caps: tts.Capabilities{Languages: []string{"zh"}, Voices: []string{"xiaoyu"}, SampleRates: []int{16000}, Parallel: 3}, do: always(fails)}
	second := &acted{mark: 2, caps: tts.Capabilities{Languages: []string{"zh", "en"}, Voices: []string{"f2"}}}
	e := chain(t, nil, first, second)
	want := tts.Capabilities{Languages: []string{"zh", "en"}, Voices: []string{"xiaoyu", "f2"}, SampleRates: []int{16000, 8000}, Parallel: 3}
	if got := e.Capabilities(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if e.Name() != "a>b" || tts.Identity(e) != "a>b" {
		t.Errorf("name %q, identity %q", e.Name(), tts.Identity(e))
	}
	if sound, res, err := speak(t, e, tts.Request{Text: one, Voice: "xiaoyu", SampleRate: 16000}); sound != "bbb" || err != nil || !res.Substitute {
		t.Errorf("%q, %+v, %v", sound, res, err)
	}
	if v := second.asked()[0].Voice; v != "" {
		t.Errorf("second engine was asked for %q", v)
	}
	if sound, res, err := speak(t, e, tts.Request{Text: one}); sound != "bbb" || err != nil || res.Substitute { // 8 kHz: the second one's work
		t.Errorf("%q, %+v, %v", sound, res, err)
	}
	if _, _, err := speak(t, e, tts.Request{Text: one, Language: "fr"}); !errors.Is(err, tts.ErrUnsupported) {
		t.Errorf("French: %v", err)
	}
	if err := e.Close(); err != nil || first.closed != 1 || second.closed != 1 {
		t.Errorf("close: %v", err)
	}
}

func TestFallbackListenerLeaves(t *testing.T) {
	first, second := &acted{mark: 1}, &acted{mark: 2}
	e := chain(t, nil, first, second)
	gone := errors.New("gone")
	if _, err := e.Synthesize(t.Context(), tts.Request{Text: one + two, SampleRate: 8000}, func([]int16) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Synthesize(ctx, tts.Request{Text: one, SampleRate: 8000}, func([]int16) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if len(second.asked()) != 0 {
		t.Error("second engine was asked for a listener who left")
	}
}

// Whatever the engines do, each sentence is heard whole at its end, in order.
func TestFallbackLosesNothing(t *testing.T) {
	text := []string{one, two, three, "您的退货单已经提交。", "还有什么可以帮您？"}
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 4))
			plan := map[string]deed{}
			var engines []tts.Engine
			for i := range 3 {
				for _, s := range text {
					if r.IntN(2) == 0 {
						plan[fmt.Sprint(i, s)] = deed(r.IntN(int(deeds)))
					}
				}
				engines = append(engines, &acted{mark: int16(i + 1), do: func(s string) deed { return plan[fmt.Sprint(i, s)] }})
			}
			sound, _, err := speak(t, chain(t, nil, engines...), tts.Request{Text: strings.Join(text, "")})
			for _, s := range text {
				hopeless := true
				for i := range engines {
					hopeless = hopeless && plan[fmt.Sprint(i, s)] != speaks
				}
				if hopeless {
					if err == nil {
						t.Fatalf("seed %d: no error", seed)
					}
					return
				}
				n := len([]rune(s))
				sound = afterBroken(sound, n)
				if len(sound) < n || strings.Trim(sound[:n], sound[:1]) != "" {
					t.Fatalf("seed %d: %q is not heard whole in %q (%v)", seed, s, sound, err)
				}
				sound = sound[n:]
			}
			if sound != "" || err != nil {
				t.Fatalf("seed %d: %q left over, %v", seed, sound, err)
			}
		})
	}
}

// afterBroken leaves out halves of a sentence of n characters that broke off:
// those that another engine's sound follows too early.
func afterBroken(sound string, n int) string {
	for range 3 {
		half := n / 2
		if len(sound) > half && (len(sound) < n || strings.Trim(sound[:n], sound[:1]) != "") {
			sound = sound[half:]
		}
	}
	return sound
}

func TestChainConfig(t *testing.T) {
	s := openaitest.Start(t, openaitest.Config{Fault: func(int) openaitest.Fault { return 500 }})
	cfg := openaiConfig(s)
	cfg.Fallback.Engines, cfg.Limit.Engines = []string{tts.EngineTone}, []string{"openai=2"}
	cfg.Fallback.StartTimeout = patience
	e, err := tts.NewEngine(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	pcm, err := tts.Speak(t.Context(), e, tts.Request{Text: ttstest.Text, SampleRate: 8000})
	if err != nil || e.Name() != "openai>tone" {
		t.Errorf("%s: %v", e.Name(), err)
	}
	ttstest.Speech(t, pcm, 8000, 15)

	cfg.Fallback = tts.FallbackConfig{Engines: []string{"openai", "festival", tts.EngineTone}}
	cfg.Limit.Engines = []string{"sherpa=1"}
	err = cfg.Validate()
	for _, part := range []string{"fallback.engines: openai is named twice", `fallback.engines: "festival" is unknown`, "fallback.start_timeout", "fallback.cooldown", "limit.engines"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("nothing said of %s in %v", part, err)
		}
	}
}

// What a substitute has said is not kept: the caller hears the first
// engine's voice as soon as it is back.
func TestSubstituteIsNotCached(t *testing.T) {
	away := true
	first := &acted{mark: 1, do: func(string) deed {
		if away {
			return fails
		}
		return speaks
	}}
	w := run(t, chain(t, nil, first, &acted{mark: 2}), nil)
	c := w.open(t)
	for i, want := range []struct {
		mark   int16
		cached bool
	}{{2, false}, {1, false}, {1, true}} {
		if i == 1 {
			away = false
		}
		id := fmt.Sprint(i)
		ask(c, id, one)
		if pcm, m := heard(t, c, id); len(pcm) != 3 || pcm[0] != want.mark || m.Cached != want.cached {
			t.Errorf("request %d: %v, %+v", i, pcm, m)
		}
	}
}
