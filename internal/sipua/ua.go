package sipua

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// Options of a user agent.
type Options struct {
	Listen    string // host:port for UDP and TCP; port 0 picks one
	UserAgent string // User-Agent and Server header
	Log       *slog.Logger
	RTPIP     string // address in session descriptions; default: the listening one
	RTPMin    int    // lowest RTP port; 0 with RTPMax 0: any
	RTPMax    int
	MaxCalls  int     // beyond it: 503; default 2,000
	Codecs    []Codec // for answers, default PCMA and PCMU
}

// ErrClosed is returned once the user agent is closed.
var ErrClosed = errors.New("sip: user agent closed")

// Stats counts what a user agent refused.
type Stats struct {
	BadOffers    uint64 // INVITE bodies that could not be read or agreed on
	OverCapacity uint64
	Outside      uint64 // requests for dialogs that do not exist
	BadRequests  uint64
}

// UA is one SIP address that takes and places calls.
type UA struct {
	opts   Options
	log    *slog.Logger
	agent  *sipgo.UserAgent
	server *sipgo.Server
	client *sipgo.Client
	host   string
	port   int
	rtpIP  netip.Addr
	laddr  sip.Addr

	deaf atomic.Bool

	udp net.PacketConn
	tcp net.Listener
	wg  sync.WaitGroup

	mu       sync.Mutex
	calls    map[string]*Call
	onInvite func(*Call)
	closed   bool

	badOffers, overCapacity, outside, badRequests atomic.Uint64
}

// New binds the address and begins to answer. Incoming calls are refused with
// 480 until OnInvite is called.
func New(opts Options) (*UA, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.UserAgent == "" {
		opts.UserAgent = "tidegate"
	}
	if opts.MaxCalls <= 0 {
		opts.MaxCalls = 2000
	}
	if len(opts.Codecs) == 0 {
		opts.Codecs = []Codec{PCMA, PCMU}
	}
	u := &UA{opts: opts, log: opts.Log, calls: make(map[string]*Call)}
	if err := u.bind(); err != nil {
		return nil, err
	}
	if err := u.build(); err != nil {
		_ = u.udp.Close()
		_ = u.tcp.Close()
		return nil, err
	}
	u.wg.Go(func() { _ = u.server.ServeUDP(u.udp) })
	u.wg.Go(func() { _ = u.server.ServeTCP(u.tcp) })
	if err := u.awaitListener(); err != nil {
		_ = u.Close()
		return nil, err
	}
	return u, nil
}

// awaitListener returns once the SIP library knows our socket; before that a
// request would try to bind the port a second time.
func (u *UA) awaitListener() error {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		conn, err := u.agent.TransportLayer().GetConnection("udp", u.laddr.String())
		if err == nil && conn != nil {
			_, _ = conn.TryClose()
			return nil
		}
	}
	return errors.New("sip: listener does not start")
}

// bind takes the same port for UDP and TCP.
func (u *UA) bind() error {
	host, port, err := net.SplitHostPort(u.opts.Listen)
	if err != nil {
		return fmt.Errorf("sip: listen address: %w", err)
	}
	network := "4"
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		network = "6"
	}
	var last error
	for range 20 {
		u.udp, err = net.ListenPacket("udp"+network, net.JoinHostPort(host, port))
		if err != nil {
			return fmt.Errorf("sip: listen: %w", err)
		}
		bound := u.udp.LocalAddr().(*net.UDPAddr)
		u.tcp, last = net.Listen("tcp"+network, bound.String())
		if last == nil {
			u.laddr = sip.Addr{IP: bound.IP, Port: bound.Port}
			u.port = bound.Port
			return u.name(bound.IP)
		}
		_ = u.udp.Close()
		if port != "0" {
			break
		}
	}
	return fmt.Errorf("sip: listen: %w", last)
}

// name decides how we are called in Via, Contact and session descriptions.
func (u *UA) name(bound net.IP) error {
	u.host = bound.String()
	if bound.IsUnspecified() {
		u.host = outwardIP()
	}
	rtpIP := u.opts.RTPIP
	if rtpIP == "" {
		rtpIP = u.host
	}
	ip, err := netip.ParseAddr(rtpIP)
	if err != nil {
		return fmt.Errorf("sip: rtp address: %w", err)
	}
	u.rtpIP = ip.Unmap()
	return nil
}

// outwardIP is the address that the machine's default route would use; no
// packet is sent to find out.
func outwardIP() string {
	conn, err := net.Dial("udp4", "192.0.2.1:9")
	if err != nil {
		return "127.0.0.1"
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).IP.String()
}

func (u *UA) build() error {
	var err error
	quiet := slog.New(slog.DiscardHandler) // its records hold headers, and those telephone numbers
	hushLibrary.Do(func() { sip.SetDefaultLogger(quiet) })
	u.agent, err = sipgo.NewUA(
		sipgo.WithUserAgent(u.opts.UserAgent), sipgo.WithUserAgentHostname(u.host),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(quiet),
			sip.WithTransportLayerReadFilter(u.hear)),
		sipgo.WithUserAgentTransactionLayerOptions(
			sip.WithTransactionLayerLogger(quiet),
			sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {}),
		),
	)
	if err != nil {
		return fmt.Errorf("sip: user agent: %w", err)
	}
	if u.server, err = sipgo.NewServer(u.agent, sipgo.WithServerLogger(quiet)); err != nil {
		return fmt.Errorf("sip: server: %w", err)
	}
	u.client, err = sipgo.NewClient(u.agent, sipgo.WithClientLogger(quiet),
		sipgo.WithClientHostname(u.host), sipgo.WithClientPort(u.port), sipgo.WithClientNAT())
	if err != nil {
		return fmt.Errorf("sip: client: %w", err)
	}
	u.server.OnInvite(u.handleInvite)
	u.server.OnAck(u.handleAck)
	u.server.OnBye(u.handleBye)
	u.server.OnCancel(u.handleCancel)
	u.server.OnInfo(u.handleInfo)
	u.server.OnUpdate(u.handleUpdate)
	u.server.OnOptions(u.handleOptions)
	u.server.OnNoRoute(func(req *sip.Request, tx sip.ServerTransaction) {
		u.reply(req, tx, 405, "Method Not Allowed", sip.NewHeader("Allow", allowed))
	})
	return nil
}

const allowed = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE"

// Addr is the bound address, host:port.
func (u *UA) Addr() string {
	return net.JoinHostPort(u.host, fmt.Sprint(u.port))
}

// OnInvite sets who takes incoming calls. The function runs in a goroutine of
// its own for each call; a call that it leaves unanswered is refused with 480.
func (u *UA) OnInvite(take func(*Call)) {
	u.mu.Lock()
	u.onInvite = take
	u.mu.Unlock()
}

// Stats counts what was refused so far.
func (u *UA) Stats() Stats {
	return Stats{
		BadOffers: u.badOffers.Load(), OverCapacity: u.overCapacity.Load(),
		Outside: u.outside.Load(), BadRequests: u.badRequests.Load(),
	}
}

// Close hangs up every call, waits for their goroutines and frees the address.
func (u *UA) Close() error {
	u.mu.Lock()
	if u.closed {
		u.mu.Unlock()
		return nil
	}
	u.closed = true
	open := make([]*Call, 0, len(u.calls))
	for _, c := range u.calls {
		open = append(open, c)
	}
	u.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	var ending sync.WaitGroup
	for _, c := range open {
		ending.Go(func() { _ = c.Hangup(ctx, CauseNormalClearing) })
	}
	ending.Wait()
	// What arrives from now on is not read: the SIP library would open a new
	// socket to answer it, and nobody would close that.
	u.deaf.Store(true)
	time.Sleep(settleTime)
	err := u.agent.Close()
	_ = u.udp.Close()
	_ = u.tcp.Close()
	u.wg.Wait()
	_ = u.agent.TransportLayer().Pool("udp").Clear()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("sip: close: %w", err)
	}
	return nil
}

// settleTime lets requests that were read already be answered.
const settleTime = 20 * time.Millisecond

// hear passes what is read on to the SIP library until Close.
func (u *UA) hear(_ sip.TransportReadProps, data []byte) ([]byte, error) {
	if u.deaf.Load() {
		return nil, nil
	}
	return data, nil
}

// enter registers a call, or says why not.
func (u *UA) enter(c *Call) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return ErrClosed
	}
	if len(u.calls) >= u.opts.MaxCalls {
		return errCapacity
	}
	u.calls[c.dialog.key()] = c
	return nil
}

// hushLibrary silences what the SIP library logs without being given a logger.
var hushLibrary sync.Once

var errCapacity = errors.New("sip: too many calls")

func (u *UA) leave(c *Call) {
	u.mu.Lock()
	delete(u.calls, c.dialog.key())
	u.mu.Unlock()
}

// goCall runs f while the user agent waits for it on Close.
func (u *UA) goCall(f func()) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return false
	}
	u.wg.Go(f)
	return true
}

// find gives the call of a request inside a dialog; its To tag is ours.
func (u *UA) find(req *sip.Request) *Call {
	to, id := req.To(), req.CallID()
	if to == nil || id == nil {
		return nil
	}
	tag, _ := to.Params.Get("tag")
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.calls[dialogKey(id.Value(), tag)]
}

func (u *UA) reply(req *sip.Request, tx sip.ServerTransaction, code int, reason string, headers ...sip.Header) {
	res := sip.NewResponseFromRequest(req, code, reason, nil)
	for _, h := range headers {
		res.AppendHeader(h)
	}
	res.AppendHeader(sip.NewHeader("Server", u.opts.UserAgent))
	if err := tx.Respond(res); err != nil {
		u.log.Debug("sip response not sent", "method", req.Method.String(), "status", code, "error", err)
	}
}

func (u *UA) handleOptions(req *sip.Request, tx sip.ServerTransaction) {
	u.reply(req, tx, 200, "OK", sip.NewHeader("Allow", allowed), sip.NewHeader("Accept", "application/sdp"))
}

// handleCancel sees only what matched no transaction (RFC 3261 section 9.2).
func (u *UA) handleCancel(req *sip.Request, tx sip.ServerTransaction) {
	u.outside.Add(1)
	u.reply(req, tx, 481, "Call/Transaction Does Not Exist")
}

// clean reports whether a header value can be sent as it is.
func clean(s string) bool {
	return !strings.ContainsAny(s, "\r\n\x00")
}
