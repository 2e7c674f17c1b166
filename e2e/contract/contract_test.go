package contract

import (
	"os"
	"path/filepath"
	"testing"

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
