package orchestrator

import (
	"context"
	"slices"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/orchestrator/call"
	"github.com/tidegate/tidegate/schemas"
)

// wantedPause is the least time between two announcements of the prompts:
// when many synthesis workers start at once, one answers them all.
const wantedPause = time.Second

// Prompts are what callers of the flows hear word by word, just as the bridge
// asks for it: what synthesis workers should have ready.
func (s *Service) Prompts() []schemas.PromptsPrepare {
	var out []schemas.PromptsPrepare
	for _, m := range s.flows.machines() {
		out = append(out, promptsOf(m)...)
	}
	return out
}

func promptsOf(m *call.Machine) []schemas.PromptsPrepare {
	flow, cfg := m.Flow, m.Config
	var all []schemas.FixedPrompt
	for _, p := range flow.FixedPrompts() {
		f := schemas.FixedPrompt{Text: p.Text, Language: m.Language(), Voice: cfg.Voice, Rate: cfg.Rate, Style: p.Style}
		if !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	var out []schemas.PromptsPrepare
	for part := range slices.Chunk(all, schemas.PromptsPerMessage) {
		out = append(out, schemas.PromptsPrepare{
			Flow: flow.Name(), Version: flow.Version(), SampleRates: []int{forkSampleRate}, Prompts: part,
		})
	}
	return out
}

// announcePrompts tells the synthesis workers the prompts: now, whenever one of
// them, or NATS, has come back, and when a flow has changed.
func (s *Service) announcePrompts() error {
	wanted := make(chan struct{}, 1)
	want := func() {
		select {
		case wanted <- struct{}{}:
		default: // it will be told anyway
		}
	}
	sub, err := s.bus.Subscribe(schemas.SubjectPromptsWanted, "", func(bus.Message) { want() })
	if err != nil {
		return err
	}
	unhook := s.bus.OnRestored(want)
	want()
	if s.cfg.FlowReload > 0 {
		s.background.Go(func() { s.flows.watch(s.ctx, s.cfg.FlowReload, want) })
	}
	s.background.Go(func() {
		defer unhook()
		defer func() { _ = sub.Unsubscribe() }()
		s.tellPrompts(s.ctx, wanted)
	})
	return nil
}

func (s *Service) tellPrompts(ctx context.Context, wanted <-chan struct{}) {
	for {
		select {
		case <-wanted:
		case <-ctx.Done():
			return
		}
		for _, m := range s.Prompts() {
			if err := s.bus.Publish(schemas.SubjectPromptsPrepare, m); err != nil {
				s.log.Warn("prompts not told to the synthesis workers", "error", err)
			}
		}
		select {
		case <-time.After(wantedPause):
		case <-ctx.Done():
			return
		}
	}
}
