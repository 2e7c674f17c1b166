package sipua

import (
	"sync"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// dialog is the state of RFC 3261 section 12, for either side.
type dialog struct {
	ua        *UA
	callID    string
	localTag  string
	transport string

	mu        sync.Mutex
	local     sip.FromHeader // our address, with our tag
	remote    sip.ToHeader   // theirs, with their tag once known
	target    sip.Uri        // their Contact
	routes    []string
	localSeq  uint32
	remoteSeq uint32
}

func dialogKey(callID, localTag string) string { return callID + "|" + localTag }

func (d *dialog) key() string { return dialogKey(d.callID, d.localTag) }

// inboundDialog reads a dialog from the INVITE that we were sent.
func inboundDialog(u *UA, req *sip.Request, tag string) *dialog {
	local := sip.FromHeader{DisplayName: req.To().DisplayName, Address: *req.To().Address.Clone(), Params: req.To().Params.Clone()}
	local.Params.Add("tag", tag)
	from := req.From()
	d := &dialog{
		ua: u, callID: req.CallID().Value(), localTag: tag, transport: req.Transport(),
		local:     local,
		remote:    sip.ToHeader{DisplayName: from.DisplayName, Address: *from.Address.Clone(), Params: from.Params.Clone()},
		target:    *req.Contact().Address.Clone(),
		remoteSeq: req.CSeq().SeqNo,
		localSeq:  1,
	}
	for _, h := range req.GetHeaders("Record-Route") { // section 12.1.1: in order
		d.routes = append(d.routes, h.Value())
	}
	return d
}

// confirm takes tag, target and route set from a response to our INVITE
// (section 12.1.2: the routes reversed).
func (d *dialog) confirm(res *sip.Response) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if to := res.To(); to != nil {
		d.remote.Params = to.Params.Clone()
	}
	if contact := res.Contact(); contact != nil {
		d.target = *contact.Address.Clone()
	}
	d.routes = nil
	records := res.GetHeaders("Record-Route")
	for i := len(records) - 1; i >= 0; i-- {
		d.routes = append(d.routes, records[i].Value())
	}
}

// retarget follows a target refresh request (section 12.2.2).
func (d *dialog) retarget(req *sip.Request) {
	if contact := req.Contact(); contact != nil {
		d.mu.Lock()
		d.target = *contact.Address.Clone()
		d.mu.Unlock()
	}
}

// admit checks the order of a request inside the dialog.
func (d *dialog) admit(seq uint32) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if seq < d.remoteSeq {
		return false
	}
	d.remoteSeq = seq
	return true
}

// request builds a request inside the dialog. ACK takes the number of the
// INVITE that it acknowledges.
func (d *dialog) request(method sip.RequestMethod, ackSeq uint32) *sip.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	req := sip.NewRequest(method, *d.target.Clone())
	req.SetTransport(d.transport)
	for _, route := range d.routes {
		req.AppendHeader(sip.NewHeader("Route", route))
	}
	seq := ackSeq
	if method != sip.ACK {
		d.localSeq++
		seq = d.localSeq
	}
	local := sip.FromHeader{DisplayName: d.local.DisplayName, Address: *d.local.Address.Clone(), Params: d.local.Params.Clone()}
	remote := sip.ToHeader{DisplayName: d.remote.DisplayName, Address: *d.remote.Address.Clone(), Params: d.remote.Params.Clone()}
	id := sip.CallIDHeader(d.callID)
	hops := sip.MaxForwardsHeader(70)
	req.AppendHeader(&local)
	req.AppendHeader(&remote)
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: method})
	req.AppendHeader(&hops)
	req.AppendHeader(d.ua.contact(d.transport))
	req.AppendHeader(sip.NewHeader("User-Agent", d.ua.opts.UserAgent))
	if route := req.Route(); route != nil {
		req.SetDestination(route.Address.HostPort())
	}
	d.ua.fromListener(req)
	return req
}

// contact is where requests inside dialogs reach us.
func (u *UA) contact(transport string) *sip.ContactHeader {
	h := &sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "tidegate", Host: u.host, Port: u.port}}
	if transport == "TCP" {
		h.Address.UriParams.Add("transport", "tcp")
	}
	return h
}

// fromListener sends UDP requests from the port we listen on: phones and
// gateways behind address translation answer only there.
func (u *UA) fromListener(req *sip.Request) {
	if req.Transport() == "UDP" {
		req.Laddr = u.laddr
	}
}

// addVia completes a request without touching its other headers.
func addVia(c *sipgo.Client, req *sip.Request) error {
	if req.Via() == nil {
		if err := sipgo.ClientRequestAddVia(c, req); err != nil {
			return err
		}
	}
	if req.Body() == nil {
		req.SetBody(nil)
	}
	return nil
}
