package sipua

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// handleInvite runs for the life of the INVITE transaction.
func (u *UA) handleInvite(req *sip.Request, tx sip.ServerTransaction) {
	if req.From() == nil || req.To() == nil || req.CallID() == nil || req.CSeq() == nil || req.Contact() == nil {
		u.badRequests.Add(1)
		u.reply(req, tx, 400, "Bad Request")
		return
	}
	if req.To().Params.Has("tag") {
		u.handleReinvite(req, tx)
		return
	}
	if required := requiredOptions(req); required != "" {
		u.reply(req, tx, 420, "Bad Extension", sip.NewHeader("Unsupported", required))
		return
	}
	c, code, reason := u.incoming(req, tx)
	if c == nil {
		u.reply(req, tx, code, reason)
		return
	}
	defer u.leaveAfter(c)
	take := u.taker()
	started := take != nil && u.goCall(func() {
		take(c)
		if !c.decided() {
			_ = c.Reject(480, statusText(480))
		}
	})
	if !started {
		_ = c.Reject(480, statusText(480))
	}
	select {
	case <-c.final:
		c.awaitAck(tx, nil)
	case <-c.done: // cancelled
	case <-tx.Done():
		c.finish(Cause{Q850: CauseOriginatorCancelled, Status: 487, ByRemote: true})
	}
}

// leaveAfter keeps a call that was answered findable: its ACK or BYE may be
// under way still. Others are over.
func (u *UA) leaveAfter(c *Call) {
	c.mu.Lock()
	answered := c.acked != nil
	c.mu.Unlock()
	if !answered {
		u.leave(c)
	}
}

func (u *UA) taker() func(*Call) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.onInvite
}

// incoming makes the call, or says how to refuse.
func (u *UA) incoming(req *sip.Request, tx sip.ServerTransaction) (*Call, int, string) {
	var offer description
	if len(req.Body()) > 0 {
		var err error
		if offer, err = parseSDP(req.Body()); err == nil {
			_, err = offer.choose(u.opts.Codecs)
		}
		if err != nil {
			u.badOffers.Add(1)
			return nil, 488, statusText(488)
		}
	}
	tag := sip.GenerateTagN(16)
	c, err := u.newCall(inboundDialog(u, req, tag), req.Clone(), true, u.rtpIPFor(req))
	if err != nil {
		u.overCapacity.Add(1)
		u.log.Warn("sip call refused", "error", err)
		return nil, 503, statusText(503)
	}
	c.tx = tx
	c.invite.To().Params.Add("tag", tag)
	if err := u.enter(c); err != nil {
		c.media.close()
		u.overCapacity.Add(1)
		return nil, 503, statusText(503)
	}
	if len(req.Body()) > 0 {
		if _, err := c.answerOffer(offer); err != nil {
			u.leave(c)
			c.media.close()
			return nil, 488, statusText(488)
		}
	} else {
		c.offerer = true
	}
	if !tx.OnCancel(c.cancelled) || !u.goCall(c.media.receive) {
		u.leave(c)
		c.finish(Cause{Q850: CauseOriginatorCancelled, Status: 487, ByRemote: true})
		return nil, 487, statusText(487)
	}
	return c, 0, ""
}

// rtpIPFor is the address in our session description.
func (u *UA) rtpIPFor(*sip.Request) netip.Addr { return u.rtpIP }

// requiredOptions lists extensions that the far end insists on; we have none.
func requiredOptions(req *sip.Request) string {
	var all []string
	for _, h := range req.GetHeaders("Require") {
		if v := strings.TrimSpace(h.Value()); v != "" {
			all = append(all, v)
		}
	}
	return strings.Join(all, ", ")
}

// cancelled is called with the transaction locked; it must not touch it.
func (c *Call) cancelled(req *sip.Request) {
	cause := Cause{Q850: CauseOriginatorCancelled, Status: 487, ByRemote: true}
	if req != nil {
		if h := req.GetHeader("Reason"); h != nil {
			q850, text := parseReason(h.Value())
			cause.Text = text
			if q850 != 0 {
				cause.Q850 = q850
			}
		}
	}
	c.mu.Lock()
	open := c.state == stateEarly
	c.mu.Unlock()
	if open {
		c.finish(cause)
	}
}

func (c *Call) decided() bool {
	select {
	case <-c.final:
		return true
	case <-c.done:
		return true
	default:
		return false
	}
}

// Ringing sends 180.
func (c *Call) Ringing() error { return c.provisional(180, "Ringing", nil) }

// Progress sends 183 with our session description: audio flows before the answer.
func (c *Call) Progress() error {
	c.mu.Lock()
	if c.offerer {
		c.mu.Unlock()
		return c.provisional(180, "Ringing", nil)
	}
	body := c.local.encode()
	c.mu.Unlock()
	return c.provisional(183, "Session Progress", body)
}

func (c *Call) provisional(code int, reason string, body []byte) error {
	if !c.inbound {
		return fmt.Errorf("provisional response: %w", ErrState)
	}
	c.mu.Lock()
	early := c.state == stateEarly && !c.finalSent()
	c.mu.Unlock()
	if !early {
		return fmt.Errorf("provisional response: %w", ErrState)
	}
	return c.tx.Respond(c.response(code, reason, body))
}

func (c *Call) finalSent() bool {
	select {
	case <-c.final:
		return true
	default:
		return false
	}
}

func (c *Call) response(code int, reason string, body []byte) *sip.Response {
	res := sip.NewResponseFromRequest(c.invite, code, reason, body)
	if code < 300 {
		res.AppendHeader(c.ua.contact(c.dialog.transport))
		res.AppendHeader(sip.NewHeader("Allow", allowed))
	}
	res.AppendHeader(sip.NewHeader("Server", c.ua.opts.UserAgent))
	if len(body) > 0 {
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	}
	return res
}

// Answer sends 200 and returns; the ACK is awaited elsewhere, audio may flow at once.
func (c *Call) Answer(context.Context) error {
	if !c.inbound {
		return fmt.Errorf("answer: %w", ErrState)
	}
	var body []byte
	if c.offerer {
		body = c.offerBody()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != stateEarly || c.finalSent() {
		return fmt.Errorf("answer: %w", ErrState)
	}
	if body == nil {
		body = c.local.encode()
	}
	if err := c.tx.Respond(c.response(200, "OK", body)); err != nil {
		return fmt.Errorf("sip: answer: %w", err)
	}
	c.state, c.acked, c.ackSeq = stateAnswered, make(chan struct{}), c.invite.CSeq().SeqNo
	close(c.final)
	return nil
}

// Reject refuses an unanswered incoming call with a final SIP status.
func (c *Call) Reject(code int, reason string) error {
	return c.refuse(code, reason, CauseFromStatus(code), nil)
}

// RejectWith is Reject with more headers, such as Retry-After.
func (c *Call) RejectWith(code int, reason string, headers map[string]string) error {
	for name, value := range headers {
		if !headerName(name) || !clean(value) {
			return fmt.Errorf("%w: header", ErrAddress)
		}
	}
	return c.refuse(code, reason, CauseFromStatus(code), headers)
}

func (c *Call) refuse(code int, reason string, cause int, headers map[string]string) error {
	if !c.inbound || code < 300 || code > 699 {
		return fmt.Errorf("reject with %d: %w", code, ErrState)
	}
	if reason == "" {
		reason = statusText(code)
	}
	c.mu.Lock()
	if c.state != stateEarly || c.finalSent() {
		c.mu.Unlock()
		return fmt.Errorf("reject: %w", ErrState)
	}
	close(c.final)
	c.mu.Unlock()
	res := c.response(code, reason, nil)
	res.AppendHeader(sip.NewHeader("Reason", formatReason(cause)))
	for name, value := range headers {
		res.AppendHeader(sip.NewHeader(name, value))
	}
	err := c.tx.Respond(res)
	c.finish(Cause{Q850: cause, Status: code})
	if err != nil {
		return fmt.Errorf("sip: reject: %w", err)
	}
	return nil
}

// awaitAck repeats a 2xx until it is acknowledged (RFC 3261 section 13.3.1.4).
// res nil: the answer to the first INVITE.
func (c *Call) awaitAck(tx sip.ServerTransaction, res *sip.Response) {
	c.mu.Lock()
	acked := c.acked
	if res == nil && c.state == stateAnswered {
		res = c.response(200, "OK", c.local.encode())
	}
	c.mu.Unlock()
	if res == nil || acked == nil {
		return // refused; the transaction repeats that by itself
	}
	wait := sip.T1
	timer := time.NewTimer(wait)
	defer timer.Stop()
	deadline := time.NewTimer(64 * sip.T1)
	defer deadline.Stop()
	for {
		select {
		case <-acked:
			return
		case ack := <-tx.Acks():
			c.acknowledge(ack)
		case <-timer.C:
			if err := tx.Respond(res); err != nil && errors.Is(err, sip.ErrTransactionTerminated) {
				return
			}
			wait = min(2*wait, sip.T2)
			timer.Reset(wait)
		case <-deadline.C:
			c.dropUnacknowledged()
			return
		case <-c.done:
			return
		}
	}
}

// dropUnacknowledged ends a call whose answer nobody acknowledged.
func (c *Call) dropUnacknowledged() {
	c.mu.Lock()
	c.acked = nil
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.Hangup(ctx, CauseRecoveryOnTimer)
}

func (c *Call) acknowledge(ack *sip.Request) {
	c.mu.Lock()
	match := c.acked != nil && ack.CSeq() != nil && ack.CSeq().SeqNo == c.ackSeq
	var body []byte
	if match {
		select {
		case <-c.acked:
			match = false
		default:
			if c.offerer {
				body, c.offerer = ack.Body(), false
			}
			close(c.acked)
		}
	}
	c.mu.Unlock()
	if match && len(body) > 0 {
		if err := c.takeAnswer(body); err != nil {
			c.ua.badOffers.Add(1)
			c.ua.goCall(func() { _ = c.Hangup(context.Background(), CauseIncompatible) })
		}
	}
}

func statusText(code int) string {
	switch code {
	case 400:
		return "Bad Request"
	case 403:
		return "Forbidden"
	case 404:
		return "Not Found"
	case 408:
		return "Request Timeout"
	case 410:
		return "Gone"
	case 480:
		return "Temporarily Unavailable"
	case 484:
		return "Address Incomplete"
	case 486:
		return "Busy Here"
	case 487:
		return "Request Terminated"
	case 488:
		return "Not Acceptable Here"
	case 500:
		return "Server Internal Error"
	case 501:
		return "Not Implemented"
	case 502:
		return "Bad Gateway"
	case 503:
		return "Service Unavailable"
	case 504:
		return "Server Time-out"
	case 603:
		return "Decline"
	default:
		return "Refused"
	}
}
