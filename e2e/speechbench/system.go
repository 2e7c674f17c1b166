package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/interruption"
	"github.com/tidegate/tidegate/e2e/standalone"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechdata"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/tts"
)

// speaking is what callers speak and hear with.
type speaking struct {
	voice tts.Engine
	ears  asr.Engine
}

// speaks gives a voice and ears, or the reason why there are none here.
func speaks() (speaking, string, error) {
	if !sherpa.Available {
		return speaking{}, noCgo, nil
	}
	voice, err := tts.NewEngine(tts.Config{Engine: tts.EngineEspeak, Espeak: tts.Defaults().Espeak})
	if err != nil {
		return speaking{}, fmt.Sprintf("Nobody speaks: %v.", err), nil
	}
	cfg := asr.Defaults()
	cfg.Engine, cfg.Denoise.Mode, cfg.Sherpa.Method = asr.EngineSherpa, asr.DenoiseOff, "greedy_search"
	ears, err := asr.NewEngine(cfg, asr.Deps{})
	return speaking{voice, ears}, "", err
}

func (s speaking) close() {
	_ = s.voice.Close()
	_ = s.ears.Close()
}

// program builds tidegate, once.
func (b *bench) program(ctx context.Context) (string, error) {
	if b.path == "" {
		b.now("building tidegate")
		path, err := standalone.Build(ctx, b.dir)
		if err != nil {
			return "", err
		}
		b.path = path
	}
	return b.path, nil
}

// start runs tidegate with its built-in recogniser and espeak-ng.
func (b *bench) start(ctx context.Context, flags ...string) (*standalone.Process, error) {
	path, err := b.program(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.dir, "data-")
	if err != nil {
		return nil, err
	}
	return standalone.Start(ctx, standalone.Options{
		Path: path, Dir: dir, Flags: append([]string{"--asr.engine=sherpa", "--tts.engine=espeak"}, flags...),
	})
}

// calls measures whole calls at the callers' RTP.
func (b *bench) calls(ctx context.Context) error {
	t := table{title: "What callers wait for, at their RTP", head: []string{"what", "p50", "p95", "of"}}
	s, why, err := speaks()
	if err != nil {
		return err
	}
	if why != "" {
		t.note("%s", why)
		b.table(t)
		return nil
	}
	defer s.close()
	up, err := b.start(ctx, "--orchestrator.rate=1.25")
	if err != nil {
		return err
	}
	defer up.Kill()
	times, err := converse(ctx, up, caller.Options{Target: "sip:" + up.SIP, APIURL: "http://" + up.API, Engine: s.voice, Ears: s.ears}, heldOut)
	if err != nil {
		return err
	}
	t.row("INVITE → first sound", times.first.cell(50), times.first.cell(95), fmt.Sprintf("%d calls", len(times.first)))
	t.row("end of the caller's speech → first sound of the answer", times.answers.cell(50), times.answers.cell(95), fmt.Sprintf("%d turns", len(times.answers)))
	if times.left > 0 {
		t.note("There was no time for %d of the calls.", times.left)
	}
	t.note("%d of %d calls ended with the right ticket. The silence that ends a turn (240 ms to 1.4 s, by what was asked and said) is in the answer's time.", times.right, times.calls)
	b.table(t)
	return nil
}

// interruptions plays labelled sounds into a long prompt, under each way to
// detect an interruption.
func (b *bench) interruptions(ctx context.Context) error {
	t := interruptionTable()
	s, why, err := speaks()
	if err != nil {
		return err
	}
	if why != "" {
		t.note("%s", why)
		b.table(t)
		return nil
	}
	defer s.close()
	sounds, err := b.sounds(ctx, s, &t)
	if err != nil {
		return err
	}
	for _, way := range b.ways(&t) {
		if err := b.interruption(ctx, way, s, sounds, &t); err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
	}
	t.note("Stopped: from the first packet of who talks over the agent to the agent's last sound.")
	b.table(t)
	return nil
}

// way is one way to detect an interruption.
type way struct {
	name  string
	flags []string
}

// ways are by two detectors, each with a recogniser that gives partial texts
// and with one that gives none.
func (b *bench) ways(t *table) []way {
	detectors := []way{{"energy", []string{"--mediabridge.vad.engine=energy"}}}
	if file, ok := b.silero(); ok {
		detectors = append(detectors, way{"Silero", []string{"--mediabridge.vad.engine=silero", "--mediabridge.vad.model=" + file}})
	} else {
		t.note("Silero: no model is installed in %s, and %s names no folder with one.", b.models.Dir, speechdata.Env)
	}
	var out []way
	for _, d := range detectors {
		out = append(out, way{d.name + ", partial texts", d.flags})
	}
	for _, d := range detectors {
		out = append(out, way{d.name + ", no partial texts", append([]string{"--asr.engine=scripted", "--asr.scripted.partial_every=0"}, d.flags...)})
	}
	return out
}

func (b *bench) sounds(ctx context.Context, s speaking, t *table) ([]interruption.Sound, error) {
	var people []interruption.Sound
	if dir, ok := speechdata.Find(); ok {
		set, err := recorded("people", filepath.Join(dir, "returns-human"))
		if err != nil {
			return nil, err
		}
		for i, p := range set.sentences[:min(6, len(set.sentences))] {
			people = append(people, interruption.Sound{Name: fmt.Sprintf("person %d", i+1), Kind: interruption.People, Words: p.text, PCM: p.pcm})
		}
		t.note("The built-in recogniser does not understand people, so that their words are none for it.")
	}
	return interruption.Sounds(ctx, interruption.Voice{Engine: s.voice, Names: heldOut}, people)
}

// silero is the model's file: the installed one, or that of the speech data.
func (b *bench) silero() (string, bool) {
	for _, path := range []string{filepath.Join(b.models.Dir, "silero_vad", "silero_vad.onnx"), dataFile("vad", "silero_vad.onnx")} {
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	return "", false
}

func dataFile(elem ...string) string {
	dir, _ := speechdata.Find()
	return filepath.Join(append([]string{dir}, elem...)...)
}

func (b *bench) interruption(ctx context.Context, w way, s speaking, sounds []interruption.Sound, t *table) error {
	b.now("%s", w.name)
	flow, err := os.MkdirTemp(b.dir, "flow-")
	if err != nil {
		return err
	}
	if err := interruption.WriteFlow(flow); err != nil {
		return err
	}
	up, err := b.start(ctx, append(w.flags, "--orchestrator.flow_dir="+flow)...)
	if err != nil {
		return err
	}
	defer up.Kill()
	cfg := bus.Defaults()
	cfg.URL = up.NATS
	link, err := bus.Connect(ctx, cfg, bus.Deps{Source: "/tidegate/speechbench"})
	if err != nil {
		return err
	}
	defer func() { _ = link.Drain(context.WithoutCancel(ctx)) }()
	watch, err := interruption.NewWatch(link)
	if err != nil {
		return err
	}
	defer func() { _ = watch.Close() }()
	c, wrong, err := interrupt(ctx, interruption.Options{
		Caller: caller.Options{Target: "sip:" + up.SIP, APIURL: "http://" + up.API, Engine: s.voice}, Watch: watch, Dir: flow,
	}, sounds)
	if err != nil {
		return err
	}
	for _, name := range wrong {
		b.now("  wrong: %s", name)
	}
	c.row(t, w.name)
	return nil
}
