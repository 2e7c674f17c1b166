package contract

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/devswitch"
	"github.com/tidegate/tidegate/internal/loopback"
	"github.com/tidegate/tidegate/orchestrator/esl"
)

// env reads a setting of a real switch.
func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// TestFreeSWITCH runs against a real FreeSWITCH with freeswitch-conf loaded:
//
//	TIDEGATE_TEST_FREESWITCH           its event socket, host:port
//	TIDEGATE_TEST_FREESWITCH_PASSWORD  default ClueCon
//	TIDEGATE_TEST_FREESWITCH_SIP       where it takes calls, default 127.0.0.1:5060
//	TIDEGATE_TEST_FREESWITCH_FIRST     its TIDEGATE_FIRST, default 127.0.0.1:8084
//	TIDEGATE_TEST_FREESWITCH_SECOND    its TIDEGATE_SECOND, default 127.0.0.1:8085
//	TIDEGATE_TEST_FREESWITCH_SECRET    its TIDEGATE_SECRET, default contract
func TestFreeSWITCH(t *testing.T) {
	socket := os.Getenv("TIDEGATE_TEST_FREESWITCH")
	if socket == "" {
		t.Skip("TIDEGATE_TEST_FREESWITCH names no event socket of a FreeSWITCH")
	}
	prompt, err := filepath.Abs("../../freeswitch-conf/sounds/busy.wav")
	if err != nil {
		t.Fatal(err)
	}
	Run(t, Target{
		Name: "freeswitch", EventSocket: socket,
		Password: env("TIDEGATE_TEST_FREESWITCH_PASSWORD", "ClueCon"),
		SIP:      env("TIDEGATE_TEST_FREESWITCH_SIP", "127.0.0.1:5060"),
		First:    env("TIDEGATE_TEST_FREESWITCH_FIRST", "127.0.0.1:8084"),
		Second:   env("TIDEGATE_TEST_FREESWITCH_SECOND", "127.0.0.1:8085"),
		Secret:   env("TIDEGATE_TEST_FREESWITCH_SECRET", "contract"),
		Prompt:   prompt, Fallback: true, Module: esl.ForkStreaming, Profile: "external",
	})
}

// TestStandIn runs against the stand-in, always.
func TestStandIn(t *testing.T) {
	prompt, err := filepath.Abs("../../freeswitch-conf/sounds/busy.wav")
	if err != nil {
		t.Fatal(err)
	}
	first, second := loopback.Address(t), loopback.Address(t)
	cfg := devswitch.Defaults()
	cfg.SIPListen, cfg.EventSocketListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.EventSocketPassword, cfg.Secret = "contract", "contract-secret"
	cfg.Sockets = []string{first, second}
	cfg.FallbackPrompt = prompt
	cfg.Heartbeat = time.Second
	cfg.TempDir = t.TempDir()
	s, err := devswitch.New(cfg, devswitch.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	Run(t, Target{
		Name: "devswitch", EventSocket: s.EventSocketAddr(), Password: "contract", SIP: s.SIPAddr(), First: first, Second: second,
		Secret: "contract-secret", Prompt: prompt, Fallback: true, Module: esl.ForkStreaming, Profile: "external",
	})
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
