package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/tidegate/tidegate/internal/token"
	"github.com/tidegate/tidegate/orchestrator/call"
	"github.com/tidegate/tidegate/orchestrator/esl"
	"github.com/tidegate/tidegate/schemas"
)

const (
	// bugName names our fork on the channel, so that a takeover finds it.
	bugName        = "tidegate"
	forkSampleRate = 8000
	tokenUseFork   = "fork"
	playoutStream  = "stream"
	playoutFile    = "file"
	// scenarioVariable is how FreeSWITCH shows the SIP header
	// X-Tidegate-Scenario of a simulated caller.
	scenarioVariable = "sip_h_X-Tidegate-Scenario"
)

// channel is a call's channel as package call wants one.
type channel struct {
	ch  *esl.Channel
	svc *Service
	// machine and tenant are the call's.
	machine *call.Machine
	tenant  string
	events  chan call.Event
	// onSide takes messages that the bridge sent through the switch.
	onSide func(raw []byte)
	// handoff is the Event-UUID of the bridge or queue application.
	handoff atomic.Pointer[string]
}

func newChannel(svc *Service, ch *esl.Channel) *channel {
	return &channel{ch: ch, svc: svc, events: make(chan call.Event, 64)}
}

// pump translates events until the channel's last; it runs on its own
// goroutine, and ctx ends it when nobody listens any more.
func (c *channel) pump(ctx context.Context) {
	defer close(c.events)
	hungUp := false
	for ev := range c.ch.Events() {
		var out call.Event
		switch e := ev.(type) {
		case esl.HungUp:
			hungUp, out = true, call.Leaving{}
		case esl.HangupComplete:
			out = call.HungUp{Cause: e.Cause, Q850: e.Q850}
		case esl.Disconnected:
			if hungUp {
				// The last event got lost with the connection.
				out = call.HungUp{Cause: "NORMAL_UNSPECIFIED", Q850: 31}
			} else {
				out = call.ControlLost{Reason: "disconnected"}
			}
		default:
			out = c.translate(ev)
		}
		if out == nil {
			continue
		}
		select {
		case c.events <- out:
		case <-ctx.Done():
			// Keep reading, so that the layer below never waits for us.
		}
	}
}

func (c *channel) translate(ev esl.Event) call.Event {
	switch e := ev.(type) {
	case esl.Answered:
		return call.Answered{}
	case esl.DTMF:
		return call.Digit{Digit: e.Digit}
	case esl.ForkFailed:
		return call.ForkFailed{Reason: e.Reason}
	case esl.ForkDisconnected:
		if e.Dropped {
			return call.ForkLost{}
		}
	case esl.ForkMessage:
		c.side(e.JSON)
	case esl.PlayAudio:
		return call.FileReady{Path: e.File}
	case esl.Bridged:
		return call.Bridged{}
	case esl.CallcenterInfo:
		if e.Action == "member-queue-start" {
			return call.Bridged{}
		}
	case esl.ExecuteComplete:
		if id := c.handoff.Load(); id != nil && *id == e.EventUUID {
			return call.HandoffEnded{Response: e.Response}
		}
	}
	return nil
}

// side hands on a message that came through the switch:
// {"type":"json","data":SideMessage}.
func (c *channel) side(raw []byte) {
	var m struct {
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(raw, &m) != nil || c.onSide == nil {
		return
	}
	c.onSide(m.Data)
}

func (c *channel) do(ctx context.Context, cmd esl.Command) error {
	_, err := c.ch.Do(ctx, cmd)
	return err
}

// Events implements call.Switch.
func (c *channel) Events() <-chan call.Event { return c.events }

// Close implements call.Switch.
func (c *channel) Close() { c.ch.Close() }

// Answer implements call.Switch.
func (c *channel) Answer(ctx context.Context) error { return c.do(ctx, esl.Answer{}) }

// HangUp implements call.Switch.
func (c *channel) HangUp(ctx context.Context, cause string) error {
	err := c.do(ctx, esl.Hangup{Cause: cause})
	select {
	case <-c.ch.Done():
		// The caller was faster; there is nothing left to hang up.
		return nil
	default:
		return err
	}
}

// PlayFile implements call.Switch.
func (c *channel) PlayFile(ctx context.Context, path string) error {
	return c.do(ctx, esl.Playback{File: path})
}

// StopFork implements call.Switch.
func (c *channel) StopFork(ctx context.Context) error {
	return ignoreRefused(c.do(ctx, esl.AudioForkStop{Bug: bugName}))
}

// StartFork implements call.Switch. A fork that is attached already belongs
// to a dead websocket or to an owner nobody knows of: it makes way.
func (c *channel) StartFork(ctx context.Context, f call.StartFork) error {
	playout, err := c.svc.playout(ctx, c.ch)
	if err != nil {
		return err
	}
	attached := f.Restart
	if !attached {
		if attached, err = c.ch.ForkAttached(ctx, bugName); err != nil {
			return err
		}
	}
	if attached {
		if err := c.StopFork(ctx); err != nil {
			return err
		}
	}
	id := c.ch.ID()
	meta, err := json.Marshal(schemas.ForkMetadata{
		CallID: id, Tenant: c.tenant, Language: c.machine.Flow.Language(), Voice: c.machine.Config.Voice,
		Dialect: f.Dialect, SampleRate: forkSampleRate, Playout: playout, Scenario: c.ch.Info().Variable(scenarioVariable),
	})
	if err != nil {
		return err
	}
	tok := token.Sign([]byte(c.svc.cfg.Fork.Secret.Reveal()), token.Claims{
		CallID: id, Use: tokenUseFork, ID: uuid.NewString(), Expires: time.Now().Add(c.svc.cfg.Fork.TokenLife),
	})
	return c.do(ctx, esl.AudioForkStart{
		URL: c.svc.bridge(id, f.Attempt) + "/v1/fork/" + tok, Bug: bugName, Metadata: meta,
		SampleRate: forkSampleRate, Streaming: playout == playoutStream,
	})
}

// bridge spreads calls over the bridges by their id, and goes on to the next
// with every attempt.
func (s *Service) bridge(callID string, attempt int) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(callID))
	n := uint32(len(s.cfg.Fork.Bridges))
	return s.cfg.Fork.Bridges[(h.Sum32()+uint32(attempt)-1)%n]
}

// playout says how sound gets back into this node's FreeSWITCH; asked once
// for each run of a switch.
func (s *Service) playout(ctx context.Context, ch *esl.Channel) (string, error) {
	if s.cfg.Fork.Playout != "auto" {
		return s.cfg.Fork.Playout, nil
	}
	core := ch.Info().CoreUUID
	if p, ok := s.playouts.Load(core); ok {
		return p.(string), nil
	}
	mod, err := ch.ForkModule(ctx)
	if err != nil {
		return "", err
	}
	p := playoutFile
	switch mod {
	case esl.ForkStreaming:
		p = playoutStream
	case esl.ForkNone:
		return "", errors.New("mod_audio_fork is not loaded")
	}
	s.playouts.Store(core, p)
	return p, nil
}

// ConnectHuman implements call.Switch.
func (c *channel) ConnectHuman(ctx context.Context, to call.Target, headers map[string]string, limit time.Duration) error {
	id := uuid.NewString()
	c.handoff.Store(&id)
	if to.Kind == call.TargetSIP {
		return c.do(ctx, esl.Bridge{
			Endpoint: esl.SIPEndpoint(c.svc.cfg.Handoff.Profile, to.To), CallerNumber: c.ch.Info().CallerNumber,
			Timeout: limit, Headers: headers, EventUUID: id,
		})
	}
	// Agents of the node's queue see the context as channel variables.
	vars := make(map[string]string, len(headers))
	for k, v := range headers {
		vars["sip_h_"+k] = v
	}
	if err := c.do(ctx, esl.SetVariables{Variables: vars}); err != nil {
		return fmt.Errorf("context of the queue: %w", err)
	}
	return c.do(ctx, esl.CallcenterQueue{Queue: to.To, EventUUID: id})
}

// sendText carries a message to the bridge through the switch.
func (c *channel) sendText(ctx context.Context, b []byte) error {
	return c.do(ctx, esl.AudioForkSendText{Bug: bugName, JSON: b})
}

func ignoreRefused(err error) error {
	if errors.Is(err, esl.ErrRefused) {
		return nil
	}
	return err
}
