package devswitch

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// appSocket is the outbound event socket: it connects to the first host that
// answers, hands the channel over and parks until the connection ends. A
// refused or ended connection lets the dialplan go on.
func appSocket(c *channel, arg string) error {
	fields := splitArguments(arg, 80)
	if len(fields) == 0 {
		return fmt.Errorf("socket without an address")
	}
	full := false
	for _, word := range fields[1:] {
		full = full || strings.EqualFold(word, "full")
	}
	var conn net.Conn
	for host := range strings.SplitSeq(fields[0], "|") {
		address, path, _ := strings.Cut(host, "/")
		if !strings.Contains(address, ":") {
			address += ":8084"
		}
		c.set("socket_host", address[:strings.LastIndex(address, ":")])
		c.set("socket_path", path)
		result := make(chan net.Conn, 1)
		if err := c.await(func() { result <- c.dial(address) }); err != nil {
			c.s.spawn(func() {
				if late := <-result; late != nil {
					_ = late.Close()
				}
			})
			return err
		}
		if conn = <-result; conn != nil {
			break
		}
	}
	if conn == nil {
		return fmt.Errorf("no socket host answers")
	}
	return c.handOver(conn, full)
}

func (c *channel) dial(address string) net.Conn {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	conn, err := dialer.DialContext(c.s.ctx, "tcp", address)
	if err != nil {
		c.log.Info("event socket not reached", "address", address, "error", err)
		return nil
	}
	return conn
}

// handOver parks the channel under the control of an event socket.
func (c *channel) handOver(conn net.Conn, full bool) error {
	l := newSession(c.s, conn, c, full)
	c.control(l)
	c.s.keep(l)
	c.s.spawn(func() {
		defer c.s.drop(l)
		l.serve()
		c.release(l)
	})
	grace := time.AfterFunc(connectGrace, func() {
		select {
		case <-l.connected:
		default:
			l.finish()
		}
	})
	defer grace.Stop()
	if err := c.run(operation{ended: either(l.connected, l.closed)}); err != nil {
		return err
	}
	select {
	case <-l.connected:
		return c.park(l.closed)
	default:
	}
	// FreeSWITCH parks a channel whose connection ended before the connect
	// command, and nobody is left to end that, unless it was told to resume.
	if isTrue(c.variable("socket_resume")) {
		return nil
	}
	return c.park(nil)
}

// either closes when one of two channels does; both close in the end.
func either(a, b <-chan struct{}) <-chan struct{} {
	out := make(chan struct{})
	go func() {
		defer close(out)
		select {
		case <-a:
		case <-b:
		}
	}()
	return out
}

func (c *channel) control(l *session) {
	c.mu.Lock()
	c.sockets = append(c.sockets, l)
	c.mu.Unlock()
}

func (c *channel) release(l *session) {
	c.mu.Lock()
	c.sockets = slices.DeleteFunc(slices.Clone(c.sockets), func(other *session) bool { return other == l })
	c.mu.Unlock()
}
