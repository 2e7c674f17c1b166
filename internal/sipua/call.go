package sipua

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// ErrState is returned for what a call's state does not allow.
var ErrState = errors.New("sip: not in this state of the call")

type callState uint8

const (
	stateUnknown  callState = iota
	stateEarly              // INVITE open
	stateAnswered           // 200 sent or received
	stateEnded
)

// Call is one dialog with its audio. Its methods may be used from any goroutine.
type Call struct {
	ua      *UA
	dialog  *dialog
	inbound bool
	invite  *sip.Request
	media   *media
	codecs  []Codec
	done    chan struct{}

	mu      sync.Mutex
	state   callState
	cause   Cause
	local   localSession
	tx      sip.ServerTransaction // open INVITE, inbound
	final   chan struct{}         // closed when the INVITE has its final response
	acked   chan struct{}         // closed when our 2xx is acknowledged
	ackSeq  uint32
	offerer bool // our 2xx carried the offer: the ACK brings the answer
	finish1 sync.Once
}

// ID is the SIP Call-ID.
func (c *Call) ID() string { return c.dialog.callID }

// Inbound tells who called.
func (c *Call) Inbound() bool { return c.inbound }

// From is the user part of the caller's address.
func (c *Call) From() string {
	if from := c.invite.From(); from != nil {
		return from.Address.User
	}
	return ""
}

// FromName is the caller's display name.
func (c *Call) FromName() string {
	if from := c.invite.From(); from != nil {
		return from.DisplayName
	}
	return ""
}

// To is the user part of the address that was called.
func (c *Call) To() string {
	if c.invite.Recipient.User != "" {
		return c.invite.Recipient.User
	}
	if to := c.invite.To(); to != nil {
		return to.Address.User
	}
	return ""
}

// RemoteSIP is the network address that the INVITE came from or went to.
func (c *Call) RemoteSIP() string {
	if c.inbound {
		return c.invite.Source()
	}
	return c.invite.Destination()
}

// Header gives the first header of that name in the INVITE, or "".
func (c *Call) Header(name string) string {
	if h := c.invite.GetHeader(name); h != nil {
		return h.Value()
	}
	return ""
}

// Headers gives every header of the INVITE, first value of each name.
func (c *Call) Headers() map[string]string {
	out := make(map[string]string)
	for _, h := range c.invite.Headers() {
		if _, seen := out[h.Name()]; !seen {
			out[h.Name()] = h.Value()
		}
	}
	return out
}

// Done is closed when the call has ended.
func (c *Call) Done() <-chan struct{} { return c.done }

// EndCause says why the call ended; zero before Done.
func (c *Call) EndCause() Cause {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// Answered tells whether the call has been answered, ended or not.
func (c *Call) Answered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == stateAnswered
}

// Frames brings received audio, 20 ms each. The channel closes with the call.
// A reader that falls a second behind loses the oldest frames.
func (c *Call) Frames() <-chan Frame { return c.media.frames }

// ReadFrame waits for the next frame of Frames.
func (c *Call) ReadFrame(ctx context.Context) (Frame, error) { return c.media.readFrame(ctx) }

// WriteFrame sends 20 ms (160 samples) now; the caller keeps the pace. While
// the far end has us on hold, or a digit is being sent, nothing leaves.
func (c *Call) WriteFrame(pcm []int16) error { return c.media.writeFrame(pcm) }

// SendDTMF presses a key (0-9 * # A-D) for that long and returns when it is up.
func (c *Call) SendDTMF(ctx context.Context, digit rune, length time.Duration) error {
	return c.media.sendDigit(ctx, digit, length)
}

// Digits brings the keys that the far end pressed. It closes with the call.
func (c *Call) Digits() <-chan Digit { return c.media.digits }

// MediaStats counts packets so far.
func (c *Call) MediaStats() MediaStats { return c.media.snapshot() }

// LocalRTP is where the call's audio arrives.
func (c *Call) LocalRTP() netip.AddrPort { return c.media.local }

// RemoteRTP is where the call's audio goes.
func (c *Call) RemoteRTP() netip.AddrPort {
	c.media.mu.Lock()
	defer c.media.mu.Unlock()
	return c.media.remote
}

// Codec is the negotiated one, "" before.
func (c *Call) Codec() Codec {
	codec, _, _ := c.media.formats()
	return codec.codec
}

// newCall opens the media; the caller must enter it into the UA.
func (u *UA) newCall(d *dialog, invite *sip.Request, inbound bool, rtpIP netip.Addr) (*Call, error) {
	m, err := openMedia(rtpIP, u.opts.RTPMin, u.opts.RTPMax)
	if err != nil {
		return nil, err
	}
	c := &Call{
		ua: u, dialog: d, inbound: inbound, invite: invite, media: m,
		codecs: u.opts.Codecs, done: make(chan struct{}), final: make(chan struct{}),
		state: stateEarly,
	}
	c.local = localSession{id: rand.Uint64() >> 2, version: 1, addr: m.local}
	return c, nil
}

// answerOffer agrees on an offer and gives our answer's body.
func (c *Call) answerOffer(offer description) ([]byte, error) {
	chosen, err := offer.choose(c.codecs)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.local.version++
	c.local.dir = offer.dir.answer()
	c.local.codecs = []offeredCodec{chosen}
	c.local.event, c.local.index, c.local.skipped = offer.event, offer.index, offer.skipped
	body, sending := c.local.encode(), c.local.dir.sends()
	c.mu.Unlock()
	c.media.apply(offer.remote, chosen, offer.event, sending)
	return body, nil
}

// offerBody describes all that we can do.
func (c *Call) offerBody() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.local.codecs, c.local.event = offered(c.codecs), payloadEvent
	return c.local.encode()
}

// takeAnswer applies the far end's answer to our offer.
func (c *Call) takeAnswer(body []byte) error {
	answer, err := parseSDP(body)
	if err != nil {
		return err
	}
	chosen, err := answer.choose(c.codecs)
	if err != nil {
		return err
	}
	c.media.apply(answer.remote, chosen, answer.event, answer.dir.answer().sends())
	return nil
}

// finish ends the call once: media stops, Done closes.
func (c *Call) finish(cause Cause) {
	c.finish1.Do(func() {
		c.mu.Lock()
		c.cause, c.state = cause, stateEnded
		c.mu.Unlock()
		c.media.close()
		close(c.done)
	})
}

// Hangup ends the call from our side with a Q.850 cause: an unanswered
// incoming call is refused, an answered one gets BYE. It returns when the far
// end has confirmed or ctx ends; audio stops at once. Later calls do nothing.
func (c *Call) Hangup(ctx context.Context, cause int) error {
	c.mu.Lock()
	state, acked := c.state, c.acked
	c.mu.Unlock()
	switch {
	case state == stateEnded:
		return nil
	case state == stateEarly && c.inbound:
		status := StatusFromCause(cause)
		return c.refuse(status, statusText(status), cause, nil)
	case state == stateEarly:
		return fmt.Errorf("hang up: %w", ErrState) // Invite owns it; cancel its context
	}
	c.finish(Cause{Q850: cause})
	defer c.ua.leave(c)
	if acked != nil {
		select { // RFC 3261 section 15: no BYE before the ACK of our 2xx
		case <-acked:
		case <-ctx.Done():
		case <-time.After(64 * sip.T1):
		}
	}
	bye := c.dialog.request(sip.BYE, 0)
	bye.AppendHeader(sip.NewHeader("Reason", formatReason(cause)))
	return c.transact(ctx, bye)
}

// transact sends a request and waits for its final response.
func (c *Call) transact(ctx context.Context, req *sip.Request) error {
	tx, err := c.ua.client.TransactionRequest(ctx, req, addVia)
	if err != nil {
		return fmt.Errorf("sip: %s: %w", req.Method, err)
	}
	defer tx.Terminate()
	for {
		select {
		case res := <-tx.Responses():
			if res.IsProvisional() {
				continue
			}
			if res.IsSuccess() || res.StatusCode == 481 { // both sides said BYE
				return nil
			}
			return &StatusError{Status: res.StatusCode, Reason: res.Reason}
		case <-tx.Done():
			return fmt.Errorf("sip: %s: %w", req.Method, tx.Err())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
