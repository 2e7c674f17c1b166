package e2e_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/tidegate/tidegate/orchestrator"
	"github.com/tidegate/tidegate/orchestrator/call"
	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

// TestLostCallIsClosed: a call that a node no longer has, and that nobody
// saw end, gets an end in the records; one that lives elsewhere does not.
func TestLostCallIsClosed(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setup{})
	m := &call.Machine{Flow: dialog.Default(), Config: call.ConfigDefaults()}
	kv, err := s.bus.KV(t.Context(), schemas.BucketCalls)
	if err != nil {
		t.Fatal(err)
	}
	put := func(id, core string) {
		state := m.Begin(call.Start{ID: id, Node: "devswitch", Core: core, Caller: "13800138001"}, time.Now())
		state, _ = m.Step(state, time.Now(), call.Arrived{})
		state, _ = m.Step(state, time.Now(), call.Answered{})
		b, err := state.MarshalSnapshot()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kv.Put(t.Context(), id, b); err != nil {
			t.Fatal(err)
		}
	}
	put("lost-call", s.sw.CoreUUID())
	put("call-of-another-node", "another-core")
	s.startOrchestrator(func(c *orchestrator.Config) {
		c.Nodes, c.NodePassword = []string{s.sw.EventSocketAddr()}, "ClueCon"
	})
	var got struct {
		Outcome string `json:"outcome"`
		Cause   int    `json:"cause"`
	}
	eventually(t, "the record is closed", func() bool {
		return json.Unmarshal([]byte(s.get("calls/lost-call")), &got) == nil && got.Outcome != ""
	})
	if got.Cause != 41 {
		t.Errorf("cause %d, want 41 (Q.850 temporary failure)", got.Cause)
	}
	keys, err := kv.Keys(t.Context())
	if err != nil || len(keys) != 1 || keys[0] != "call-of-another-node" {
		t.Errorf("snapshots left: %v, %v", keys, err)
	}
}
