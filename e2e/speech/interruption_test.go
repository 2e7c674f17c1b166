package speech

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/interruption"
	"github.com/tidegate/tidegate/e2e/noise"
	"github.com/tidegate/tidegate/e2e/standalone"
	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/workers/tts"
)

// announce starts a program whose agent begins with a long announcement.
func announce(t *testing.T, flags ...string) (*standalone.Process, interruption.Options) {
	t.Helper()
	flow := t.TempDir()
	if err := interruption.WriteFlow(flow); err != nil {
		t.Fatal(err)
	}
	p := start(t, append(flags, "--orchestrator.flow_dir="+flow, "--mediabridge.vad.engine=energy")...)
	cfg := bus.Defaults()
	cfg.URL = p.NATS
	b, err := bus.Connect(t.Context(), cfg, bus.Deps{Source: "/tidegate/test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Drain(context.Background()) })
	w, err := interruption.NewWatch(b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return p, interruption.Options{
		Caller: caller.Options{Target: "sip:" + p.SIP, APIURL: "http://" + p.API, Engine: voice(t)},
		Watch:  w, Dir: t.TempDir(), From: "13900139000",
	}
}

const human = "我要转人工"

// say is a sound of a voice.
func say(t *testing.T, kind interruption.Kind, name, text string) interruption.Sound {
	t.Helper()
	pcm, err := tts.Speak(t.Context(), voice(t), tts.Request{Text: text, Language: "zh-CN", Voice: name, SampleRate: noise.Rate})
	if err != nil {
		t.Fatal(err)
	}
	return interruption.Sound{Name: name + " says " + text, Kind: kind, Words: text, PCM: pcm}
}

// TestOnlyWordsInterrupt: coughs, a street and the words of one who listens
// leave the agent talking; who has something to say stops it.
func TestOnlyWordsInterrupt(t *testing.T) {
	t.Parallel()
	_, o := announce(t)
	street, err := noise.Make(noise.Street, 3*time.Second, 1)
	if err != nil {
		t.Fatal(err)
	}
	sounds := []interruption.Sound{
		{Name: "a cough", Kind: interruption.Cough, PCM: noise.Sound(noise.Cough(1), -22)},
		{Name: "coughs", Kind: interruption.Cough, PCM: noise.Sound(noise.Cough(2), -22)},
		{Name: "a street", Kind: interruption.Background, PCM: noise.Sound(street, -38)},
		say(t, interruption.Backchannel, "m6", "嗯"),
		say(t, interruption.Backchannel, "klatt3", "好的"),
		say(t, interruption.TalkOver, "m6", human),
		say(t, interruption.TalkOver, "f4", "我要退货"),
	}
	var calls sync.WaitGroup
	for i, s := range sounds {
		o := o
		o.To = fmt.Sprintf("40%02d", i)
		if s.Words == human {
			o.Stay = 12 * time.Second // the way to people is announced first
		}
		calls.Go(func() {
			out, err := interruption.Play(t.Context(), o, s)
			switch {
			case err != nil:
				t.Error(err)
			case out.Cut != s.Interrupts():
				t.Errorf("%s: interrupted %t; record %+v", s.Name, out.Cut, out.Record.Turns)
			case s.Words == human && len(out.Record.Handoffs) == 0:
				t.Errorf("%s: nobody was called: %+v", s.Name, out.Record.Turns)
			}
		})
	}
	calls.Wait()
}

// TestPromptGoesOnAfterNoise: without early words a noise that lasts cuts the
// prompt; when nothing was said, the agent goes on with the first sentence
// that was not heard to its end.
func TestPromptGoesOnAfterNoise(t *testing.T) {
	t.Parallel()
	_, o := announce(t, "--asr.engine=scripted", "--asr.scripted.partial_every=0")
	o.To = "4008"
	street, err := noise.Make(noise.Street, 800*time.Millisecond, 2)
	if err != nil {
		t.Fatal(err)
	}
	s := interruption.Sound{Name: "a lorry", Kind: interruption.Background, PCM: append(noise.Sound(street, -15), audio.Silence(2*time.Second, noise.Rate)...)}
	out, err := interruption.Play(t.Context(), o, s)
	if err != nil {
		t.Fatal(err)
	}
	if !out.Cut {
		t.Fatal("the noise cut nothing")
	}
	var heard []string
	for _, turn := range out.Record.Turns {
		if turn.Role == "agent" && turn.Text != "您好。" {
			heard = append(heard, turn.Text)
		}
	}
	if len(heard) != 2 {
		t.Fatalf("the agent said %q, want the announcement in two parts", heard)
	}
	whole := strings.Join(interruption.Sentences, "")
	before := ""
	for _, sentence := range interruption.Sentences {
		if !strings.HasPrefix(heard[0], before+sentence) {
			break
		}
		before += sentence
	}
	if !strings.HasPrefix(whole, heard[0]) || !strings.HasPrefix(whole[len(before):], heard[1]) || heard[1] == "" {
		t.Errorf("the agent said %q, of which %q was heard to its end", heard, before)
	}
}
