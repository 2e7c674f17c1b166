package speech_test

import (
	"strings"
	"testing"

	"github.com/tidegate/tidegate/workers/speech"
)

func TestValidate(t *testing.T) {
	if err := speech.Defaults().Validate(""); err != nil {
		t.Errorf("defaults: %v", err)
	}
	bad := speech.Config{Listen: "nowhere", Advertise: "http://x/y", MaxFrame: 1, Secret: "short"}
	err := bad.Validate("server.")
	if err == nil {
		t.Fatal("accepted")
	}
	for _, key := range []string{"listen", "advertise", "capacity", "grant_ttl", "start_timeout", "max_frame",
		"max_mistakes", "ping_interval", "pong_timeout", "write_timeout", "secret"} {
		if !strings.Contains(err.Error(), "server."+key+": ") {
			t.Errorf("nothing said about %s: %v", key, err)
		}
	}
	if strings.Contains(err.Error(), "short") {
		t.Error("the secret is in the error")
	}
	everywhere := speech.Defaults()
	everywhere.Listen = "0.0.0.0:0"
	if err := everywhere.Validate(""); err == nil {
		t.Error("no advertised address for a listener on all of them")
	}
}
