package mediabridge

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/schemas"
)

// Why a session ended.
const (
	closedByCommand = "command"
	closedByPeer    = "peer"
	closedLost      = "lost"
	closedIdle      = "idle"
	closedProtocol  = "protocol"
	closedTooLarge  = "too_large"
	closedShutdown  = "shutdown"
	closedStalled   = "stalled"
	closedInternal  = "internal"
	closedRate      = "rate"
	closedFlood     = "flood"
)

// commandSize bounds the commands that wait.
const commandSize = 64

// speechState is what a session knows of its recogniser or synthesiser.
type speechState int

const (
	speechUnknown speechState = iota // first attempt under way
	speechHeld
	speechDown
)

// session is one call's sound. Its fields belong to whoever works on it, one
// at a time: the fork's reader with a frame, and run with everything else.
// Others reach it through the mailboxes.
type session struct {
	svc  *Service
	call string
	meta schemas.ForkMetadata
	log  *slog.Logger

	// The ways in and out.
	working                sync.Mutex // held by who works on it
	conn                   *ws.Conn
	out                    outgoing
	bell                   bell // something waits for run
	commands, asrIn, ttsIn *mailbox
	letter                 letter // the one being read

	// Listening. Times in milliseconds are on the audio clock, which counts
	// frames.
	clockMS, onsetMS, lastSpeechMS int64
	hadSpeech, answered            bool
	lastMedia                      time.Time
	clock                          clock
	pace                           pace
	frames                         framer
	voice                          voice
	model                          chan *sherpa.VAD
	dtmf                           dtmf
	turn                           turn
	preRoll                        preRoll
	pcm                            []int16
	quiet                          []byte // a frame of silence
	filled                         int    // such frames since the last of the switch
	asr                            recognition
	turns                          int // of the caller
	hints                          []string
	asrLink                        *link
	dialect                        string // the last one asked for

	// Speaking.
	epoch   int
	playout playout
	tts     synthesis
	awaited *utterance // the first whose synthesis has not ended
	filler  filler
	as      schemas.MediaSay // voice and rate of what was said last
	// stocking are sounds that are being made for all calls.
	stocking []*utterance

	// What is told and was heard of.
	asrState, ttsState       speechState
	asrDegraded, ttsDegraded bool // as last told
	asrEngine, ttsEngine     string
	synthetic                bool // the recogniser understands synthetic voices only
	ready                    bool
	journal                  journal
	ids                      idMemory
	refusals                 int    // messages that made no sense
	ending                   string // why run returns
}

func newSession(svc *Service, conn *ws.Conn, meta schemas.ForkMetadata) *session {
	frameBytes := meta.SampleRate / 1000 * frameMS * 2
	bytesOf := func(d time.Duration) int { return int(d/frameTime) * frameBytes }
	drops := svc.metrics.drops.WithLabelValues
	s := &session{
		svc: svc, call: meta.CallID, meta: meta, conn: conn,
		log:    svc.log.With("call_id", meta.CallID),
		out:    conn,
		bell:   bell{wake: make(chan struct{}, 1)},
		frames: framer{size: frameBytes}, voice: newVoice(svc.cfg.VAD, meta.SampleRate), model: make(chan *sherpa.VAD, 1), dtmf: newDTMF(meta.SampleRate), turn: newTurn(svc.cfg),
		preRoll: newPreRoll(preRollFrames(svc.cfg), frameBytes),
		pcm:     make([]int16, 0, frameBytes/2), quiet: make([]byte, frameBytes),
		asr: recognition{maxBytes: bytesOf(svc.cfg.MaxUtterance + 2*time.Second), over: drops("asr_audio"), buffers: &svc.buffers},
		tts: synthesis{maxBytes: bytesOf(svc.cfg.MaxPrompt), metrics: svc.metrics, jobs: map[string]*job{}},
	}
	s.commands = newMailbox(commandSize, &s.bell, drops("commands"))
	s.asrIn = newMailbox(linkInSize, &s.bell, drops("asr_in"))
	s.ttsIn = newMailbox(linkInSize, &s.bell, drops("tts_in"))
	s.playout = newPlayout(meta.SampleRate, svc.cfg.Lead, meta.Playout == "file", s)
	s.lastMedia = svc.now()
	s.clock.began = s.lastMedia
	s.pace = newPace(s.lastMedia, meta.SampleRate)
	s.journal = newJournal(s, meta.CallID, s.lastMedia)
	return s
}

// run works on the session from the metadata to the end, but for the fork's
// frames.
func (s *session) run(ctx context.Context) {
	timer := time.NewTimer(starved)
	defer timer.Stop()
	ticking := true
	for over := false; !over; {
		select {
		case <-s.bell.wake:
			over = s.work(nil)
			if !ticking && s.clock.alone.Load() {
				ticking = true
				timer.Reset(0)
			}
		case <-timer.C:
			over = s.work(func() { ticking = s.keepTime(s.svc.now()) })
			if ticking {
				timer.Reset(frameTime)
			} else {
				s.clock.alone.Store(false)
			}
		case m := <-s.model:
			over = s.work(func() { s.voice.use(m) })
		case <-ctx.Done():
			over = s.work(func() { s.end(closedShutdown) })
		}
	}
}

// work takes everything that waits, then does f unless the session is over
// by then; true says that it is. When the fork's reader ends a session, run
// has to learn of it.
func (s *session) work(f func()) (over bool) {
	s.working.Lock()
	defer s.working.Unlock()
	s.drain()
	if s.ending == "" && f != nil {
		f()
	}
	if s.ending != "" {
		s.bell.ring()
	}
	return s.ending != ""
}

// keepTime does what time brings while no frames come; false says that they do.
func (s *session) keepTime(now time.Time) bool {
	if now.Sub(s.lastMedia) < starved {
		return false
	}
	s.tick(now)
	return true
}

// end lets run return; the first reason counts.
func (s *session) end(reason string) {
	if s.ending == "" {
		s.ending = reason
	}
}

// drain handles everything that waits, commands first.
func (s *session) drain() {
	if s.bell.waiting.Load() == 0 {
		return // the bell tells of what comes now
	}
	l := &s.letter
	for s.ending == "" && s.commands.pop(l) {
		s.command(l.value.(command), s.svc.now())
	}
	for s.ending == "" && s.asrIn.pop(l) {
		s.fromASR(l, s.svc.now())
	}
	for s.ending == "" && s.ttsIn.pop(l) {
		s.fromTTS(l, s.svc.now())
	}
}

// media takes a binary message from the switch, of any size.
func (s *session) media(b []byte, now time.Time) {
	s.lastMedia, s.filled = now, 0
	s.clock.heard(now)
	if !s.pace.took(len(b), now) {
		s.log.Warn("sound does not come at the rate that the metadata name", "rate", s.meta.SampleRate)
		s.end(closedRate)
		return
	}
	s.frames.feed(b)
	for f := s.frames.next(); f != nil && s.ending == ""; f = s.frames.next() {
		s.svc.metrics.framesIn.Inc()
		s.frame(f, now)
	}
	s.tick(now)
}

// tick does what time alone brings.
func (s *session) tick(now time.Time) {
	quiet := now.Sub(s.lastMedia)
	if quiet > s.svc.cfg.IdleTimeout {
		s.end(closedIdle)
		return
	}
	for quiet > stall && s.filled < int(quiet/frameTime) && s.ending == "" {
		s.filled++
		s.frame(s.quiet, now)
	}
	s.expireSpeech(now)
	s.playout.tick(now)
}
