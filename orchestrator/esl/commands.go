package esl

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Errors of a command that is never sent.
var (
	// ErrUnsafe: an argument holds CR, LF, NUL, another control character, "$", or what its place does not allow.
	// The switch would read a line end as the next command, and "${...}" as something to look up or to run.
	ErrUnsafe = errors.New("argument not safe for the switch")
	// ErrArgument: an argument is missing or out of its range.
	ErrArgument = errors.New("command argument missing or out of range")
)

// Command is something a switch can be told. Its values are the types of this file.
type Command interface {
	// wire builds the text for a channel; the channel's id is empty on a node link.
	wire(channel string) (wire, error)
}

// wire is a command ready to be sent.
type wire struct {
	kind      kind
	text      string
	api       bool   // answered by api/response
	usage     bool   // -USAGE is an answer, not a refusal
	eventUUID string // of an executed application
	jobUUID   string // of a background job
}

// Limits of what is accepted in arguments.
const (
	maxArgument = 4096
	maxForkText = 8000 // mod_audio_fork: MAX_METADATA_LEN 8192
	maxURL      = 500  // mod_audio_fork: MAX_WS_URL_LEN 512
	bodyFrom    = 1024 // longer application arguments travel as a body
)

// Commands to one channel. UUID may stay empty on a Channel, which then means its own.
type (
	// Answer answers the call and waits in the application until media flows.
	Answer struct{ EventUUID string }
	// PreAnswer opens early media (183).
	PreAnswer struct{ EventUUID string }
	// Hangup ends a channel now, whatever runs on it. Cause is FreeSWITCH's name; empty is NORMAL_CLEARING.
	Hangup struct{ UUID, Cause string }
	// SetVariables sets channel variables, at most 50; an empty value removes one.
	SetVariables struct {
		UUID      string
		Variables map[string]string
	}
	// Playback plays a file, or a tone_stream://, silence_stream:// or local_stream:// address, to its end.
	Playback struct{ File, EventUUID string }
	// Park parks the channel until something else is executed.
	Park struct{ EventUUID string }
	// Sleep lets the channel wait.
	Sleep struct {
		For       time.Duration
		EventUUID string
	}
	// SendDTMF plays keys to the far end. Digits of 0-9 * # A-D and w (half a second's wait).
	SendDTMF struct {
		UUID   string
		Digits string
		Each   time.Duration // 0: the switch's default
	}
	// Bridge connects the channel to an endpoint and waits there until the bridge ends. Headers become SIP
	// headers of the INVITE ("X-..." only), their values percent-encoded (RFC 3986, unreserved characters kept)
	// as UTF-8: url.PathUnescape reads them.
	Bridge struct {
		Endpoint     string // see SIPEndpoint
		CallerNumber string
		CallerName   string // ASCII
		Timeout      time.Duration
		Headers      map[string]string
		Variables    map[string]string // for the new leg; plain characters only
		LegUUID      string            // origination_uuid of the new leg
		EventUUID    string
	}
	// BridgeChannels connects two channels that both exist (uuid_bridge). UUID may stay empty on a Channel.
	BridgeChannels struct{ UUID, Other string }
	// CallcenterQueue puts the channel into a queue of the node's mod_callcenter; it stays under control.
	CallcenterQueue struct{ Queue, EventUUID string }
	// StopPlayback ends what plays now. Applications queued behind it stay: "uuid_break all" would drop them
	// without an event.
	StopPlayback struct{ UUID string }
	// Transfer sends the channel to an extension of the dialplan. Control over it ends.
	Transfer struct{ UUID, Extension, Dialplan, Context string }
	// BugList asks what is attached to the channel; ParseBugs reads the answer.
	BugList struct{ UUID string }
	// UUIDDump asks for all headers and variables; ParseDump reads the answer.
	UUIDDump struct{ UUID string }
	// UUIDExists answers "true" or "false".
	UUIDExists struct{ UUID string }
)

// Commands to mod_audio_fork.
type (
	// AudioForkStart attaches a fork: 8,000 Hz, the caller's side only, sound both ways. "+OK" means attempted:
	// ForkConnected or ForkFailed follows. Ask BugList first: starting one that is attached is refused.
	AudioForkStart struct {
		UUID       string
		URL        string // ws:// or wss://, at most 500 bytes
		Bug        string // name of the attachment
		Metadata   []byte // JSON, sent as the first text frame; empty: none
		SampleRate int    // 0 is 8000
		Streaming  bool   // jambonz's version: binary frames from the server are played
	}
	// AudioForkStop detaches.
	AudioForkStop struct{ UUID, Bug string }
	// AudioForkSendText sends JSON to the websocket's server.
	AudioForkSendText struct {
		UUID, Bug string
		JSON      []byte
	}
	// AudioForkProbe asks for the usage line; ParseForkProbe reads the answer.
	AudioForkProbe struct{}
)

// Commands to a node.
type (
	// Originate places a call and parks it, or runs Application with Argument on it. It runs in the background:
	// the result is the BackgroundJob with JobUUID.
	Originate struct {
		UUID         string // of the new channel; empty: made by NodeLink.Originate
		Endpoint     string
		CallerNumber string
		CallerName   string
		Timeout      time.Duration
		Headers      map[string]string
		Variables    map[string]string
		Application  string // empty: park
		Argument     string
		JobUUID      string
	}
	// ShowChannels asks for all channels; ParseChannels reads the answer.
	ShowChannels struct{}
	// Status asks for the status text.
	Status struct{}
	// CoreUUID asks which run of the switch this is.
	CoreUUID struct{}
	// PauseInbound and ResumeInbound close and open the node for new incoming calls.
	PauseInbound  struct{}
	ResumeInbound struct{}
	// ShutdownElegant lets the node end when its last call has.
	ShutdownElegant struct{ JobUUID string }
)

// SIPEndpoint is the address of a SIP URI through a sofia profile, for Bridge and Originate.
func SIPEndpoint(profile, uri string) string {
	return "sofia/" + profile + "/" + strings.TrimPrefix(uri, "sip:")
}

func (c Answer) wire(string) (wire, error) { return execute(kindAnswer, "answer", "", c.EventUUID) }
func (c PreAnswer) wire(string) (wire, error) {
	return execute(kindPreAnswer, "pre_answer", "", c.EventUUID)
}
func (c Park) wire(string) (wire, error) { return execute(kindPark, "park", "", c.EventUUID) }

func (c Playback) wire(string) (wire, error) {
	if c.File == "" {
		return wire{}, fmt.Errorf("%w: playback without a file", ErrArgument)
	}
	return execute(kindPlayback, "playback", c.File, c.EventUUID)
}

func (c Sleep) wire(string) (wire, error) {
	if c.For < 0 || c.For > time.Hour {
		return wire{}, fmt.Errorf("%w: sleep", ErrArgument)
	}
	return execute(kindSleep, "sleep", strconv.FormatInt(c.For.Milliseconds(), 10), c.EventUUID)
}

func (c CallcenterQueue) wire(string) (wire, error) {
	if err := name("queue", c.Queue, ".@-_"); err != nil {
		return wire{}, err
	}
	return execute(kindCallcenter, "callcenter", c.Queue, c.EventUUID)
}

func (c Bridge) wire(string) (wire, error) {
	dial, err := dialString(c.Endpoint, legVariables{
		uuid: c.LegUUID, number: c.CallerNumber, name: c.CallerName, timeout: c.Timeout, headers: c.Headers, extra: c.Variables,
	})
	if err != nil {
		return wire{}, err
	}
	return execute(kindBridge, "bridge", dial, c.EventUUID)
}

func (c Hangup) wire(channel string) (wire, error) {
	cause := c.Cause
	if cause == "" {
		cause = CauseNormalClearing
	}
	if !KnownCause(cause) {
		return wire{}, fmt.Errorf("%w: unknown hang-up cause", ErrArgument)
	}
	return uuidAPI(kindHangup, "uuid_kill", c.UUID, channel, cause)
}

func (c SetVariables) wire(channel string) (wire, error) {
	if len(c.Variables) == 0 || len(c.Variables) > 50 {
		return wire{}, fmt.Errorf("%w: %d variables", ErrArgument, len(c.Variables))
	}
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(c.Variables)) {
		if err := name("variable", key, "_-."); err != nil {
			return wire{}, err
		}
		value, err := quote(c.Variables[key], maxArgument)
		if err != nil {
			return wire{}, fmt.Errorf("variable %s: %w", key, err)
		}
		pairs = append(pairs, key+"="+value)
	}
	return uuidAPI(kindSetVariables, "uuid_setvar_multi", c.UUID, channel, strings.Join(pairs, ";"))
}

func (c SendDTMF) wire(channel string) (wire, error) {
	if c.Digits == "" || len(c.Digits) > 64 || strings.Trim(c.Digits, "0123456789*#ABCDabcdwW") != "" {
		return wire{}, fmt.Errorf("%w: digits", ErrArgument)
	}
	digits := c.Digits
	if c.Each > 0 {
		digits += "@" + strconv.FormatInt(c.Each.Milliseconds(), 10)
	}
	return uuidAPI(kindSendDTMF, "uuid_send_dtmf", c.UUID, channel, digits)
}

func (c BridgeChannels) wire(channel string) (wire, error) {
	if err := channelID(c.Other); err != nil {
		return wire{}, err
	}
	return uuidAPI(kindBridgeChannels, "uuid_bridge", c.UUID, channel, c.Other)
}

func (c StopPlayback) wire(channel string) (wire, error) {
	return uuidAPI(kindStopPlayback, "uuid_break", c.UUID, channel, "")
}

func (c Transfer) wire(channel string) (wire, error) {
	args := []string{c.Extension, c.Dialplan, c.Context}
	for i, a := range args {
		if a == "" && i > 0 {
			args = args[:i]
			break
		}
		if err := name("transfer target", a, "_-.+*#"); err != nil {
			return wire{}, err
		}
	}
	return uuidAPI(kindTransfer, "uuid_transfer", c.UUID, channel, strings.Join(args, " "))
}

func (c BugList) wire(channel string) (wire, error) {
	return uuidAPI(kindBugList, "uuid_buglist", c.UUID, channel, "")
}
func (c UUIDDump) wire(channel string) (wire, error) {
	return uuidAPI(kindDump, "uuid_dump", c.UUID, channel, "")
}
func (c UUIDExists) wire(channel string) (wire, error) {
	return uuidAPI(kindExists, "uuid_exists", c.UUID, channel, "")
}

func (c AudioForkStart) wire(channel string) (wire, error) {
	u, err := url.Parse(c.URL)
	if err != nil || (u.Scheme != "ws" && u.Scheme != "wss") || u.Host == "" || len(c.URL) > maxURL || strings.ContainsAny(c.URL, "|'\\ ^") {
		return wire{}, fmt.Errorf("%w: fork address", ErrArgument)
	}
	if err := plain(c.URL, maxURL); err != nil {
		return wire{}, fmt.Errorf("fork address: %w", err)
	}
	rate := c.SampleRate
	if rate == 0 {
		rate = 8000
	}
	if rate%8000 != 0 || rate < 8000 || rate > 64000 {
		return wire{}, fmt.Errorf("%w: fork rate %d", ErrArgument, rate)
	}
	metadata := "''"
	if len(c.Metadata) > 0 {
		metadata, err = quoteJSON(c.Metadata)
	}
	if err != nil {
		return wire{}, fmt.Errorf("fork metadata: %w", err)
	}
	if err := name("bug", c.Bug, "_-"); err != nil || len(c.Bug) > 64 {
		return wire{}, fmt.Errorf("%w: fork name", ErrArgument)
	}
	// All ten fields always: with the rate missing the module crashes its switch.
	hz := strconv.Itoa(rate)
	return forkAPI(kindForkStart, c.UUID, channel, "start", c.URL, "mono", hz, c.Bug, metadata,
		"true", strconv.FormatBool(c.Streaming), hz)
}

func (c AudioForkStop) wire(channel string) (wire, error) {
	if err := name("bug", c.Bug, "_-"); err != nil {
		return wire{}, err
	}
	return forkAPI(kindForkStop, c.UUID, channel, "stop", c.Bug)
}

func (c AudioForkSendText) wire(channel string) (wire, error) {
	if err := name("bug", c.Bug, "_-"); err != nil {
		return wire{}, err
	}
	said, err := quoteJSON(c.JSON)
	if err != nil {
		return wire{}, fmt.Errorf("fork text: %w", err)
	}
	return forkAPI(kindForkText, c.UUID, channel, "send_text", c.Bug, said)
}

func (AudioForkProbe) wire(string) (wire, error) {
	return wire{kind: kindForkProbe, text: "api uuid_audio_fork", api: true, usage: true}, nil
}

func (c Originate) wire(string) (wire, error) {
	dial, err := dialString(c.Endpoint, legVariables{
		uuid: c.UUID, number: c.CallerNumber, name: c.CallerName, timeout: c.Timeout, headers: c.Headers, extra: c.Variables,
	})
	if err != nil {
		return wire{}, err
	}
	app, arg := c.Application, c.Argument
	if app == "" {
		app = "park"
	}
	if err := name("application", app, "_"); err != nil {
		return wire{}, err
	}
	if err := plain(arg, maxArgument); err != nil || strings.ContainsAny(arg, "'\\()") {
		return wire{}, fmt.Errorf("%w: originate argument", ErrUnsafe)
	}
	return background(kindOriginate, "originate "+dial+" '&"+app+"("+arg+")'", c.JobUUID)
}

func (ShowChannels) wire(string) (wire, error) {
	return wire{kind: kindShowChannels, text: "api show channels as json", api: true}, nil
}
func (Status) wire(string) (wire, error) {
	return wire{kind: kindStatus, text: "api status", api: true}, nil
}
func (CoreUUID) wire(string) (wire, error) {
	return wire{kind: kindCoreUUID, text: "api global_getvar core_uuid", api: true}, nil
}
func (PauseInbound) wire(string) (wire, error) {
	return wire{kind: kindControl, text: "api fsctl pause inbound", api: true}, nil
}
func (ResumeInbound) wire(string) (wire, error) {
	return wire{kind: kindControl, text: "api fsctl resume inbound", api: true}, nil
}
func (c ShutdownElegant) wire(string) (wire, error) {
	return background(kindControl, "fsctl shutdown elegant", c.JobUUID)
}

// execute is a sendmsg with our own Event-UUID, which comes back as Application-UUID of
// CHANNEL_EXECUTE_COMPLETE, and with event-lock, so that applications run one after the other.
func execute(k kind, app, arg, eventUUID string) (wire, error) {
	if eventUUID == "" {
		eventUUID = uuid.NewString()
	}
	if err := channelID(eventUUID); err != nil {
		return wire{}, err
	}
	if err := plain(arg, maxArgument); err != nil {
		return wire{}, fmt.Errorf("%s: %w", app, err)
	}
	if strings.Contains(arg, `\`) { // the switch expands escapes in application arguments
		return wire{}, fmt.Errorf("%s: %w: backslash", app, ErrUnsafe)
	}
	var b strings.Builder
	// CR LF throughout: mod_event_socket looks for the next CR first, and with bare LFs it would take the
	// whole message for one line, up to eslgo's closing CR LF.
	b.WriteString("sendmsg\r\ncall-command: execute\r\nexecute-app-name: " + app +
		"\r\nevent-lock: true\r\nEvent-UUID: " + eventUUID)
	switch {
	case len(arg) > bodyFrom:
		fmt.Fprintf(&b, "\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n%s", len(arg), arg)
	case arg != "":
		b.WriteString("\r\nexecute-app-arg: " + arg)
	}
	return wire{kind: k, text: b.String(), eventUUID: eventUUID}, nil
}

func uuidAPI(k kind, api, own, channel, rest string) (wire, error) {
	id, err := target(own, channel)
	if err != nil {
		return wire{}, err
	}
	line := "api " + api + " " + id
	if rest != "" {
		line += " " + rest
	}
	return wire{kind: k, text: line, api: true}, nil
}

func forkAPI(k kind, own, channel string, parts ...string) (wire, error) {
	id, err := target(own, channel)
	if err != nil {
		return wire{}, err
	}
	return wire{kind: k, api: true, text: "api uuid_audio_fork ^^|" + id + "|" + strings.Join(parts, "|")}, nil
}

func background(k kind, line, job string) (wire, error) {
	if job == "" {
		job = uuid.NewString()
	}
	if err := channelID(job); err != nil {
		return wire{}, err
	}
	return wire{kind: k, text: "bgapi " + line + "\r\nJob-UUID: " + job, jobUUID: job}, nil
}

// subscribe, linger, auth are the layer's own.
func subscribe(list string) wire { return wire{kind: kindSubscribe, text: list} }

func authenticate(password string) (wire, error) {
	if err := plain(strings.ReplaceAll(password, "$", ""), 256); err != nil || password == "" {
		return wire{}, fmt.Errorf("%w: event socket password", ErrArgument)
	}
	return wire{kind: kindAuth, text: "auth " + password}, nil
}
