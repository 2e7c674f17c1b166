package e2e_test

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// lateNetwork stands between telephones and a switch: a stateless SIP proxy
// for INVITEs, which has their RTP sent through itself, where some packets
// come late and so behind those that were sent after them.
type lateNetwork struct {
	t      testing.TB
	sip    *net.UDPConn
	target *net.UDPAddr
	every  int // one packet of so many is late,
	delays []time.Duration

	packets, late atomic.Int64
	wg            sync.WaitGroup
	mu            sync.Mutex
	closed        bool
	clients       map[string]*net.UDPAddr // by branch
	paths         map[string]*rtpPath     // by Call-ID
}

func newLateNetwork(t testing.TB, target string, every int, delays ...time.Duration) *lateNetwork {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp", target)
	if err != nil {
		t.Fatal(err)
	}
	n := &lateNetwork{
		t: t, sip: listenUDP(t), target: to, every: every, delays: delays,
		clients: map[string]*net.UDPAddr{}, paths: map[string]*rtpPath{},
	}
	n.wg.Go(n.proxy)
	t.Cleanup(n.close)
	return n
}

func listenUDP(t testing.TB) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (n *lateNetwork) addr() string { return n.sip.LocalAddr().String() }

func (n *lateNetwork) close() {
	n.mu.Lock()
	n.closed = true
	for _, p := range n.paths {
		_ = p.phone.Close()
		_ = p.sw.Close()
	}
	n.mu.Unlock()
	_ = n.sip.Close()
	n.wg.Wait()
}

var (
	callID = regexp.MustCompile(`(?im)^Call-ID: *(.*?)\r$`)
	media  = regexp.MustCompile(`(?m)^m=audio (\d+) `)
	length = regexp.MustCompile(`(?im)^Content-Length: *\d+`)
	topVia = regexp.MustCompile(`(?m)^Via: .*;branch=z9hG4bKlate(\d+)\r\n`)
)

// proxy passes requests on to the switch, with a Via of its own, and answers
// back to where the request came from.
func (n *lateNetwork) proxy() {
	buffer := make([]byte, 64<<10)
	for count := 0; ; count++ {
		size, from, err := n.sip.ReadFromUDP(buffer)
		if err != nil {
			return
		}
		m := string(buffer[:size])
		if via := topVia.FindStringSubmatch(m); strings.HasPrefix(m, "SIP/2.0 ") && via != nil {
			m = strings.Replace(m, via[0], "", 1)
			n.mu.Lock()
			to := n.clients[via[1]]
			n.mu.Unlock()
			n.forward(n.reroute(m, false), to)
			continue
		}
		n.mu.Lock()
		branch := strconv.Itoa(len(n.clients))
		n.clients[branch] = from
		n.mu.Unlock()
		line, rest, _ := strings.Cut(m, "\r\n")
		via := fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bKlate%s", n.addr(), branch)
		n.forward(n.reroute(line+"\r\n"+via+"\r\n"+rest, true), n.target)
	}
}

func (n *lateNetwork) forward(m string, to *net.UDPAddr) {
	if to != nil {
		_, _ = n.sip.WriteToUDP([]byte(m), to) // what is lost is sent again
	}
}

// reroute has the RTP of a description sent to this network.
func (n *lateNetwork) reroute(m string, offer bool) string {
	id, port := callID.FindStringSubmatch(m), media.FindStringSubmatch(m)
	if id == nil || port == nil {
		return m
	}
	number, _ := strconv.Atoi(port[1])
	real := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: number}
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.paths[id[1]]
	if p == nil {
		if n.closed {
			return m
		}
		p = &rtpPath{phone: listenUDP(n.t), sw: listenUDP(n.t)}
		n.paths[id[1]] = p
		n.wg.Go(func() { n.carry(p.phone, p.sw, &p.swAt) })
		n.wg.Go(func() { n.carry(p.sw, p.phone, &p.phoneAt) })
	}
	here := p.phone // the telephone sends there what the answer says
	if offer {
		p.phoneAt.Store(real)
		here = p.sw
	} else {
		p.swAt.Store(real)
	}
	m = media.ReplaceAllString(m, fmt.Sprintf("m=audio %d ", here.LocalAddr().(*net.UDPAddr).Port))
	_, body, _ := strings.Cut(m, "\r\n\r\n")
	return length.ReplaceAllString(m, fmt.Sprintf("Content-Length: %d", len(body)))
}

// rtpPath is one call's RTP: a socket towards the telephone and one towards
// the switch.
type rtpPath struct {
	phone, sw     *net.UDPConn
	phoneAt, swAt atomic.Pointer[net.UDPAddr]
}

// carry moves packets from one side to the other.
func (n *lateNetwork) carry(in, out *net.UDPConn, to *atomic.Pointer[net.UDPAddr]) {
	for count := 1; ; count++ {
		packet := make([]byte, 1500)
		size, err := in.Read(packet)
		if err != nil {
			return
		}
		n.packets.Add(1)
		send := func() {
			if at := to.Load(); at != nil {
				_, _ = out.WriteToUDP(packet[:size], at) // the call may be over
			}
		}
		if count%n.every != n.every/2 {
			send()
			continue
		}
		late := n.late.Add(1)
		n.wg.Go(func() {
			time.Sleep(n.delays[int(late)%len(n.delays)])
			send()
		})
	}
}
