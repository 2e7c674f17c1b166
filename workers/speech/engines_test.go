package speech

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

var errBroken = errors.New("broken")

// try makes a try with the given outcome, if one may be made.
func try(b *Breaker, err error) bool {
	done, ok := b.Try()
	if ok {
		done(err)
	}
	return ok
}

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes []bool
		b := NewBreaker(2, 5*time.Second, func(open bool) { changes = append(changes, open) })
		steps := []struct {
			after   time.Duration
			outcome error
			allowed bool
			open    bool // afterwards
		}{
			{0, errBroken, true, false},
			{0, nil, true, false}, // a success in between forgets
			{0, errBroken, true, false},
			{0, fmt.Errorf("x: %w", ErrOverloaded), true, false}, // says nothing
			{0, fmt.Errorf("x: %w", ErrUnsupported), true, false},
			{0, context.Canceled, true, false},
			{0, ErrNoVerdict, true, false},
			{0, errBroken, true, true},
			{4 * time.Second, nil, false, true},
			{2 * time.Second, errBroken, true, true}, // the probe
			{4 * time.Second, nil, false, true},
			{2 * time.Second, ErrNoVerdict, true, false}, // began well; what comes of it is open
			{0, nil, true, false},
			{0, errBroken, true, false}, // closed again: one failure is none
		}
		for i, s := range steps {
			time.Sleep(s.after)
			if ok := try(b, s.outcome); ok != s.allowed || b.Open() != s.open {
				t.Fatalf("step %d: allowed %v, open %v", i, ok, b.Open())
			}
		}
		if fmt.Sprint(changes) != "[true true false]" {
			t.Errorf("changes %v", changes)
		}
	})
}

func TestBreakerProbesOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(1, time.Second, nil)
		b.Report(errBroken)
		time.Sleep(2 * time.Second)
		done, ok := b.Try()
		if !ok {
			t.Fatal("no probe")
		}
		if _, ok := b.Try(); ok {
			t.Error("two probes at once")
		}
		done(nil)
		if !try(b, nil) {
			t.Error("still open after a probe that went well")
		}
	})
}

func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		m := NewEngineMetrics(reg, ASR, []string{"a"})
		l := NewLimiter("a", 2, time.Second, m)
		first, err := l.Enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := l.Enter(t.Context()); !errors.Is(err, ErrOverloaded) || time.Since(began) != time.Second {
			t.Errorf("third: %v after %s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := l.Enter(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("caller left: %v", err)
		}
		time.AfterFunc(500*time.Millisecond, func() { first(); first() })
		began = time.Now()
		if _, err := l.Enter(t.Context()); err != nil || time.Since(began) != 500*time.Millisecond {
			t.Errorf("after one left: %v after %s", err, time.Since(began))
		}
		if _, err := l.Enter(t.Context()); err == nil {
			t.Error("leaving twice gave room twice")
		}
		want := `
# HELP tidegate_asr_engine_in_use Room taken of an engine with a limit.
# TYPE tidegate_asr_engine_in_use gauge
tidegate_asr_engine_in_use{engine="a"} 2
# HELP tidegate_asr_engine_limit Room that an engine with a limit has.
# TYPE tidegate_asr_engine_limit gauge
tidegate_asr_engine_limit{engine="a"} 2
# HELP tidegate_asr_engine_refusals_total Times that an engine with a limit was full.
# TYPE tidegate_asr_engine_refusals_total counter
tidegate_asr_engine_refusals_total{engine="a"} 2
`
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want),
			"tidegate_asr_engine_in_use", "tidegate_asr_engine_limit", "tidegate_asr_engine_refusals_total"); err != nil {
			t.Error(err)
		}
	})
}

func TestLimitConfig(t *testing.T) {
	c := LimitConfig{Engines: []string{"funasr=50", " sherpa = 4 "}}
	if err := c.Validate([]string{"funasr", "sherpa"}); err != nil {
		t.Error(err)
	}
	if l, _ := c.Limits(); l["funasr"] != 50 || l["sherpa"] != 4 {
		t.Errorf("limits %v", l)
	}
	bad := LimitConfig{Engines: []string{"funasr", "=3", "a=0", "b=x", "sherpa=1", "sherpa=2", "other=3"}, Wait: time.Hour}
	err := bad.Validate([]string{"funasr", "sherpa"})
	for _, part := range []string{`"funasr" is not`, `"=3"`, `"a=0"`, `"b=x"`, "sherpa is named twice", `"other" is not among`, "limit.wait"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("nothing said of %s in %v", part, err)
		}
	}
}

func TestCheckChain(t *testing.T) {
	known := []string{"a", "b", "c"}
	if err := errors.Join(CheckChain("k", "a", []string{"b", "c"}, known), CheckFallback(time.Second, time.Second)); err != nil {
		t.Error(err)
	}
	err := errors.Join(CheckChain("fallback.engines", "a", []string{"b", "a", "b", "x"}, known), CheckFallback(0, 0))
	for _, part := range []string{"a is named twice", "b is named twice", `"x" is unknown`, "start_timeout", "cooldown"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("nothing said of %s in %v", part, err)
		}
	}
}

func TestReason(t *testing.T) {
	for want, err := range map[Failover]error{
		FailoverUnsupported: fmt.Errorf("x: %w", ErrUnsupported), FailoverOverloaded: ErrOverloaded,
		FailoverSlow: fmt.Errorf("x: %w", ErrSlow), FailoverFailed: errBroken,
	} {
		if got := Reason(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}
