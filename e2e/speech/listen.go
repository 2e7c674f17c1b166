package speech

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/workers/asr"
)

// ErrNoText is returned when a recogniser ends without the final text that it
// owes.
var ErrNoText = errors.New("the recogniser's stream ended without a final text")

// frame is the sound that a recogniser is given at once.
const frame = 20 * time.Millisecond

// Transcribe gives one utterance to a recogniser as fast as it takes it, and
// returns its final text.
func Transcribe(ctx context.Context, e asr.Engine, pcm []int16, rate int) (text string, err error) {
	stream, err := e.Start(ctx, asr.Options{CallID: "listening", Language: "zh-CN", SampleRate: rate})
	if err != nil {
		return "", err
	}
	var rest sync.WaitGroup
	defer func() {
		rest.Go(func() {
			for range stream.Events() {
			}
		})
		err = errors.Join(err, stream.Close())
		rest.Wait()
	}()
	if err := stream.SpeechStart(1); err != nil {
		return "", err
	}
	for chunk := audio.Samples(frame, rate); len(pcm) > 0; pcm = pcm[min(chunk, len(pcm)):] {
		if err := stream.Audio(pcm[:min(chunk, len(pcm))]); err != nil {
			return "", err
		}
	}
	if err := stream.SpeechEnd(1); err != nil {
		return "", err
	}
	for ev := range stream.Events() {
		switch ev.Kind {
		case asr.EventFinal:
			return ev.Text, nil
		case asr.EventError:
			return "", ev.Err
		}
	}
	return "", ErrNoText
}

// How a recording is cut into utterances: at silences, of which a little
// stays on either side.
const (
	loudDBFS  = -45
	pause     = 400 * time.Millisecond
	around    = 200 * time.Millisecond
	longest   = 15 * time.Second
	shortest  = 100 * time.Millisecond
	agentSide = 1 // of a caller's stereo recording
)

// Agent is the agent's side of a caller's recording.
func Agent(path string) (pcm []int16, rate int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = f.Close() }()
	w, err := audio.ReadWAV(f)
	if err != nil {
		return nil, 0, err
	}
	if w.Channels != 2 {
		return nil, 0, fmt.Errorf("%s has %d channels, not two", path, w.Channels)
	}
	for i := agentSide; i < len(w.Samples); i += w.Channels {
		pcm = append(pcm, w.Samples[i])
	}
	return pcm, w.Rate, nil
}

// Listen is what a recogniser hears in a recording of any length.
func Listen(ctx context.Context, e asr.Engine, pcm []int16, rate int) (string, error) {
	var heard strings.Builder
	for _, u := range utterances(pcm, rate) {
		text, err := Transcribe(ctx, e, u, rate)
		if err != nil {
			return heard.String(), err
		}
		heard.WriteString(text)
	}
	return heard.String(), nil
}

// utterances cuts sound at its silences.
func utterances(pcm []int16, rate int) [][]int16 {
	size, edge := audio.Samples(frame, rate), audio.Samples(around, rate)
	var out [][]int16
	start, last := -1, 0 // of the loud frames of the present utterance
	end := func() {
		if start >= 0 && audio.Duration(last-start, rate) >= shortest {
			out = append(out, pcm[max(0, start-edge):min(len(pcm), last+edge)])
		}
		start = -1
	}
	for at := 0; at+size <= len(pcm); at += size {
		switch loud := audio.DBFS(pcm[at:at+size]) >= loudDBFS; {
		case loud && start < 0:
			start, last = at, at+size
		case loud:
			last = at + size
		case start >= 0 && (audio.Duration(at-last, rate) >= pause || audio.Duration(at-start, rate) >= longest):
			end()
		}
	}
	end()
	return out
}
