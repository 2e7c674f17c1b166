package esl

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/percipia/eslgo"
)

// Info is what the switch said of a call when it handed it over.
type Info struct {
	ID           string // the channel's Unique-ID
	CoreUUID     string
	Hostname     string // of the FreeSWITCH node
	CallerNumber string
	CallerName   string
	CalledNumber string
	SIPCallID    string
	Direction    string // inbound, outbound
	Answered     bool   // true after a takeover, or for a call that we placed
	Codec        string
	Rate         int // Hz of the caller's codec
	headers      fields
}

// Variable is a channel variable as it was at the hand-over, empty when unset.
func (i Info) Variable(name string) string { return i.headers.value("variable_" + name) }

func infoOf(r *eslgo.RawResponse) Info {
	f := fields(r.Headers)
	id := f.value("Unique-ID")
	if id == "" {
		id = f.value("Channel-Unique-ID")
	}
	return Info{
		ID: id, CoreUUID: f.value("Core-UUID"), Hostname: f.value("FreeSWITCH-Hostname"),
		CallerNumber: first(f, "Caller-Caller-ID-Number", "Channel-Caller-ID-Number"),
		CallerName:   first(f, "Caller-Caller-ID-Name", "Channel-Caller-ID-Name"),
		CalledNumber: first(f, "Caller-Destination-Number", "Channel-Destination-Number"),
		SIPCallID:    f.value("variable_sip_call_id"),
		Direction:    first(f, "Call-Direction", "Caller-Direction", "variable_direction"),
		Answered:     f.value("Answer-State") == "answered",
		Codec:        first(f, "Channel-Read-Codec-Name", "variable_read_codec"),
		Rate:         max(f.number("Channel-Read-Codec-Rate"), f.number("variable_read_rate")),
		headers:      f,
	}
}

func first(f fields, names ...string) string {
	for _, n := range names {
		if v := f.value(n); v != "" {
			return v
		}
	}
	return ""
}

// Channel is one call under control: its events in order, and commands one at a time. Events must be taken;
// a reader that falls behind loses the channel. All methods may be called from any goroutine.
type Channel struct {
	info  Info
	conn  *conn
	inbox *inbox
	done  chan struct{}
}

// ID is the channel's UUID, which names the call everywhere.
func (c *Channel) ID() string { return c.info.ID }

// Info is what was known at the hand-over.
func (c *Channel) Info() Info { return c.info }

// Events gives the call's events in order. It is closed after HangupComplete, or after Disconnected.
func (c *Channel) Events() <-chan Event { return c.inbox.out }

// Done is closed when the connection has ended.
func (c *Channel) Done() <-chan struct{} { return c.done }

// Err says why the channel ended, nil before it did.
func (c *Channel) Err() error { return c.conn.cause() }

// Close gives control up; the call goes on with the next action of its dialplan. Idempotent.
func (c *Channel) Close() { c.conn.fail(ErrClosed) }

// Do sends one command and returns the switch's reply. A refusal is a RefusedError and leaves the channel as it
// was; every other error of the wire has closed it.
func (c *Channel) Do(ctx context.Context, cmd Command) (Reply, error) {
	return c.conn.do(ctx, cmd, c.info.ID)
}

func (c *conn) do(ctx context.Context, cmd Command, channel string) (Reply, error) {
	w, err := cmd.wire(channel)
	if err != nil {
		c.metrics.command(kindOf(cmd), resultInvalid, 0)
		return Reply{}, err
	}
	r, err := c.send(ctx, w)
	if r == nil {
		return Reply{EventUUID: w.eventUUID, JobUUID: w.jobUUID}, err
	}
	said := r.GetReply()
	if w.api && len(r.Body) > 0 {
		said = string(r.Body)
	}
	return Reply{Text: strings.TrimRight(said, "\r\n"), EventUUID: w.eventUUID, JobUUID: w.jobUUID}, err
}

// ForkAttached says whether a fork of that name is attached: the question after a takeover.
func (c *Channel) ForkAttached(ctx context.Context, bug string) (bool, error) {
	r, err := c.Do(ctx, BugList{})
	if err != nil {
		return false, err
	}
	bugs, err := ParseBugs(r.Text)
	if err != nil {
		return false, err
	}
	for _, b := range bugs {
		if b.Function == bug {
			return true, nil
		}
	}
	return false, nil
}

// EnsureFork starts a fork unless one of that name is attached already; started says which. It is the form to use
// after a takeover, when the fork usually goes on by itself.
func (c *Channel) EnsureFork(ctx context.Context, start AudioForkStart) (started bool, err error) {
	there, err := c.ForkAttached(ctx, start.Bug)
	if err != nil || there {
		return false, err
	}
	_, err = c.Do(ctx, start)
	return err == nil, err
}

// ForkModule asks which mod_audio_fork the node has.
func (c *Channel) ForkModule(ctx context.Context) (ForkModule, error) {
	r, err := c.Do(ctx, AudioForkProbe{})
	if errors.Is(err, ErrRefused) {
		return ParseForkProbe(r.Text), nil
	}
	if err != nil {
		return ForkUnknown, err
	}
	return ParseForkProbe(r.Text), nil
}

// Dump asks for the channel's headers and variables as they are now; variables have the prefix "variable_".
func (c *Channel) Dump(ctx context.Context) (map[string]string, error) {
	r, err := c.Do(ctx, UUIDDump{})
	if err != nil {
		return nil, err
	}
	return ParseDump(r.Text), nil
}

// callEvents is what a call's socket needs besides myevents. CUSTOM must stay last: everything behind it is a
// subclass.
const callEvents = "event plain PLAYBACK_START PLAYBACK_STOP RECORD_START RECORD_STOP " +
	"CUSTOM mod_audio_fork::connect mod_audio_fork::connect_failed mod_audio_fork::disconnect " +
	"mod_audio_fork::play_audio mod_audio_fork::json callcenter::info"

// subscribe asks for the call's own events, then for those that myevents leaves out; both stay bound to the call.
func (c *Channel) subscribe(ctx context.Context, lingerFor time.Duration) error {
	steps := []wire{
		{kind: kindLinger, text: fmt.Sprintf("linger %d", max(1, int(lingerFor/time.Second)))},
		subscribe("myevents plain"),
		subscribe(callEvents),
	}
	for _, w := range steps {
		if _, err := c.conn.send(ctx, w); err != nil {
			return fmt.Errorf("%s: %w", w.kind, err)
		}
	}
	_, err := c.Do(ctx, SetVariables{Variables: map[string]string{"socket_resume": "false"}})
	if err != nil && !errors.Is(err, ErrRefused) { // refused: the caller hung up in the meantime, and events will say so
		return err
	}
	return nil
}

// onEvent runs in a goroutine of eslgo's for each event.
func (c *Channel) onEvent(e *eslgo.Event) {
	ev, kind, ok := decode(fields(e.Headers), e.Body)
	c.conn.metrics.events.WithLabelValues(kind).Inc()
	if ok {
		c.inbox.push(ev)
	}
}

// deliver owns the inbox; the channel is done when it returns.
func (c *Channel) deliver() {
	defer close(c.done)
	why := c.inbox.run(c.conn.ctx, func(err error) Event {
		return Disconnected{Stamp: Stamp{CoreUUID: c.info.CoreUUID, ChannelID: c.info.ID, Time: time.Now()}, Err: err}
	})
	switch {
	case errors.Is(why, ErrOverflow):
		c.conn.log.Error("call's events not taken in time, control given up", "call", c.info.ID)
		c.conn.fail(fmt.Errorf("%w: %w", ErrClosed, ErrOverflow))
	case why == nil:
		c.conn.fail(fmt.Errorf("%w: call ended", ErrClosed))
	}
	c.conn.shut()
}
