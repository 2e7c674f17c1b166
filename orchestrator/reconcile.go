package orchestrator

import (
	"context"
	"time"

	"github.com/tidegate/tidegate/orchestrator/call"
	"github.com/tidegate/tidegate/orchestrator/esl"
	"github.com/tidegate/tidegate/schemas"
)

var now = time.Now

// reconcileLimit bounds one comparison of a node with the snapshots.
const reconcileLimit = 20 * time.Second

// watch reads a node's events for as long as the service runs.
func (s *Service) watch(n *esl.NodeLink) {
	for {
		select {
		case <-s.ctx.Done():
			return
		case ev := <-n.Events():
			switch e := ev.(type) {
			case esl.NodeUp:
				s.log.Info("node is up", "node", e.Node)
				s.closeLost(n, n.CoreUUID())
			case esl.NodeDown:
				s.log.Warn("node is down", "node", e.Node, "error", e.Err)
			case esl.NodeRestarted:
				s.log.Warn("node restarted, its calls are gone", "node", e.Node)
				s.closeLost(n, e.PreviousCore)
			case esl.ShuttingDown:
				s.log.Warn("node is shutting down", "node", n.Name())
			}
		}
	}
}

// closeLost closes the records of calls that a run of a switch had and has
// no more: what happened while the link was away brings no event. Calls that
// live are somebody's, by their own sockets.
func (s *Service) closeLost(n *esl.NodeLink, core string) {
	ctx, cancel := context.WithTimeout(s.ctx, reconcileLimit)
	defer cancel()
	kv, err := s.bus.KV(ctx, schemas.BucketCalls)
	if err != nil {
		s.log.Warn("node not compared with the snapshots", "error", err)
		return
	}
	keys, err := kv.Keys(ctx)
	if err != nil || len(keys) == 0 {
		return
	}
	alive := map[string]bool{}
	if core == n.CoreUUID() {
		rows, err := n.ShowChannels(ctx)
		if err != nil {
			s.log.Warn("node not compared with the snapshots", "error", err)
			return
		}
		for _, r := range rows {
			alive[r.UUID] = true
		}
	}
	for _, id := range keys {
		b, _, err := kv.Get(ctx, id)
		if err != nil || alive[id] || s.has(id) {
			continue
		}
		state, err := call.UnmarshalSnapshot(b)
		if err != nil || state.Core != core {
			continue
		}
		// Q.850 cause 41, temporary failure.
		machine, err := s.flows.resume(state.Called, state.Dialog)
		if err != nil { // to end a call, any flow will do
			machine, _ = s.flows.route(state.Called)
		}
		_, effects := machine.Step(state, now(), call.HungUp{Cause: "NORMAL_TEMPORARY_FAILURE", Q850: 41})
		for _, e := range effects {
			if f, ok := e.(call.Fact); ok {
				recorder{spool: s.spool, log: s.log}.Record(id, f.Event, f.Data)
			}
		}
		if err := kv.Delete(ctx, id); err != nil {
			s.log.Warn("snapshot of a lost call stays", "call", id, "error", err)
		}
		s.log.Warn("call closed as lost", "call", id)
	}
}

func (s *Service) has(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.sessions[id]
	return ok
}
