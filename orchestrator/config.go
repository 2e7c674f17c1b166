// Package orchestrator owns calls: it takes them from FreeSWITCH over the
// outbound event socket, leads the conversation, and hands over to people.
package orchestrator

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/orchestrator/call"
	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/orchestrator/esl"
	"github.com/tidegate/tidegate/orchestrator/llm"
	"github.com/tidegate/tidegate/orchestrator/spool"
)

// Config of the orchestrator.
type Config struct {
	Name         string             `koanf:"name" help:"name of this instance; empty: host name and process id"`
	ESL          esl.ListenerConfig `koanf:"esl"`
	Nodes        []string           `koanf:"nodes" help:"event sockets of FreeSWITCH nodes, HOST:PORT"`
	NodePassword config.Secret      `koanf:"node_password" help:"password of the nodes' event sockets"`
	Fork         ForkConfig         `koanf:"fork"`
	Handoff      HandoffConfig      `koanf:"handoff"`
	FlowDir      string             `koanf:"flow_dir" help:"folder of the flow, or name of a built-in one; empty: the built-in returns flow"`
	Flows        []string           `koanf:"flows" help:"flows of called numbers, NUMBER=FLOW or NUMBER=FLOW@TENANT; FLOW is a folder or a built-in flow such as returns/en-US; a * at the end of NUMBER stands for any digits, the longest match counts; other numbers have flow_dir's"`
	FlowReload   time.Duration      `koanf:"flow_reload" help:"how often the folders of flows are looked at for changes, which new calls then get; 0: never"`
	Tenant       string             `koanf:"tenant" help:"tenant of the calls of this orchestrator"`
	Voice        string             `koanf:"voice" help:"voice of the synthesis; empty: the flow's, else the engine's own"`
	Rate         float64            `koanf:"rate" help:"speaking rate, 1 is normal; 0: the flow's"`
	Dialects     DialectConfig      `koanf:"dialects"`
	LLM          llm.Config         `koanf:"llm"`
	RecordURL    string             `koanf:"record_url" help:"address under which a call's record can be read, for people who take the call over"`
	Spool        spool.Config       `koanf:"spool"`
	Limits       LimitsConfig       `koanf:"limits"`
}

// ForkConfig says where FreeSWITCH streams a call's sound to.
type ForkConfig struct {
	Bridges   []string      `koanf:"bridges" help:"mediabridges, ws://HOST:PORT; a call takes one by its id and goes on to the next when it fails"`
	Secret    config.Secret `koanf:"secret" help:"key that signs fork tokens, at least 16 characters, the same as the mediabridge's"`
	TokenLife time.Duration `koanf:"token_life" help:"how long a fork token opens the bridge"`
	Playout   string        `koanf:"playout" help:"auto, stream or file: how sound gets back into FreeSWITCH"`
}

// HandoffConfig says where people answer.
type HandoffConfig struct {
	SIP     string        `koanf:"sip" help:"SIP URI that callers are bridged to, sip:agents@HOST; empty: only the local queue"`
	Profile string        `koanf:"profile" help:"sofia profile for the SIP URI"`
	Queue   string        `koanf:"queue" help:"mod_callcenter queue on the caller's node; empty: none"`
	Ring    time.Duration `koanf:"ring" help:"how long one target is tried"`
}

// LimitsConfig bounds what a call waits for.
type LimitsConfig struct {
	Call   time.Duration `koanf:"call" help:"longest call"`
	Media  time.Duration `koanf:"media" help:"longest wait for the audio fork"`
	Lookup time.Duration `koanf:"lookup" help:"longest wait for the order system"`
	// LookupBudget goes with each question to the order worker.
	LookupBudget time.Duration `koanf:"lookup_budget" help:"how long a caller waits for the order system without a word; then it is said that it is still looked for"`
	Ticket       time.Duration `koanf:"ticket" help:"longest wait for a ticket number; then it is promised for later"`
}

// Defaults lack only the secrets and where the nodes and bridges are.
func Defaults() Config {
	c := call.ConfigDefaults()
	return Config{
		ESL:        esl.ListenerDefaults(),
		Fork:       ForkConfig{Bridges: []string{"ws://127.0.0.1:8090"}, TokenLife: time.Minute, Playout: "auto"},
		Handoff:    HandoffConfig{Profile: "external", Queue: "fallback", Ring: 30 * time.Second},
		Tenant:     "default",
		Dialects:   DialectConfig{Reports: 3},
		LLM:        llm.Defaults(),
		RecordURL:  "http://127.0.0.1:8080/api/v1/calls/",
		Spool:      spool.Defaults(),
		Limits:     LimitsConfig{Call: c.CallLimit, Media: c.MediaLimit, Lookup: c.LookupLimit, LookupBudget: c.LookupBudget, Ticket: c.TicketLimit},
		FlowReload: 5 * time.Second,
	}
}

// Validate reports every field that cannot work.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	within := func(prefix string, err error) {
		for _, e := range config.Errors(err) {
			bad("%s.%w", prefix, e)
		}
	}
	within("esl", c.ESL.Validate())
	within("spool", c.Spool.Validate())
	within("dialects", c.Dialects.Validate())
	if len(c.Fork.Bridges) == 0 {
		bad("fork.bridges: at least one is needed")
	}
	for _, b := range c.Fork.Bridges {
		u, err := url.Parse(b)
		if err != nil || (u.Scheme != "ws" && u.Scheme != "wss") || u.Host == "" || strings.ContainsAny(b, " |$'") {
			bad("fork.bridges: must be ws://HOST:PORT or wss://HOST:PORT, is %q", b)
		}
	}
	if len(c.Fork.Secret) < 16 {
		bad("fork.secret: must have at least 16 characters")
	}
	if c.Fork.TokenLife <= 0 {
		bad("fork.token_life: must be more than 0")
	}
	switch c.Fork.Playout {
	case "auto", playoutStream, playoutFile:
	default:
		bad("fork.playout: must be auto, stream or file, is %q", c.Fork.Playout)
	}
	if s := c.Handoff.SIP; s != "" && !strings.HasPrefix(s, "sip:") && !strings.HasPrefix(s, "sips:") {
		bad("handoff.sip: must begin with sip: or sips:, is %q", s)
	}
	if c.Handoff.SIP != "" && c.Handoff.Profile == "" {
		bad("handoff.profile: must be set when handoff.sip is")
	}
	for key, d := range map[string]time.Duration{
		"handoff.ring": c.Handoff.Ring, "limits.call": c.Limits.Call, "limits.media": c.Limits.Media,
		"limits.lookup": c.Limits.Lookup, "limits.lookup_budget": c.Limits.LookupBudget, "limits.ticket": c.Limits.Ticket,
	} {
		if d <= 0 {
			bad("%s: must be more than 0, is %s", key, d)
		}
	}
	if len(c.Nodes) > 0 && c.NodePassword == "" {
		bad("node_password: must be set when nodes are")
	}
	if !(c.Rate >= 0 && c.Rate <= 4) {
		bad("rate: must be 0 to 4, is %g", c.Rate)
	}
	if err := c.LLM.Validate("llm."); err != nil {
		errs = append(errs, err)
	}
	if _, err := c.routes(); err != nil {
		errs = append(errs, err)
	}
	if c.FlowReload < 0 || c.FlowReload > 0 && c.FlowReload < 100*time.Millisecond {
		bad("flow_reload: must be 0 or at least 100ms, is %s", c.FlowReload)
	}
	if c.Tenant == "" {
		bad("tenant: must be set")
	}
	return errors.Join(errs...)
}

func (c Config) targets() []call.Target {
	var t []call.Target
	if c.Handoff.SIP != "" {
		t = append(t, call.Target{Kind: call.TargetSIP, To: c.Handoff.SIP})
	}
	if c.Handoff.Queue != "" {
		t = append(t, call.Target{Kind: call.TargetLocalQueue, To: c.Handoff.Queue})
	}
	return t
}

// call is what Step needs to know; voice is the flow's.
func (c Config) call(name string, voice dialog.Voice) call.Config {
	cc := call.ConfigDefaults()
	cc.Orchestrator, cc.TranscriptBase = name, c.RecordURL
	cc.Voice, cc.Rate, cc.Language = cmp.Or(c.Voice, voice.Name), cmp.Or(c.Rate, voice.Rate, cc.Rate), voice.Language
	cc.CallLimit, cc.MediaLimit, cc.LookupLimit, cc.TicketLimit = c.Limits.Call, c.Limits.Media, c.Limits.Lookup, c.Limits.Ticket
	cc.LookupBudget = c.Limits.LookupBudget
	cc.HandoffLimit, cc.Targets = c.Handoff.Ring, c.targets()
	cc.Dialects, cc.DialectReports = c.Dialects.Available, c.Dialects.Reports
	cc.ConsultLimit = c.LLM.Timeout
	cc.MediaAttempts = max(3, len(c.Fork.Bridges)+1)
	return cc
}
