package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/tidegate/tidegate/e2e/noise"
	"github.com/tidegate/tidegate/e2e/speech"
	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/zhtext"
	"github.com/tidegate/tidegate/workers/asr"
)

// condition is what a telephone adds to a sentence.
type condition struct {
	kind noise.Kind // empty: nothing
	snr  float64    // dB
}

func (c condition) String() string {
	if c.kind == "" {
		return "clean"
	}
	return fmt.Sprintf("%s %g dB", c.kind, c.snr)
}

// conditions, the clean one first.
func conditions() []condition {
	out := []condition{{}}
	for _, snr := range []float64{10, 5} {
		for _, k := range noise.Kinds {
			out = append(out, condition{k, snr})
		}
	}
	return out
}

// edge is the silence, or noise, before and after a sentence that a voice
// activity detector leaves.
const edge = 300 * time.Millisecond

// heard is a sentence as a telephone brings it under a condition. The seed
// makes the noise another one for each sentence.
func (c condition) heard(pcm []int16, seed uint64) ([]int16, error) {
	quiet := audio.Silence(edge, noise.Rate)
	pcm = append(append(append([]int16{}, quiet...), pcm...), quiet...)
	if c.kind != "" {
		x, err := noise.Make(c.kind, audio.Duration(len(pcm), noise.Rate), seed)
		if err != nil {
			return nil, err
		}
		pcm = noise.Mix(pcm, x, c.snr)
	}
	return noise.Telephone(pcm), nil
}

// score is what a recogniser made of the sentences of one set under one
// condition.
type score struct {
	all, digits zhtext.Errors
}

// accuracy is an engine's work on all sets.
type accuracy struct {
	scores map[string][]score // set -> by condition
	sound  time.Duration
	busy   time.Duration // that the engine took for it, one sentence at a time
	left   int           // sentences for which there was no time
}

// realTime is the real-time factor: the time that a second of sound takes.
func (a accuracy) realTime() float64 { return a.busy.Seconds() / max(a.sound.Seconds(), 1e-9) }

// measure lets an engine recognise sentences under conditions until ctx ends.
// Sets take turns, so that what is left out is left out of each.
func measure(ctx context.Context, e asr.Engine, sets []sentenceSet, cs []condition) (accuracy, error) {
	a := accuracy{scores: map[string][]score{}}
	longest := 0
	for _, s := range sets {
		a.scores[s.name] = make([]score, len(cs))
		longest = max(longest, len(s.sentences))
	}
	for i := range longest {
		for _, s := range sets {
			if i >= len(s.sentences) {
				continue
			}
			for j, c := range cs {
				if i >= s.under(c) {
					continue
				}
				if ctx.Err() != nil {
					a.left++
					continue
				}
				if err := a.add(ctx, e, s, i, j, c); err != nil {
					return a, fmt.Errorf("%s under %s: %w", s.name, c, err)
				}
			}
		}
	}
	return a, nil
}

func (a *accuracy) add(ctx context.Context, e asr.Engine, s sentenceSet, i, j int, c condition) error {
	sentence := s.sentences[i]
	pcm, err := c.heard(sentence.pcm, uint64(1000*j+i))
	if err != nil {
		return err
	}
	began := time.Now()
	text, err := speech.Transcribe(ctx, e, pcm, noise.Rate)
	switch {
	case ctx.Err() != nil:
		a.left++
		return nil
	case err != nil:
		return err
	}
	a.busy += time.Since(began)
	a.sound += audio.Duration(len(pcm), noise.Rate)
	sc := &a.scores[s.name][j]
	sc.all.Add(sentence.text, text)
	if number.MatchString(sentence.text) {
		sc.digits.Add(digits(sentence.text), digits(text))
	}
	return nil
}

// number is what has three digits or more in a row, as orders and telephones
// do.
var number = regexp.MustCompile(`[零〇一二三四五六七八九幺0-9]{3}`)

// digits are those of a text alone, as they are spoken.
func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("零〇一二三四五六七八九幺0123456789", r) {
			return r
		}
		return -1
	}, text)
}

// accuracyTable has a row for each engine and set.
func accuracyTable(title string, cs []condition) table {
	t := table{title: title, head: []string{"recogniser", "sentences"}}
	for _, c := range cs {
		t.head = append(t.head, c.String())
	}
	t.head = append(t.head, "digits of numbers, clean")
	return t
}

func (a accuracy) rows(t *table, engine string, sets []sentenceSet, cs []condition) {
	percent := func(e zhtext.Errors) string {
		if e.Characters == 0 {
			return "–"
		}
		return fmt.Sprintf("%.1f %%", 100*e.Rate())
	}
	for _, s := range sets {
		cells := []string{engine, fmt.Sprintf("%s (%d)", s.name, a.scores[s.name][0].all.Texts)}
		for j := range cs {
			cells = append(cells, percent(a.scores[s.name][j].all))
		}
		t.row(append(cells, percent(a.scores[s.name][0].digits))...)
	}
	if a.left > 0 {
		t.note("%s: there was no time for %d more sentences.", engine, a.left)
	}
}

// denoiseRow has the noisy conditions of one set.
func (a accuracy) denoiseRow(t *table, engine string, s sentenceSet, denoising string, cs []condition) {
	cells := []string{engine, fmt.Sprintf("%s (%d)", s.name, a.scores[s.name][0].all.Texts), denoising}
	for j, c := range cs {
		if c.kind == "" {
			continue
		}
		e := a.scores[s.name][j].all
		if e.Characters == 0 {
			cells = append(cells, "–")
			continue
		}
		cells = append(cells, fmt.Sprintf("%.1f %%", 100*e.Rate()))
	}
	t.row(cells...)
	if a.left > 0 {
		t.note("%s, denoising %s: there was no time for %d more sentences.", engine, denoising, a.left)
	}
}
