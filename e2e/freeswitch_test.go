package e2e_test

import (
	"os"
	"testing"

	"github.com/tidegate/tidegate/orchestrator"
)

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// TestFreeSWITCH places calls through a real FreeSWITCH that runs with
// freeswitch-conf; e2e/contract/README.md tells its variables.
func TestFreeSWITCH(t *testing.T) {
	if os.Getenv("TIDEGATE_TEST_FREESWITCH") == "" {
		t.Skip("TIDEGATE_TEST_FREESWITCH names no event socket of a FreeSWITCH")
	}
	set := setup{
		sip:    env("TIDEGATE_TEST_FREESWITCH_SIP", "127.0.0.1:5060"),
		secret: env("TIDEGATE_TEST_FREESWITCH_SECRET", "contract"),
	}
	first := env("TIDEGATE_TEST_FREESWITCH_FIRST", "127.0.0.1:8084")
	second := env("TIDEGATE_TEST_FREESWITCH_SECOND", "127.0.0.1:8085")
	t.Run("return", func(t *testing.T) {
		s := newSystem(t, set)
		s.startOrchestrator(func(c *orchestrator.Config) { c.ESL.Listen = first })
		if res := s.call("return", nil, nil); s.tickets(res.CallID) != 1 {
			t.Errorf("%d tickets", s.tickets(res.CallID))
		}
	})
	t.Run("callers who listen", func(t *testing.T) {
		s := telegraphed(t, set)
		s.startOrchestrator(func(c *orchestrator.Config) { c.ESL.Listen = first })
		s.placeAll(shipped(t, true), 8)
	})
	t.Run("takeover", func(t *testing.T) {
		takeover(t, newSystem(t, set), first, second)
	})
	t.Run("NATS restart", func(t *testing.T) {
		s := newSystem(t, set)
		s.startOrchestrator(func(c *orchestrator.Config) { c.ESL.Listen = first })
		natsRestart(t, s)
	})
}
