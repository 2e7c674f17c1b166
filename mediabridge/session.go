package mediabridge

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
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
)

// Sizes of a session's mailboxes: half a second of 20 ms frames from the
// switch when the session is held up, and as much towards it.
const (
	forkInSize  = 64
	forkOutSize = 128
	commandSize = 64
)

// stall is how long the switch may send no frame before its silence is taken
// for the caller's: a phone with silence suppression sends nothing at all.
const stall = 200 * time.Millisecond

// speechState is what a session knows of its recogniser or synthesiser.
type speechState int

const (
	speechUnknown speechState = iota // first attempt under way
	speechHeld
	speechDown
)

// session is one call's sound. All fields belong to its goroutine, run;
// others reach it through the mailboxes.
type session struct {
	svc  *Service
	call string
	meta schemas.ForkMetadata
	log  *slog.Logger

	// The ways in and out.
	conn             *ws.Conn
	wake             chan struct{} // something waits in one of the next four
	forkIn, commands *mailbox
	asrIn, ttsIn     *mailbox
	forkOut          *mailbox
	readEnd          chan error // the fork's reader ended
	stop             chan string
	letter           letter // the one being read

	// Listening. Times in milliseconds are on the audio clock, which counts
	// frames.
	clockMS, onsetMS, lastSpeechMS int64
	hadSpeech, answered            bool
	lastMedia                      time.Time
	frames                         framer
	voice                          voice
	model                          chan *sherpa.VAD
	dtmf                           dtmf
	turn                           turn
	preRoll                        preRoll
	pcm                            []int16
	quiet                          []byte // a frame of silence
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
	ending                   string // why run returns
}

func newSession(svc *Service, conn *ws.Conn, meta schemas.ForkMetadata) *session {
	frameBytes := meta.SampleRate / 1000 * frameMS * 2
	bytesOf := func(d time.Duration) int { return int(d/frameTime) * frameBytes }
	drops := svc.metrics.drops.WithLabelValues
	s := &session{
		svc: svc, call: meta.CallID, meta: meta, conn: conn,
		log:     svc.log.With("call_id", meta.CallID),
		wake:    newWake(),
		readEnd: make(chan error, 1), stop: make(chan string, 1),
		frames: framer{size: frameBytes}, voice: newVoice(svc.cfg.VAD, meta.SampleRate), model: make(chan *sherpa.VAD, 1), dtmf: newDTMF(meta.SampleRate), turn: newTurn(svc.cfg),
		preRoll: newPreRoll(int((svc.cfg.PreRoll+svc.cfg.BargeIn+time.Second)/frameTime), frameBytes),
		pcm:     make([]int16, 0, frameBytes/2), quiet: make([]byte, frameBytes),
		asr: recognition{maxBytes: bytesOf(svc.cfg.MaxUtterance + 2*time.Second), over: drops("asr_audio")},
		tts: synthesis{maxBytes: bytesOf(svc.cfg.MaxPrompt), metrics: svc.metrics, jobs: map[string]*job{}},
	}
	s.forkIn = newMailbox(forkInSize, s.wake, drops("fork_in"))
	s.commands = newMailbox(commandSize, s.wake, drops("commands"))
	s.asrIn = newMailbox(linkInSize, s.wake, drops("asr_in"))
	s.ttsIn = newMailbox(linkInSize, s.wake, drops("tts_in"))
	s.forkOut = newMailbox(forkOutSize, newWake(), drops("fork_out"))
	s.playout = newPlayout(meta.SampleRate, svc.cfg.Lead, meta.Playout == "file", s)
	s.lastMedia = svc.now()
	s.journal = newJournal(s, meta.CallID, s.lastMedia)
	return s
}

// run is the session's goroutine, from the metadata to the end.
func (s *session) run(ctx context.Context) {
	ticker := time.NewTicker(frameTime)
	defer ticker.Stop()
	for s.ending == "" {
		select {
		case <-s.wake:
			s.drain()
		case <-ticker.C:
			s.drain()
			s.tick(s.svc.now())
		case err := <-s.readEnd:
			s.drain() // what came before the end
			s.end(endReason(err))
		case m := <-s.model:
			s.voice.use(m)
		case reason := <-s.stop:
			s.end(reason)
		case <-ctx.Done():
			s.end(closedShutdown)
		}
	}
}

// end lets run return; the first reason counts.
func (s *session) end(reason string) {
	if s.ending == "" {
		s.ending = reason
	}
}

// close asks the session to end, from any goroutine.
func (s *session) close(reason string) {
	select {
	case s.stop <- reason:
	default: // asked already
	}
}

// drain handles everything that waits, commands first.
func (s *session) drain() {
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
	for s.ending == "" && s.forkIn.pop(l) {
		if l.kind == letterText {
			s.textFrame(l.data, s.svc.now())
			continue
		}
		s.media(l.data, s.svc.now())
	}
}

// media takes a binary message from the switch, of any size.
func (s *session) media(b []byte, now time.Time) {
	s.lastMedia = now
	s.frames.feed(b)
	for f := s.frames.next(); f != nil; f = s.frames.next() {
		s.svc.metrics.framesIn.Inc()
		s.frame(f, now)
	}
}

// tick does what time alone brings.
func (s *session) tick(now time.Time) {
	quiet := now.Sub(s.lastMedia)
	if quiet > s.svc.cfg.IdleTimeout {
		s.end(closedIdle)
		return
	}
	if quiet > stall {
		s.frame(s.quiet, now)
	}
	s.expireSpeech(now)
	s.playout.tick(now)
}

// sound and file are play-out's way to the switch.
func (s *session) sound(frames []byte) {
	if s.forkOut.push(letterBinary, frames, nil) {
		s.svc.metrics.framesOut.Add(float64(len(frames) / s.frames.size))
	}
}

// playAudio is the message that drachtio's and jambonz's module take for
// sound that is played as a file.
type playAudio struct {
	Type string `json:"type"`
	Data struct {
		Type    string `json:"audioContentType"`
		Rate    int    `json:"sampleRate"`
		Content string `json:"audioContent"`
	} `json:"data"`
}

func (s *session) file(sound []byte) {
	m := playAudio{Type: "playAudio"}
	m.Data.Type, m.Data.Rate = "raw", s.meta.SampleRate
	m.Data.Content = base64.StdEncoding.EncodeToString(sound)
	s.sendJSON(m)
	s.svc.metrics.framesOut.Add(float64(len(sound) / s.frames.size))
}

// sendJSON sends a control message. One that finds no room means that the
// switch has stopped to read, and the session cannot go on.
func (s *session) sendJSON(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		s.log.Error("message not encoded", "error", err)
		return
	}
	if !s.forkOut.push(letterText, b, nil) {
		s.end(closedStalled)
	}
}

func endReason(err error) string {
	var peer *ws.CloseError
	switch {
	case errors.As(err, &peer):
		return closedByPeer
	case errors.Is(err, ws.ErrTooLarge):
		return closedTooLarge
	case errors.Is(err, ws.ErrProtocol):
		return closedProtocol
	default:
		return closedLost
	}
}
