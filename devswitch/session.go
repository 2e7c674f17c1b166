package devswitch

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxCommand   = 64 << 10 // header part of a command
	maxBody      = 1 << 20
	sendQueue    = 4096
	goodbye      = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
	connectGrace = 25 * time.Second
)

var errCommand = errors.New("unreadable command")

// session is one event socket connection, of either direction. One goroutine
// reads and obeys commands, one writes.
type session struct {
	s        *Service
	conn     net.Conn
	outbound bool
	full     bool

	out       chan []byte
	connected chan struct{} // closed by the connect command
	closed    chan struct{} // closed when the connection is over
	closeOnce sync.Once
	connOnce  sync.Once

	mu       sync.Mutex
	c        *channel // controlled channel, nil on a node link
	authed   bool
	format   string
	enabled  bool
	names    map[string]bool
	customs  map[string]bool
	all      bool
	myevents bool
	filters  []header
	logging  bool
	linger   int // seconds; -1: as long as the client wants; 0: not
	leaving  bool
}

func newSession(s *Service, conn net.Conn, c *channel, full bool) *session {
	return &session{
		s: s, conn: conn, c: c, outbound: c != nil, full: full, authed: c != nil, format: "plain",
		out: make(chan []byte, sendQueue), connected: make(chan struct{}), closed: make(chan struct{}),
		names: make(map[string]bool), customs: make(map[string]bool),
	}
}

// serve runs the connection to its end.
func (l *session) serve() {
	var writer sync.WaitGroup
	writer.Go(l.write)
	l.s.bus.listen(l)
	if !l.outbound {
		l.send("Content-Type: auth/request\n\n")
	}
	in := bufio.NewReaderSize(l.conn, 4096)
	for {
		cmd, err := readCommand(in)
		if err != nil {
			break
		}
		direction := "inbound"
		if l.outbound {
			direction = "outbound"
		}
		l.s.m.commands.WithLabelValues(direction).Inc()
		reply, stay := l.obey(cmd)
		if reply != "" {
			l.reply(reply)
		}
		if !stay {
			l.sendGoodbye()
			break
		}
	}
	l.s.bus.forget(l)
	l.finish()
	writer.Wait()
	_ = l.conn.Close()
}

// finish ends the connection; what is queued is still written.
func (l *session) finish() {
	l.closeOnce.Do(func() { close(l.closed) })
}

func (l *session) write() {
	for {
		select {
		case b := <-l.out:
			if !l.put(b) {
				return
			}
		case <-l.closed:
			for {
				select {
				case b := <-l.out:
					if !l.put(b) {
						return
					}
					continue
				default:
				}
				_ = l.conn.Close() // ends the reader as well
				return
			}
		}
	}
}

func (l *session) put(b []byte) bool {
	_ = l.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if _, err := l.conn.Write(b); err != nil {
		l.finish()
		_ = l.conn.Close()
		return false
	}
	return true
}

// send queues what must not be lost; a client that reads nothing for long is cut off by the writer.
func (l *session) send(s string) {
	select {
	case l.out <- []byte(s):
	case <-l.closed:
	}
}

func (l *session) reply(text string) {
	if rest, raw := strings.CutPrefix(text, "~"); raw {
		l.send("Content-Type: command/reply\n" + rest)
		return
	}
	l.send("Content-Type: command/reply\nReply-Text: " + text + "\n\n")
}

func (l *session) respond(text string) {
	if text == "" {
		text = "-ERR no reply\n"
	}
	l.send(fmt.Sprintf("Content-Type: api/response\nContent-Length: %d\n\n%s", len(text), text))
}

// queueEvent delivers an event, or drops it when the client is behind.
func (l *session) queueEvent(e *event) bool {
	l.mu.Lock()
	format := l.format
	l.mu.Unlock()
	var body []byte
	if format == "json" {
		body = e.json()
	} else {
		body = e.plain(true)
	}
	head := fmt.Sprintf("Content-Length: %d\nContent-Type: text/event-%s\n\n", len(body), format)
	select {
	case l.out <- append([]byte(head), body...):
		return true
	default:
		return false
	}
}

// wants decides about an event as mod_event_socket does.
func (l *session) wants(e *event) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.enabled || !l.authed {
		return false
	}
	name := e.name()
	switch {
	case l.all:
	case name == "CUSTOM":
		if !l.customs[e.get("Event-Subclass")] {
			return false
		}
	case !l.names[name]:
		return false
	}
	if !l.passes(e) {
		return false
	}
	if !l.myevents || l.c == nil {
		return true
	}
	if name == "CHANNEL_DESTROY" {
		return false // the controlling socket holds the session: it is gone before
	}
	return e.get("Unique-ID") == l.c.id || e.get("Job-Owner-UUID") == l.c.id
}

// passes applies filters: one must match, none with a leading minus may.
func (l *session) passes(e *event) bool {
	if len(l.filters) == 0 {
		return true
	}
	pass := false
	for _, f := range l.filters {
		value := e.get(f.name)
		want, negative := strings.CutPrefix(f.value, "-")
		want = strings.TrimPrefix(want, "+")
		if value == "" || !strings.EqualFold(value, want) {
			continue
		}
		if negative {
			return false
		}
		pass = true
	}
	return pass
}

// channelDown tells the socket that its channel has hung up: with linger the
// client learns how it ended, without the connection closes.
func (l *session) channelDown() {
	l.mu.Lock()
	linger, c := l.linger, l.c
	first := !l.leaving
	l.leaving = true
	l.mu.Unlock()
	if !first {
		return
	}
	if linger == 0 {
		l.sendGoodbye()
		l.finish()
		return
	}
	c.mu.Lock()
	name := c.chanName
	c.mu.Unlock()
	l.send(fmt.Sprintf("Content-Type: text/disconnect-notice\nControlled-Session-UUID: %s\nContent-Disposition: linger\n"+
		"Channel-Name: %s\nLinger-Time: %d\nContent-Length: 0\n\n", c.id, name, linger))
	if linger > 0 {
		l.s.spawn(func() {
			timer := time.NewTimer(time.Duration(linger) * time.Second)
			defer timer.Stop()
			select {
			case <-timer.C:
				l.sendGoodbye()
				l.finish()
			case <-l.closed:
			case <-l.s.ctx.Done():
				l.finish()
			}
		})
	}
}

func (l *session) sendGoodbye() {
	l.mu.Lock()
	c := l.c
	l.mu.Unlock()
	if c == nil {
		l.send(fmt.Sprintf("Content-Type: text/disconnect-notice\nContent-Length: %d\n\n%s", len(goodbye), goodbye))
		return
	}
	l.send(fmt.Sprintf("Content-Type: text/disconnect-notice\nControlled-Session-UUID: %s\nContent-Disposition: disconnect\n"+
		"Content-Length: %d\n\n%s", c.id, len(goodbye), goodbye))
}

// command is what a client sent: a line, headers with lower-case names, a body.
type command struct {
	line    string
	headers map[string]string
	body    string
}

// readCommand reads to an empty line, and the body that Content-Length names.
// Like mod_event_socket it cuts lines at CR when there is one ahead, else at
// LF: a message that mixes them is read as FreeSWITCH reads it.
func readCommand(in *bufio.Reader) (command, error) {
	raw, err := readHead(in)
	if err != nil {
		return command{}, err
	}
	cmd := command{headers: make(map[string]string)}
	for first := true; raw != ""; first = false {
		end := strings.IndexByte(raw, '\r')
		if end < 0 {
			end = strings.IndexByte(raw, '\n')
		}
		line := raw
		if raw = ""; end >= 0 {
			raw = strings.TrimLeft(line[end:], "\r\n")
			line = line[:end]
		}
		line, _, _ = strings.Cut(line, "\n")
		if first {
			cmd.line = line
			continue
		}
		if name, value, ok := strings.Cut(line, ":"); ok {
			name = strings.ToLower(name)
			if _, twice := cmd.headers[name]; !twice {
				cmd.headers[name] = strings.TrimLeft(value, " ")
			}
		}
	}
	return cmd, cmd.readBody(in)
}

func (cmd *command) readBody(in *bufio.Reader) error {
	length, given := cmd.headers["content-length"]
	if !given {
		return nil
	}
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 || n > maxBody {
		return fmt.Errorf("%w: content length %q", errCommand, length)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(in, body); err != nil {
		return err
	}
	cmd.body = string(body)
	return nil
}

func readHead(in *bufio.Reader) (string, error) {
	var head []byte
	feeds := 0
	for feeds < 2 {
		b, err := in.ReadByte()
		if err != nil {
			return "", err
		}
		if len(head) == 0 && (b == '\r' || b == '\n') {
			continue
		}
		switch b {
		case '\n':
			feeds++
		case '\r':
		default:
			feeds = 0
		}
		if head = append(head, b); len(head) > maxCommand {
			return "", fmt.Errorf("%w: longer than %d bytes", errCommand, maxCommand)
		}
	}
	return string(head), nil
}
