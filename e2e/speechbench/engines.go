package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechdata"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/tts"
)

const noCgo = "This build is without cgo: nothing here recognises speech."

// sets are the sentences that there are to be recognised.
func (b *bench) sets(ctx context.Context, t *table) ([]sentenceSet, error) {
	var out []sentenceSet
	if dir, ok := speechdata.Find(); ok {
		for _, s := range []struct{ name, folder string }{{"people, general", "recordings"}, {"people, returns", "returns-human"}} {
			set, err := recorded(s.name, filepath.Join(dir, s.folder))
			if err != nil {
				t.note("%s: %v.", s.name, err)
				continue
			}
			out = append(out, set)
		}
	} else {
		t.note("People: no recordings; %s names no folder with them.", speechdata.Env)
	}
	voice, err := tts.NewEngine(tts.Config{Engine: tts.EngineEspeak, Espeak: tts.Defaults().Espeak})
	if err != nil {
		t.note("espeak-ng: %v.", err)
		return out, nil
	}
	defer func() { _ = voice.Close() }()
	set, err := spoken(ctx, "espeak-ng, returns", evaluation(), voice, heldOut)
	return append(out, set), err
}

// recognition measures what is recognised, and what it costs.
func (b *bench) recognition(ctx context.Context) error {
	cs := conditions()
	right := accuracyTable("Character error rate", cs)
	better := table{title: "Character error rate with and without denoising", head: []string{"recogniser", "sentences", "denoising"}}
	cost := table{title: "What recognition costs", head: []string{"recogniser", "time for a second of sound", "with denoising", "loaded in"}}
	for _, c := range cs[1:] {
		better.head = append(better.head, c.String())
	}
	engines, err := b.recognisers()
	if err != nil {
		return err
	}
	if len(engines) == 0 {
		right.note(noCgo)
		b.table(right)
		return nil
	}
	sets, err := b.sets(ctx, &right)
	if err != nil {
		return err
	}
	model, denoises, err := b.denoiser()
	if err != nil {
		return err
	}
	if !denoises {
		better.note("No model for it is installed in %s, and %s names no folder with one.", b.models.Dir, speechdata.Env)
	}
	for _, e := range engines {
		if err := b.recogniser(ctx, e, sets, cs, model, &right, &better, &cost); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
	}
	right.note("8 kHz, A-law; noise at the ratio to the speech's level, from %d Hz to %d Hz.", 250, 3400)
	b.table(right)
	b.table(better)
	b.table(cost)
	return nil
}

// Times that one recogniser may take, and how many sentences of a set it gets
// with denoising.
const (
	plainTime   = 45 * time.Second
	denoiseTime = 80 * time.Second

	denoiseSentences = 16
)

func (b *bench) recogniser(ctx context.Context, e named[asr.Config], sets []sentenceSet, cs []condition, denoiser string, right, better, cost *table) error {
	began := time.Now()
	engine, err := asr.NewEngine(e.cfg, asr.Deps{})
	if err != nil {
		return err
	}
	loaded := time.Since(began)
	plain, err := b.timed(ctx, engine, sets, cs, plainTime)
	if err := firstError(err, engine.Close()); err != nil {
		return err
	}
	plain.rows(right, e.name, sets, cs)
	withDenoising := "–"
	if denoiser != "" {
		cleaned, err := b.denoised(ctx, e, sets, cs[1:], denoiser, better)
		if err != nil {
			return err
		}
		withDenoising = fmt.Sprintf("%.0f ms", 1000*cleaned.realTime())
	}
	cost.row(e.name, fmt.Sprintf("%.0f ms", 1000*plain.realTime()), withDenoising, fmt.Sprintf("%d ms", loaded.Milliseconds()))
	return nil
}

// denoised compares recognition with and without denoising on the same
// sentences: a few, as denoising takes much longer, of those whom the
// recogniser is made for.
func (b *bench) denoised(ctx context.Context, e named[asr.Config], sets []sentenceSet, cs []condition, denoiser string, t *table) (accuracy, error) {
	var result accuracy
	for _, mode := range []string{asr.DenoiseOff, asr.DenoiseAlways} {
		cfg := e.cfg
		cfg.Denoise.Mode, cfg.Denoise.Model = mode, denoiser
		engine, err := asr.NewEngine(cfg, asr.Deps{})
		if err != nil {
			return result, err
		}
		var few []sentenceSet
		for _, s := range sets {
			if s.synthetic == engine.Capabilities().Synthetic {
				s.sentences = s.sentences[:min(denoiseSentences, len(s.sentences))]
				few = append(few, s)
			}
		}
		result, err = b.timed(ctx, engine, few, cs, denoiseTime)
		if err := firstError(err, engine.Close()); err != nil {
			return result, err
		}
		for _, s := range few {
			result.denoiseRow(t, e.name, s, mode, cs)
		}
	}
	return result, nil
}

func (b *bench) timed(ctx context.Context, e asr.Engine, sets []sentenceSet, cs []condition, d time.Duration) (accuracy, error) {
	limited, cancel := budget(ctx, d)
	defer cancel()
	a, err := measure(limited, e, sets, cs)
	b.now("%.0f s of sound in %.0f s", a.sound.Seconds(), a.busy.Seconds())
	return a, err
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// streams measures how many calls a recogniser carries.
func (b *bench) streams(ctx context.Context) error {
	t := table{title: "Streams in real time with partial texts less than 300 ms late (p95)", head: []string{"recogniser", "streams a core", "late, p50", "p95"}}
	engines, err := b.recognisers()
	if err != nil {
		return err
	}
	if !sherpa.Available {
		t.note(noCgo)
	}
	var sound []int16
	if len(engines) > 0 {
		if sound, err = b.speech(ctx, &t); err != nil || sound == nil {
			engines = nil
		}
	}
	for _, e := range engines {
		engine, err := asr.NewEngine(e.cfg, asr.Deps{})
		if err != nil {
			return err
		}
		if !engine.Capabilities().Partials {
			t.note("%s gives no partial texts.", e.name)
		} else if n, lags, err := ramp(ctx, engine, sound, b.now); n == 0 {
			t.note("%s: %v.", e.name, err)
		} else {
			t.row(e.name, streamsCell(n), lags.cell(50), lags.cell(95))
			if err != nil {
				t.note("%s: there was no time to try whether it carries more (%v).", e.name, err)
			}
		}
		if err := engine.Close(); err != nil {
			return err
		}
	}
	t.note("Late is a partial text against one stream alone, whose texts come as soon as the model has them. Every stream speaks all the time; in a call the caller speaks for a third of it.")
	b.table(t)
	return err
}

// speech is a few sentences without pauses, as long as a step of ramp.
func (b *bench) speech(ctx context.Context, t *table) ([]int16, error) {
	sets, err := b.sets(ctx, t)
	if err != nil {
		return nil, err
	}
	var sound []int16
	for _, s := range sets {
		for _, sentence := range s.sentences {
			if s.name == sets[len(sets)-1].name { // the spoken ones, which every recogniser understands best
				sound = append(sound, sentence.pcm...)
			}
		}
	}
	if need := int(stepSound.Seconds() * 8000); len(sound) >= need {
		return sound[:need], nil
	}
	t.note("There is not enough speech to be recognised.")
	return nil, nil
}

// synthesis measures the time to the first sound.
func (b *bench) synthesis(ctx context.Context) error {
	t := table{title: "Time from a request to its first sound", head: []string{"synthesiser", "made anew, p50", "p95", "from the cache, p50", "p95"}}
	engines, err := b.synthesisers(&t)
	if err != nil {
		return err
	}
	nats, err := bus.StartEmbedded(bus.EmbeddedConfig{Listen: "127.0.0.1:0", StoreDir: filepath.Join(b.dir, "nats")})
	if err != nil {
		return err
	}
	defer nats.Stop()
	cfg := bus.Defaults()
	cfg.URL = nats.URL()
	link, err := bus.Connect(ctx, cfg, bus.Deps{Source: "/tidegate/speechbench"})
	if err != nil {
		return err
	}
	defer func() { _ = link.Drain(context.WithoutCancel(ctx)) }()
	for _, e := range engines {
		made, kept, err := firstSounds(ctx, link, e.cfg)
		if err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		t.row(e.name, made.cell(50), made.cell(95), kept.cell(50), kept.cell(95))
	}
	t.note("%d sentences, one after the other, over the worker's websocket.", len(prompts))
	b.table(t)
	return nil
}
