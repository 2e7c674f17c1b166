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

// ErrAddress is returned for a URI or header that cannot be sent.
var ErrAddress = errors.New("sip: bad address or header")

// InviteOptions describe an outgoing call.
type InviteOptions struct {
	URI         string // sip:user@host:port;transport=tcp
	From        string // user part of our address
	DisplayName string
	Headers     map[string]string
	Codecs      []Codec // in order of preference; default PCMA, PCMU
	RTPIP       string  // address in the session description; default the UA's
	CallID      string  // default: made up
	// OnProgress sees 1xx responses: status, and whether audio flows already.
	// It must return at once.
	OnProgress func(status int, media bool)
}

// Invite places a call and returns when it is answered. Cancelling ctx before
// that sends CANCEL. A refusal is a *StatusError; afterwards ctx plays no part.
func (u *UA) Invite(ctx context.Context, opts InviteOptions) (*Call, error) {
	c, err := u.outgoing(opts)
	if err != nil {
		return nil, err
	}
	if err := u.enter(c); err != nil {
		c.media.close()
		return nil, err
	}
	if !u.goCall(c.media.receive) {
		u.leave(c)
		c.media.close()
		return nil, ErrClosed
	}
	cause, err := c.place(ctx, opts.OnProgress)
	if err != nil {
		u.leave(c)
		c.finish(cause)
		return nil, err
	}
	return c, nil
}

func (u *UA) outgoing(opts InviteOptions) (*Call, error) {
	var target sip.Uri
	if !clean(opts.URI) || !clean(opts.From) || !clean(opts.DisplayName) || !clean(opts.CallID) {
		return nil, fmt.Errorf("%w: line break", ErrAddress)
	}
	if err := sip.ParseUri(opts.URI, &target); err != nil || target.Host == "" {
		return nil, fmt.Errorf("%w: %w", ErrAddress, errors.Join(err, errors.New("no host")))
	}
	rtpIP := u.rtpIP
	if opts.RTPIP != "" {
		ip, err := netip.ParseAddr(opts.RTPIP)
		if err != nil {
			return nil, fmt.Errorf("%w: rtp address: %w", ErrAddress, err)
		}
		rtpIP = ip.Unmap()
	}
	d := u.outboundDialog(target, opts)
	c, err := u.newCall(d, nil, false, rtpIP)
	if err != nil {
		return nil, err
	}
	if len(opts.Codecs) > 0 {
		c.codecs = opts.Codecs
	}
	c.invite = d.request(sip.INVITE, 0)
	for name, value := range opts.Headers {
		if !headerName(name) || !clean(value) {
			c.media.close()
			return nil, fmt.Errorf("%w: header", ErrAddress)
		}
		c.invite.AppendHeader(sip.NewHeader(name, value))
	}
	c.invite.AppendHeader(sip.NewHeader("Allow", allowed))
	c.invite.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	c.invite.SetBody(c.offerBody())
	return c, nil
}

func (u *UA) outboundDialog(target sip.Uri, opts InviteOptions) *dialog {
	transport := "UDP"
	if t, ok := target.UriParams.Get("transport"); ok && strings.EqualFold(t, "tcp") {
		transport = "TCP"
	}
	user := opts.From
	if user == "" {
		user = "anonymous"
	}
	id := opts.CallID
	if id == "" {
		id = sip.GenerateTagN(24) + "@" + u.host
	}
	to := sip.Uri{Scheme: target.Scheme, User: target.User, Host: target.Host, Port: target.Port}
	d := &dialog{
		ua: u, callID: id, localTag: sip.GenerateTagN(16), transport: transport,
		local:  sip.FromHeader{DisplayName: opts.DisplayName, Address: sip.Uri{Scheme: "sip", User: user, Host: u.host, Port: u.port}},
		remote: sip.ToHeader{Address: to},
		target: target,
	}
	d.local.Params.Add("tag", d.localTag)
	return d
}

func headerName(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.!%*+`'~", r) {
			return false
		}
	}
	return true
}

// place runs the INVITE transaction to its final response.
func (c *Call) place(ctx context.Context, onProgress func(int, bool)) (Cause, error) {
	tx, err := c.ua.client.TransactionRequest(context.WithoutCancel(ctx), c.invite, addVia)
	if err != nil {
		return Cause{Q850: CauseTemporaryFailure}, fmt.Errorf("sip: invite: %w", err)
	}
	cancelled, heard := ctx.Done(), false
	for {
		select {
		case res := <-tx.Responses():
			switch {
			case res.IsProvisional():
				heard = true
				c.early(res, onProgress)
				if cancelled == nil { // they wanted out before we might say so
					c.sendCancel()
				}
			case res.IsSuccess():
				return c.established(ctx, tx, res, cancelled == nil)
			default:
				cause := refusal(res)
				return cause, c.refused(ctx, res, cause)
			}
		case <-cancelled:
			cancelled = nil
			if heard { // RFC 3261 section 9.1: not before a provisional response
				c.sendCancel()
			}
		case <-tx.Done():
			if ctx.Err() != nil {
				return Cause{Q850: CauseOriginatorCancelled, Status: 487}, ctx.Err()
			}
			cause := Cause{Q850: CauseRecoveryOnTimer, Status: 408}
			return cause, &StatusError{Status: 408, Reason: statusText(408), Cause: cause}
		}
	}
}

func (c *Call) early(res *sip.Response, onProgress func(int, bool)) {
	media := false
	if len(res.Body()) > 0 && res.StatusCode > 100 {
		media = c.takeAnswer(res.Body()) == nil
	}
	if onProgress != nil && res.StatusCode > 100 {
		onProgress(res.StatusCode, media)
	}
}

func refusal(res *sip.Response) Cause {
	cause := Cause{Q850: CauseFromStatus(res.StatusCode), Status: res.StatusCode, ByRemote: true, Text: res.Reason}
	if h := res.GetHeader("Reason"); h != nil {
		if q850, text := parseReason(h.Value()); q850 != 0 {
			cause.Q850 = q850
			if text != "" {
				cause.Text = text
			}
		}
	}
	return cause
}

func (c *Call) refused(ctx context.Context, res *sip.Response, cause Cause) error {
	if ctx.Err() != nil && res.StatusCode == 487 {
		return ctx.Err()
	}
	return &StatusError{Status: res.StatusCode, Reason: res.Reason, Cause: cause}
}

// established acknowledges the answer. One that crossed our CANCEL is
// acknowledged and hung up (RFC 3261 section 9.1).
func (c *Call) established(ctx context.Context, tx sip.ClientTransaction, res *sip.Response, unwanted bool) (Cause, error) {
	c.dialog.confirm(res)
	seq := c.invite.CSeq().SeqNo
	tx.OnRetransmission(func(r *sip.Response) {
		if r.IsSuccess() {
			_ = c.sendAck(seq)
		}
	})
	if err := c.sendAck(seq); err != nil {
		return Cause{Q850: CauseTemporaryFailure}, fmt.Errorf("sip: ack: %w", err)
	}
	mediaErr := c.takeAnswer(res.Body())
	c.mu.Lock()
	c.state = stateAnswered
	c.mu.Unlock()
	if !unwanted && mediaErr == nil {
		return Cause{}, nil
	}
	cause := CauseNormalClearing
	err := ctx.Err()
	if mediaErr != nil {
		cause, err = CauseIncompatible, fmt.Errorf("sip: answer: %w", mediaErr)
	}
	byeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = c.Hangup(byeCtx, cause)
	return Cause{Q850: cause}, err
}

func (c *Call) sendAck(seq uint32) error {
	return c.ua.client.WriteRequest(c.dialog.request(sip.ACK, seq), addVia)
}

// sendCancel copies what RFC 3261 section 9.1 wants equal to the INVITE.
func (c *Call) sendCancel() {
	invite := c.invite
	req := sip.NewRequest(sip.CANCEL, *invite.Recipient.Clone())
	req.SetTransport(invite.Transport())
	hops := sip.MaxForwardsHeader(70)
	req.AppendHeader(sip.HeaderClone(invite.Via()))
	req.AppendHeader(sip.HeaderClone(invite.From()))
	req.AppendHeader(sip.HeaderClone(invite.To()))
	req.AppendHeader(sip.HeaderClone(invite.CallID()))
	req.AppendHeader(&sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sip.CANCEL})
	req.AppendHeader(&hops)
	sip.CopyHeaders("Route", invite, req)
	c.ua.fromListener(req)
	c.ua.goCall(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 64*sip.T1)
		defer cancel()
		_ = c.transact(ctx, req)
	})
}
