package devswitch

import (
	"net/url"
	"strings"
)

const (
	forkUsageStreaming = "-USAGE: <uuid> [start | stop | send_text | pause | resume | graceful-shutdown | stop_play ] " +
		"[wss-url | path] [mono | mixed | stereo] [8000 | 16000 | 24000 | 32000 | 64000] [bugname] [metadata] " +
		"[bidirectionalAudio_enabled] [bidirectionalAudio_stream_enabled] [bidirectionalAudio_stream_samplerate]\n"
	forkUsageFiles = "-USAGE: <uuid> [start | stop | send_text | pause | resume | graceful-shutdown ] " +
		"[wss-url | path] [mono | mixed | stereo] [8000 | 16000 | 24000 | 32000 | 64000] [bugname] [metadata]\n"
	forkOK     = "+OK Success\n"
	forkFailed = "-ERR Operation Failed\n"
	forkBug    = "audio_fork"
)

// apiAudioFork is uuid_audio_fork.
func apiAudioFork(s *Service, arg string) string {
	usage := forkUsageFiles
	if s.cfg.ForkStreaming {
		usage = forkUsageStreaming
	}
	args := splitArguments(arg, 10)
	if len(args) < 2 || args[1] == "start" && len(args) < 4 {
		return usage
	}
	c := s.find(args[0])
	if c == nil {
		return forkFailed
	}
	ok := false
	c.do(func() { ok = c.forkCommand(strings.ToLower(args[1]), args) })
	if ok {
		return forkOK
	}
	return forkFailed
}

func (c *channel) forkCommand(verb string, args []string) bool {
	if verb == "start" {
		return c.startFork(args)
	}
	bug, text := forkBug, ""
	switch {
	case len(args) > 3 && (verb == "stop" || verb == "send_text"):
		bug, text = args[2], args[3]
	case len(args) > 2 && verb != "stop_play":
		if (verb == "stop" || verb == "send_text") && strings.IndexAny(args[2], "{[") == 0 {
			text = args[2]
		} else {
			bug = args[2]
		}
	}
	f := c.forks[bug]
	if f == nil {
		return false
	}
	switch verb {
	case "stop":
		f.close(text)
		delete(c.forks, bug)
	case "send_text":
		f.mu.Lock()
		connected := f.connected
		f.mu.Unlock()
		if connected && text != "" {
			f.queue(forkMessage{text: true, body: []byte(text)})
		}
	case "pause", "resume":
		f.mu.Lock()
		f.paused = verb == "pause"
		f.mu.Unlock()
	case "graceful-shutdown":
		f.mu.Lock()
		f.graceful = true
		f.mu.Unlock()
	case "stop_play":
		f.mu.Lock()
		f.play.queue = nil
		f.mu.Unlock()
	default:
		return false
	}
	return true
}

func (c *channel) startFork(args []string) bool {
	spec := forkSpec{url: args[2], bug: forkBug, mix: args[3], rate: 8000, bidirectional: true}
	if len(args) > 4 {
		spec.rate = map[string]int{"16k": 16000, "8k": 8000}[args[4]]
		if spec.rate == 0 {
			spec.rate = atoi(args[4])
		}
	}
	switch {
	case len(args) > 9 && c.s.cfg.ForkStreaming:
		if args[5] != "" {
			spec.bug = args[5]
		}
		spec.metadata = args[6]
		spec.bidirectional, spec.streaming = args[7] == "true", args[8] == "true"
		spec.streamRate = atoi(args[9])
	case len(args) > 6:
		spec.bug, spec.metadata = args[5], args[6]
	case len(args) > 5 && strings.IndexAny(args[5], "{[") == 0:
		spec.metadata = args[5]
	case len(args) > 5:
		spec.bug = args[5]
	}
	if !c.forkPossible(spec) {
		return false
	}
	f := newFork(c, spec)
	c.forks[spec.bug] = f
	c.s.spawn(f.connect)
	return true
}

func (c *channel) forkPossible(spec forkSpec) bool {
	if _, attached := c.forks[spec.bug]; attached || !c.up() {
		return false
	}
	address, err := url.Parse(spec.url)
	if err != nil || address.Host == "" || !strings.Contains(" ws wss ", " "+strings.ToLower(address.Scheme)+" ") {
		return false
	}
	switch {
	case spec.mix != "mono" && spec.mix != "mixed" && spec.mix != "stereo":
		return false
	case spec.rate < 8000 || spec.rate > 64000 || spec.rate%8000 != 0:
		return false
	case len(spec.url) > 4096 || len(spec.metadata) > 8192:
		return false
	case spec.streaming && (spec.streamRate < 8000 || spec.streamRate > 64000):
		return false // the real module crashes here
	}
	return c.preAnswer() == nil
}
