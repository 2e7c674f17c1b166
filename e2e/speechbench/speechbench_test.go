package main

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/e2e/interruption"
	"github.com/tidegate/tidegate/e2e/noise"
	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/workers/asr"
)

func TestTable(t *testing.T) {
	var out bytes.Buffer
	r := &report{out: &out, progress: &bytes.Buffer{}}
	full := table{title: "One", head: []string{"a", "b"}}
	full.row("1", "2")
	full.note("no %d", 3)
	r.table(full)
	empty := table{title: "Two", head: []string{"a"}}
	empty.note("why")
	r.table(empty)
	want := "\n### One\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n- no 3\n\n### Two\n\n- why\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestSpread(t *testing.T) {
	ms := func(all ...int) (s spread) {
		for _, n := range all {
			s = append(s, time.Duration(n)*time.Millisecond)
		}
		return s
	}
	for _, tc := range []struct {
		s        spread
		p50, p95 string
	}{
		{nil, "–", "–"}, {ms(3), "3.0 ms", "3.0 ms"}, {ms(40, 10, 30, 20), "20 ms", "40 ms"}, {spread{1500 * time.Microsecond, 2 * time.Second}, "1.5 ms", "2000 ms"},
	} {
		if got := tc.s.cell(50) + " " + tc.s.cell(95); got != tc.p50+" "+tc.p95 {
			t.Errorf("%v: %s", tc.s, got)
		}
	}
}

func TestLate(t *testing.T) {
	at := func(ms int, text string) partial { return partial{text, time.Duration(ms) * time.Millisecond} }
	alone := []partial{at(100, "我"), at(200, "我要"), at(300, "我要退")}
	for name, tc := range map[string]struct {
		run  []partial
		want spread
	}{
		"in time":     {alone, spread{0, 0, 0}},
		"later":       {[]partial{at(150, "我"), at(220, "我要"), at(700, "我要退")}, spread{50e6, 20e6, 400e6}},
		"passed over": {[]partial{at(100, "我"), at(500, "我要退")}, spread{0, 300e6, 200e6}},
		"never":       {[]partial{at(100, "我")}, spread{0, stepSound, stepSound}},
		"earlier":     {[]partial{at(90, "我"), at(190, "我要"), at(290, "我要退")}, spread{0, 0, 0}},
	} {
		if got := late(alone, tc.run); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func TestDigitsOfNumbers(t *testing.T) {
	for text, want := range map[string]string{"尾号是三三七八": "三三七八", "订单1234号": "1234", "等一下": "一", "": ""} {
		if got := digits(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
		if number.MatchString(text) != (len([]rune(want)) > 2) {
			t.Errorf("%q is taken for a number, or not for one", text)
		}
	}
}

// TestMeasure lets an engine that understands nothing recognise sentences.
func TestMeasure(t *testing.T) {
	cfg := asr.Defaults()
	cfg.Engine, cfg.Scripted.Delay = asr.EngineScripted, 0
	e, err := asr.NewEngine(cfg, asr.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	tone := audio.Tone(400, 500*time.Millisecond, noise.Rate, 0.3)
	sets := []sentenceSet{
		{name: "one", noisy: 1, sentences: []sentence{{"尾号三三七八", tone}, {"我要退货", tone}}},
		{name: "two", sentences: []sentence{{"是的", tone}}},
	}
	cs := conditions()
	a, err := measure(t.Context(), e, sets, cs)
	if err != nil {
		t.Fatal(err)
	}
	one, two := a.scores["one"], a.scores["two"]
	if one[0].all.Characters != 10 || one[0].all.Rate() != 1 || one[0].digits.Characters != 4 || one[1].all.Texts != 1 || two[6].all.Texts != 1 || a.left != 0 {
		t.Errorf("scores %+v %+v, left %d", one, two, a.left)
	}
	if want := time.Duration(2+6+7) * 1100 * time.Millisecond; a.sound != want || a.busy <= 0 {
		t.Errorf("%s of sound in %s, want %s", a.sound, a.busy, want)
	}
	right := accuracyTable("x", cs)
	a.rows(&right, "nothing", sets, cs)
	if len(right.rows) != 2 || right.rows[0][1] != "one (2)" || right.rows[0][2] != "100.0 %" || right.rows[1][len(right.head)-1] != "–" {
		t.Errorf("rows %q", right.rows)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if a, err := measure(over, e, sets, cs); err != nil || a.left != 2+6+7 {
		t.Errorf("without time %d are left: %v", a.left, err)
	}
}

func TestInterruptionCounts(t *testing.T) {
	c := interruptionCounts{played: map[interruption.Kind]int{}, cut: map[interruption.Kind]int{}}
	for _, o := range []interruption.Outcome{
		{Sound: interruption.Sound{Kind: interruption.Cough}}, {Sound: interruption.Sound{Kind: interruption.Cough}, Cut: true, Stopped: time.Second},
		{Sound: interruption.Sound{Kind: interruption.TalkOver}, Cut: true, Stopped: 300 * time.Millisecond}, {Sound: interruption.Sound{Kind: interruption.TalkOver}},
	} {
		c.add(o)
	}
	tab := interruptionTable()
	c.row(&tab, "ears")
	got := strings.Join(tab.rows[0], "|")
	if want := "ears|1 of 2|0 of 0|0 of 0|1 of 2|0 of 0|300 ms|300 ms"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
