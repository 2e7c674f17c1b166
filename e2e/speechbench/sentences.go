package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tidegate/tidegate/e2e/noise"
	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/speechdata"
	"github.com/tidegate/tidegate/workers/tts"
)

// sentence is something said, at noise.Rate.
type sentence struct {
	text string
	pcm  []int16
}

// sentenceSet is sentences of one origin. In noise no more of them are
// recognised than noisy says; 0 is all.
type sentenceSet struct {
	name      string
	sentences []sentence
	noisy     int
	synthetic bool // spoken by a machine
}

// under is how many of the set's sentences a condition takes.
func (s sentenceSet) under(c condition) int {
	if c.kind == "" || s.noisy == 0 {
		return len(s.sentences)
	}
	return min(s.noisy, len(s.sentences))
}

// heldOut are espeak-ng's voices that the built-in recogniser was not trained
// on.
var heldOut = []string{"m6", "f4", "klatt3"}

// evalNoisy bounds the spoken sentences in each kind of noise.
const evalNoisy = 45

// recorded reads a folder of recordings of people.
func recorded(name, dir string) (sentenceSet, error) {
	s := sentenceSet{name: name}
	list, err := speechdata.Read(dir)
	if err != nil {
		return s, err
	}
	for _, r := range list {
		f, err := os.Open(r.Path)
		if err != nil {
			return s, err
		}
		w, err := audio.ReadWAV(f)
		_ = f.Close()
		if err != nil {
			return s, fmt.Errorf("%s: %w", r.Path, err)
		}
		s.sentences = append(s.sentences, sentence{r.Text, audio.Resample(w.Mono(), w.Rate, noise.Rate)})
	}
	return s, nil
}

// spoken has the sentences of a file (id, text, ...) spoken by voices in
// turn.
func spoken(ctx context.Context, name, file string, e tts.Engine, voices []string) (sentenceSet, error) {
	s := sentenceSet{name: name, noisy: evalNoisy, synthetic: true}
	f, err := os.Open(file)
	if err != nil {
		return s, err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) < 2 {
			continue
		}
		voice := voices[len(s.sentences)%len(voices)]
		pcm, err := tts.Speak(ctx, e, tts.Request{Text: fields[1], Language: "zh-CN", Voice: voice, SampleRate: noise.Rate})
		if err != nil {
			return s, fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
		s.sentences = append(s.sentences, sentence{fields[1], pcm})
	}
	return s, lines.Err()
}
