// Package interruption measures what interrupts the agent and what does not:
// labelled sounds are played into a long prompt by real calls, and the bridge
// tells whether the prompt was cut.
package interruption

import (
	"context"
	"fmt"
	"time"

	"github.com/tidegate/tidegate/e2e/noise"
	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/workers/tts"
)

// Kind is what a sound is.
type Kind string

// The kinds. Only who talks over the agent wants it to stop.
const (
	Cough       Kind = "cough"
	Backchannel Kind = "backchannel" // "嗯", "对", "好的" of one who listens
	Background  Kind = "background"  // a place, and nobody speaking
	TalkOver    Kind = "talk-over"
	People      Kind = "people's talk-over" // by recordings of people
)

// Kinds are all of them, in the order of reports.
var Kinds = []Kind{Cough, Backchannel, Background, TalkOver, People}

// Sound is one thing that a caller's telephone sends while the agent speaks,
// at noise.Rate.
type Sound struct {
	Name  string
	Kind  Kind
	Words string // spoken in it
	PCM   []int16
}

// Interrupts tells whether the agent is to stop for it.
func (s Sound) Interrupts() bool { return s.Kind.Interrupts() }

// Interrupts tells whether the agent is to stop for sounds of a kind.
func (k Kind) Interrupts() bool { return k == TalkOver || k == People }

// Voice speaks words; the set is made with voices that no model was trained
// on, where the engine has them.
type Voice struct {
	Engine tts.Engine
	Names  []string
}

// Numbers of sounds, and their levels. A cough into the telephone is as loud
// as speech.
const (
	coughs      = 12
	coughDBFS   = -22
	backDBFS    = -38
	withNoise   = 3 // every so many sounds have a street behind them
	noiseSNR    = 12
	backLasting = 3 * time.Second
)

var (
	backchannels = []string{"嗯", "嗯嗯", "对", "好的", "是的", "哦"}
	talkOvers    = []string{
		"我要转人工", "不是这个订单", "等一下我有话要说", "我想问运费谁出", "给我找个人说", "我要退货", "我的退款怎么还没到", "别说了转人工",
	}
)

// Sounds makes the set; recorded sentences of people, which the caller may
// have, belong to it.
func Sounds(ctx context.Context, v Voice, people []Sound) ([]Sound, error) {
	var out []Sound
	for i := range coughs {
		out = append(out, Sound{Name: fmt.Sprintf("cough-%d", i+1), Kind: Cough, PCM: noise.Sound(noise.Cough(uint64(i)), coughDBFS)})
	}
	spoken := func(kind Kind, text string, i int) error {
		voice := v.Names[i%len(v.Names)]
		pcm, err := tts.Speak(ctx, v.Engine, tts.Request{Text: text, Language: "zh-CN", Voice: voice, SampleRate: noise.Rate})
		if err != nil {
			return fmt.Errorf("%q: %w", text, err)
		}
		out = append(out, Sound{Name: fmt.Sprintf("%s-%d %s %s", kind, i+1, voice, text), Kind: kind, Words: text, PCM: pcm})
		return nil
	}
	for i := range 2 * len(backchannels) {
		if err := spoken(Backchannel, backchannels[i%len(backchannels)], i+i/len(backchannels)); err != nil {
			return nil, err
		}
	}
	for i, text := range talkOvers {
		if err := spoken(TalkOver, text, i); err != nil {
			return nil, err
		}
	}
	out = append(out, people...)
	if err := behind(out); err != nil {
		return nil, err
	}
	for i, kind := range noise.Kinds {
		x, err := noise.Make(kind, backLasting, uint64(100+i))
		if err != nil {
			return nil, err
		}
		out = append(out, Sound{Name: "background-" + string(kind), Kind: Background, PCM: noise.Sound(x, backDBFS)})
	}
	return out, nil
}

// behind puts a street behind some of the sounds.
func behind(sounds []Sound) error {
	for i := range sounds {
		if i%withNoise != 0 {
			continue
		}
		s := &sounds[i]
		s.PCM = append(append(audio.Silence(400*time.Millisecond, noise.Rate), s.PCM...), audio.Silence(400*time.Millisecond, noise.Rate)...)
		x, err := noise.Make(noise.Street, audio.Duration(len(s.PCM), noise.Rate), uint64(i))
		if err != nil {
			return err
		}
		s.PCM, s.Name = noise.Mix(s.PCM, x, noiseSNR), s.Name+"+street"
	}
	return nil
}
