package devswitch

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
)

// maxSound bounds a decoded sound: ten minutes.
const maxSound = 10 * 60 * 8000

var errSound = errors.New("cannot play that")

// sound gives frames of 160 samples; ok false at its end.
type sound interface {
	next() (pcm []int16, ok bool)
}

// samples is a sound in memory, played loops times, for ever when negative.
type samples struct {
	pcm   []int16
	loops int
	at    int
}

func (s *samples) next() ([]int16, bool) {
	frame := make([]int16, frameSize)
	for filled := 0; filled < frameSize; {
		if s.at == len(s.pcm) {
			if s.loops > 0 {
				s.loops--
			}
			if s.loops == 0 || len(s.pcm) == 0 {
				return frame, filled > 0
			}
			s.at = 0
		}
		n := copy(frame[filled:], s.pcm[s.at:])
		s.at, filled = s.at+n, filled+n
	}
	return frame, true
}

// hush is silence_stream: comfort noise or nothing for a number of frames.
type hush struct {
	noise  noise
	level  int
	frames int // negative: for ever
}

func (h *hush) next() ([]int16, bool) {
	if h.frames == 0 {
		return nil, false
	}
	if h.frames > 0 {
		h.frames--
	}
	return h.noise.frame(h.level), true
}

// openSound reads what playback can name: a file, tone_stream://, silence_stream://.
func openSound(name string) (sound, error) {
	switch {
	case strings.HasPrefix(name, "silence_stream://"):
		return openHush(strings.TrimPrefix(name, "silence_stream://"))
	case strings.HasPrefix(name, "tone_stream://"):
		return openTone(strings.TrimPrefix(name, "tone_stream://"))
	case strings.HasPrefix(name, "local_stream://"):
		return openTone("%(400,4600,440);loops=-1") // no music here: a tone every five seconds
	}
	return openFile(name)
}

func openHush(arg string) (sound, error) {
	length, level, _ := strings.Cut(arg, ",")
	ms, err := strconv.Atoi(strings.TrimSpace(length))
	if err != nil {
		return nil, fmt.Errorf("%w: silence of %q", errSound, length)
	}
	h := &hush{noise: noise{seed: 7}, level: atoi(level), frames: -1}
	if ms >= 0 {
		h.frames = (ms + 19) / 20
	}
	return h, nil
}

func openFile(name string) (sound, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSound, err)
	}
	defer file.Close()
	for suffix, rate := range map[string]int{".r8": 8000, ".r16": 16000, ".r24": 24000, ".r32": 32000, ".r48": 48000} {
		if strings.HasSuffix(name, suffix) {
			raw, err := os.ReadFile(name)
			if err != nil || len(raw) > 2*maxSound*rate/8000 {
				return nil, fmt.Errorf("%w: %s", errSound, name)
			}
			return &samples{pcm: audio.Resample(audio.DecodeL16(nil, raw), rate, 8000), loops: 1}, nil
		}
	}
	wav, err := audio.ReadWAV(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSound, err)
	}
	pcm := audio.Resample(wav.Mono(), wav.Rate, 8000)
	return &samples{pcm: pcm[:min(len(pcm), maxSound)], loops: 1}, nil
}

// openTone reads the part of FreeSWITCH's tone language that is used for
// prompts: %(on,off,hz[,hz...]) and v=decibels, separated by semicolons, with
// l= or loops= at the end.
func openTone(spec string) (sound, error) {
	s := &samples{loops: 1}
	volume := 0.2
	for part := range strings.SplitSeq(spec, ";") {
		part = strings.TrimSpace(part)
		key, value, _ := strings.Cut(part, "=")
		switch {
		case key == "loops" || key == "l" || key == "L":
			s.loops = atoi(value)
			if s.loops == 0 {
				s.loops = 1
			}
		case key == "v":
			volume = min(max(0.2+float64(atoi(value)+10)/100, 0.02), 0.5)
		case strings.HasPrefix(part, "%("):
			pcm, err := tone(strings.TrimSuffix(part[2:], ")"), volume)
			if err != nil {
				return nil, err
			}
			s.pcm = append(s.pcm, pcm...)
		}
		if len(s.pcm) > maxSound {
			return nil, fmt.Errorf("%w: tone is too long", errSound)
		}
	}
	if len(s.pcm) == 0 {
		return nil, fmt.Errorf("%w: tone %q", errSound, spec)
	}
	return s, nil
}

func tone(spec string, volume float64) ([]int16, error) {
	fields := strings.Split(spec, ",")
	if len(fields) < 3 || len(fields) > 6 {
		return nil, fmt.Errorf("%w: tone %q", errSound, spec)
	}
	var ms [2]time.Duration
	for i := range ms {
		n := atoi(fields[i])
		if n < 0 || n > 600_000 {
			return nil, fmt.Errorf("%w: tone %q", errSound, spec)
		}
		ms[i] = time.Duration(n) * time.Millisecond
	}
	on := audio.Silence(ms[0], 8000)
	for _, f := range fields[2:] {
		hz, err := strconv.ParseFloat(strings.TrimSpace(f), 64)
		if err != nil || hz <= 0 || hz >= 4000 {
			return nil, fmt.Errorf("%w: tone %q", errSound, spec)
		}
		for i, v := range audio.Tone(hz, ms[0], 8000, volume) {
			on[i] = add(on[i], v)
		}
	}
	return append(on, audio.Silence(ms[1], 8000)...), nil
}

// add mixes two samples without wrapping.
func add(a, b int16) int16 {
	return int16(min(max(int32(a)+int32(b), -32768), 32767))
}

func appPlayback(c *channel, name string) error { return c.play(name, 1) }

func appEndlessPlayback(c *channel, name string) error {
	for {
		if err := c.play(name, -1); err != nil {
			return err
		}
		if c.variable("playback_ended") != "done" {
			return nil
		}
	}
}

// play runs one playback application; an unanswered call hears it as early media.
func (c *channel) play(name string, loops int) error {
	name, options := cutOptions(name)
	src, err := openSound(name)
	if err != nil {
		c.respond("FILE NOT FOUND")
		return err
	}
	if s, ok := src.(*samples); ok && (loops < 0 || options["loops"] != "") {
		s.loops = loops
		if n := atoi(options["loops"]); n != 0 {
			s.loops = n
		}
	}
	if err := c.preAnswer(); err != nil {
		return err
	}
	kind := "file"
	if strings.Contains(name, "://") {
		kind, _, _ = strings.Cut(name, "://")
	}
	shown := []header{{"Playback-File-Path", name}, {"Playback-File-Type", kind}}
	c.fire("PLAYBACK_START", shown...)
	began := time.Now()
	err = c.run(operation{breakable: true, frame: func() ([]int16, bool) {
		pcm, more := src.next()
		return pcm, !more
	}})
	status, response := "done", "FILE PLAYED"
	if err != nil {
		status = "break"
	}
	c.mu.Lock()
	c.vars["playback_ms"] = strconv.FormatInt(time.Since(began).Milliseconds(), 10)
	c.vars["playback_samples"] = strconv.FormatInt(time.Since(began).Milliseconds()*8, 10)
	c.vars["playback_ended"] = status
	c.mu.Unlock()
	c.respond(response)
	c.fire("PLAYBACK_STOP", append(shown, header{"Playback-Status", status})...)
	return err
}

// cutOptions separates {loops=2} from a sound's name.
func cutOptions(name string) (string, map[string]string) {
	options := make(map[string]string)
	if strings.HasPrefix(name, "{") {
		if inside, rest, ok := strings.Cut(name[1:], "}"); ok {
			for pair := range strings.SplitSeq(inside, ",") {
				if key, value, ok := strings.Cut(pair, "="); ok {
					options[strings.TrimSpace(key)] = strings.TrimSpace(value)
				}
			}
			return rest, options
		}
	}
	return name, options
}
