package sipua

import (
	"time"

	"github.com/emiago/sipgo/sip"
)

// handleAck takes the ACK of a 2xx, which is a transaction of its own.
func (u *UA) handleAck(req *sip.Request, _ sip.ServerTransaction) {
	if c := u.find(req); c != nil {
		c.acknowledge(req)
	}
}

// handleBye ends a call from their side.
func (u *UA) handleBye(req *sip.Request, tx sip.ServerTransaction) {
	c := u.find(req)
	if c == nil || req.CSeq() == nil {
		u.outside.Add(1)
		u.reply(req, tx, 481, "Call/Transaction Does Not Exist")
		return
	}
	if !c.dialog.admit(req.CSeq().SeqNo) {
		u.reply(req, tx, 500, statusText(500))
		return
	}
	u.reply(req, tx, 200, "OK")
	cause := Cause{Q850: CauseNormalClearing, ByRemote: true}
	if h := req.GetHeader("Reason"); h != nil {
		q850, text := parseReason(h.Value())
		cause.Text = text
		if q850 != 0 {
			cause.Q850 = q850
		}
	}
	c.terminateInvite()
	c.settle()
	c.finish(cause)
	u.leave(c)
}

// handleInfo takes digits from phones that send them as SIP INFO.
func (u *UA) handleInfo(req *sip.Request, tx sip.ServerTransaction) {
	c := u.find(req)
	if c == nil {
		u.outside.Add(1)
		u.reply(req, tx, 481, "Call/Transaction Does Not Exist")
		return
	}
	kind := ""
	if h := req.GetHeader("Content-Type"); h != nil {
		kind = h.Value()
	}
	digit, ok := parseInfoDigit(kind, req.Body())
	if !ok {
		u.reply(req, tx, 415, "Unsupported Media Type", sip.NewHeader("Accept", "application/dtmf-relay, application/dtmf"))
		return
	}
	u.reply(req, tx, 200, "OK")
	c.media.press(digit)
}

// handleUpdate answers RFC 3311: a new session, or a session timer's refresh.
func (u *UA) handleUpdate(req *sip.Request, tx sip.ServerTransaction) {
	c := u.find(req)
	if c == nil {
		u.outside.Add(1)
		u.reply(req, tx, 481, "Call/Transaction Does Not Exist")
		return
	}
	var body []byte
	if len(req.Body()) > 0 {
		offer, err := parseSDP(req.Body())
		if err == nil {
			body, err = c.answerOffer(offer)
		}
		if err != nil {
			u.badOffers.Add(1)
			u.reply(req, tx, 488, statusText(488))
			return
		}
	}
	c.dialog.retarget(req)
	_ = tx.Respond(c.responseTo(req, body))
}

// handleReinvite changes a session that runs: hold, resume, new address, or
// nothing but a session timer's refresh.
func (u *UA) handleReinvite(req *sip.Request, tx sip.ServerTransaction) {
	c := u.find(req)
	if c == nil {
		u.outside.Add(1)
		u.reply(req, tx, 481, "Call/Transaction Does Not Exist")
		return
	}
	if !c.dialog.admit(req.CSeq().SeqNo) || !c.Answered() || !c.ackSettled() {
		// RFC 3261 section 14.2: a second INVITE while the first is open
		u.reply(req, tx, 500, statusText(500), sip.NewHeader("Retry-After", "2"))
		return
	}
	body, err := c.reoffer(req)
	if err != nil {
		u.badOffers.Add(1)
		u.reply(req, tx, 488, statusText(488))
		return
	}
	c.dialog.retarget(req)
	res := c.responseTo(req, body)
	c.mu.Lock()
	c.acked, c.ackSeq = make(chan struct{}), req.CSeq().SeqNo
	c.offerer = len(req.Body()) == 0
	c.mu.Unlock()
	if err := tx.Respond(res); err != nil {
		return
	}
	c.awaitAck(tx, res)
}

func (c *Call) reoffer(req *sip.Request) ([]byte, error) {
	if len(req.Body()) == 0 {
		return c.offerBody(), nil
	}
	offer, err := parseSDP(req.Body())
	if err != nil {
		return nil, err
	}
	return c.answerOffer(offer)
}

// ackSettled waits a moment for an ACK that was sent before this request but is
// handled beside it, and reports whether our last 2xx is acknowledged.
func (c *Call) ackSettled() bool {
	c.mu.Lock()
	acked := c.acked
	c.mu.Unlock()
	if acked == nil {
		return true
	}
	select {
	case <-acked:
		return true
	case <-c.done:
		return false
	case <-time.After(sip.T1):
		return false
	}
}

func (c *Call) responseTo(req *sip.Request, body []byte) *sip.Response {
	res := sip.NewResponseFromRequest(req, 200, "OK", body)
	res.AppendHeader(c.ua.contact(c.dialog.transport))
	res.AppendHeader(sip.NewHeader("Allow", allowed))
	res.AppendHeader(sip.NewHeader("Server", c.ua.opts.UserAgent))
	if len(body) > 0 {
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	}
	return res
}

// terminateInvite answers an INVITE that its sender ended with BYE instead of
// CANCEL (RFC 3261 section 15.1.2).
func (c *Call) terminateInvite() {
	c.mu.Lock()
	open := c.inbound && c.state == stateEarly && !c.finalSent()
	if open {
		close(c.final)
	}
	c.mu.Unlock()
	if open {
		_ = c.tx.Respond(c.response(487, statusText(487), nil))
	}
}

// settle stops waiting for the ACK of our 2xx: who says BYE has seen it, and
// the ACK itself may be handled only after the call has left.
func (c *Call) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.acked == nil {
		return
	}
	select {
	case <-c.acked:
	default:
		close(c.acked)
	}
}
