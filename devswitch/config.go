package devswitch

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/config"
)

// Config of the stand-in.
type Config struct {
	SIPListen           string        `koanf:"sip_listen" help:"host:port for SIP over UDP and TCP"`
	EventSocketListen   string        `koanf:"event_socket_listen" help:"host:port of the inbound event socket"`
	EventSocketPassword config.Secret `koanf:"event_socket_password" help:"password of the inbound event socket"`
	Sockets             []string      `koanf:"sockets" help:"outbound sockets in order, one dialplan action each; a:1|b:2 tries hosts within one action"`
	Secret              config.Secret `koanf:"secret" help:"value of the channel variable tidegate_secret"`
	SendSilence         int           `koanf:"send_silence" help:"send_silence_when_idle of parked calls; 0 sends nothing while parked"`
	FallbackPrompt      string        `koanf:"fallback_prompt" help:"WAV file played when no orchestrator takes the call"`
	FallbackQueue       string        `koanf:"fallback_queue" help:"local queue after the fallback prompt; empty hangs up"`
	QueueTimeout        time.Duration `koanf:"queue_timeout" help:"longest wait in the local queue"`
	Dialplan            []string      `koanf:"dialplan" help:"whole dialplan, one 'application argument' each; replaces the one made of sockets and fallback"`
	RTPIP               string        `koanf:"rtp_ip" help:"address for audio; empty takes the SIP address"`
	RTPMin              int           `koanf:"rtp_min" help:"lowest RTP port; 0 lets the system choose"`
	RTPMax              int           `koanf:"rtp_max" help:"highest RTP port"`
	MaxSessions         int           `koanf:"max_sessions" help:"most calls at once; more get 503"`
	SessionsPerSecond   int           `koanf:"sessions_per_second" help:"most new calls a second; more get 503"`
	Heartbeat           time.Duration `koanf:"heartbeat" help:"interval of HEARTBEAT events"`
	Hostname            string        `koanf:"hostname" help:"FreeSWITCH-Hostname in events"`
	ForkStreaming       bool          `koanf:"fork_streaming" help:"audio fork with streaming play-out; false behaves as the older module that plays files"`
	TempDir             string        `koanf:"temp_dir" help:"directory for audio files of playAudio"`
}

// Defaults are for one machine: loopback, and one orchestrator on it.
func Defaults() Config {
	return Config{
		SIPListen:           "127.0.0.1:5060",
		EventSocketListen:   "127.0.0.1:8021",
		EventSocketPassword: "ClueCon",
		Sockets:             []string{"127.0.0.1:8084"},
		SendSilence:         400,
		QueueTimeout:        5 * time.Minute,
		MaxSessions:         1000,
		SessionsPerSecond:   30,
		Heartbeat:           20 * time.Second,
		Hostname:            "devswitch",
		ForkStreaming:       true,
		TempDir:             os.TempDir(),
	}
}

// Validate returns every error at once.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("devswitch.%s: %s", key, fmt.Sprintf(format, args...)))
	}
	for key, address := range map[string]string{"sip_listen": c.SIPListen, "event_socket_listen": c.EventSocketListen} {
		if _, _, err := net.SplitHostPort(address); err != nil {
			bad(key, "not host:port: %v", err)
		}
	}
	if c.EventSocketPassword.Reveal() == "" {
		bad("event_socket_password", "empty")
	}
	for _, hosts := range c.Sockets {
		for host := range strings.SplitSeq(hosts, "|") {
			if _, _, err := net.SplitHostPort(host); err != nil {
				bad("sockets", "%q is not host:port", host)
			}
		}
	}
	for _, line := range c.Dialplan {
		app, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if _, known := applications[app]; !known {
			bad("dialplan", "unknown application %q", app)
		}
	}
	if c.RTPIP != "" && net.ParseIP(c.RTPIP) == nil {
		bad("rtp_ip", "not an address")
	}
	if c.RTPMin < 0 || c.RTPMax > 65535 || c.RTPMin > c.RTPMax {
		bad("rtp_min", "range %d-%d is empty or outside 0-65535", c.RTPMin, c.RTPMax)
	}
	for key, n := range map[string]int{"max_sessions": c.MaxSessions, "sessions_per_second": c.SessionsPerSecond} {
		if n < 1 {
			bad(key, "must be at least 1")
		}
	}
	if c.SendSilence < -1 || c.SendSilence > 10000 {
		bad("send_silence", "must be -1 to 10000")
	}
	if c.Heartbeat < 100*time.Millisecond {
		bad("heartbeat", "must be at least 100ms")
	}
	if c.QueueTimeout < time.Second {
		bad("queue_timeout", "must be at least 1s")
	}
	if c.Hostname == "" || c.TempDir == "" {
		bad("hostname", "hostname and temp_dir must not be empty")
	}
	return errors.Join(errs...)
}

// plan is the dialplan of incoming calls.
func (c Config) plan() []action {
	if len(c.Dialplan) > 0 {
		return parsePlan(c.Dialplan)
	}
	plan := []action{{"set", "hangup_after_bridge=true"}, {"set", "continue_on_fail=true"}}
	if c.SendSilence != 0 {
		plan = append(plan, action{"set", fmt.Sprintf("send_silence_when_idle=%d", c.SendSilence)})
	}
	if c.Secret.Reveal() != "" {
		plan = append(plan, action{"set", "tidegate_secret=" + c.Secret.Reveal()})
	}
	for _, hosts := range c.Sockets {
		plan = append(plan, action{"set", "socket_resume=true"}, action{"socket", hosts + " async full"})
	}
	plan = append(plan, action{"answer", ""})
	if c.FallbackPrompt != "" {
		plan = append(plan, action{"playback", c.FallbackPrompt})
	}
	if c.FallbackQueue != "" {
		plan = append(plan, action{"callcenter", c.FallbackQueue})
	}
	return append(plan, action{"hangup", "NORMAL_TEMPORARY_FAILURE"})
}
