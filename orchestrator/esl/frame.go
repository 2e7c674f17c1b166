package esl

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Bounds of one message. A connect reply with all channel variables is about 10 KB, an event 3 to 6 KB;
// "show channels as json" grows with the calls of the node, so node links allow more.
const (
	maxHeaderBytes   = 256 << 10
	maxCallBodyBytes = 1 << 20
	maxNodeBodyBytes = 32 << 20
)

// Errors of the wire. Each ends the connection it was seen on, and no other.
var (
	ErrMalformed = errors.New("malformed event socket message")
	ErrOversized = errors.New("event socket message over the size limit")
	ErrRejected  = errors.New("event socket access list rejected the connection")
)

// Content types that eslgo answers or routes; FreeSWITCH's names, mod_event_socket.c.
const (
	typeReply      = "command/reply"
	typeAPI        = "api/response"
	typeEvent      = "text/event-plain"
	typeAuth       = "auth/request"
	typeDisconnect = "text/disconnect-notice"
	typeRejection  = "text/rude-rejection"
)

// framedConn lets whole, measured messages through to eslgo and keeps to itself what eslgo has no reader
// for: a disconnect notice would hold up eslgo's receive loop for five seconds, right before
// CHANNEL_HANGUP_COMPLETE, and an unknown content type ends that loop without telling anyone.
type framedConn struct {
	net.Conn
	in      *bufio.Reader
	maxBody int
	frame   []byte
	rest    []byte
	events  uint64 // handed to eslgo; read and written in its receive loop only

	onAuth  func()
	onLeave func(linger bool)
	onRead  func()
	onEnd   func(error)
}

func newFramedConn(c net.Conn, maxBody int) *framedConn {
	return &framedConn{Conn: c, in: bufio.NewReaderSize(c, 8<<10), maxBody: maxBody}
}

// Read hands out complete messages only: a peer that dies in the middle of one is an error here, at once.
func (f *framedConn) Read(p []byte) (int, error) {
	for len(f.rest) == 0 {
		if err := f.next(); err != nil {
			if f.onEnd != nil {
				f.onEnd(err)
			}
			return 0, err
		}
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// next reads one message; rest stays empty when the message was for us and not for eslgo.
func (f *framedConn) next() error {
	if cap(f.frame) > 64<<10 {
		f.frame = nil // one big message must not stay with a quiet call
	}
	head, err := f.readHead()
	if err != nil {
		return err
	}
	if len(head.names) == 0 {
		return nil
	}
	start := len(f.frame)
	if head.length > 0 {
		if head.length > f.maxBody {
			return fmt.Errorf("%w: body of %d bytes", ErrOversized, head.length)
		}
		f.frame = append(f.frame, make([]byte, head.length)...)
		if _, err := io.ReadFull(f.in, f.frame[start:]); err != nil {
			return cutShort(err)
		}
	}
	if f.onRead != nil {
		f.onRead()
	}
	switch head.contentType {
	case typeReply, typeAPI:
	case typeEvent:
		if err := checkEvent(f.frame[start:]); err != nil {
			return err
		}
		f.events++
	case typeAuth:
		if f.onAuth != nil {
			f.onAuth()
		}
		return nil
	case typeDisconnect:
		if f.onLeave != nil {
			f.onLeave(head.disposition == "linger")
		}
		return nil
	case typeRejection:
		return ErrRejected
	default:
		return fmt.Errorf("%w: unknown content type", ErrMalformed)
	}
	f.rest = f.frame
	return nil
}

// head is what the layer needs of a message's header lines.
type head struct {
	contentType string
	disposition string
	length      int
	names       []byte // non-empty once a header line was seen
}

func (f *framedConn) readHead() (head, error) {
	f.frame = f.frame[:0]
	var h head
	hasLength := false
	for {
		at := len(f.frame)
		if err := f.readLine(); err != nil {
			return h, err
		}
		line := bytes.TrimRight(f.frame[at:], "\r\n")
		if len(line) == 0 {
			if h.names == nil {
				f.frame = f.frame[:0]
				return h, nil
			}
			return h, nil
		}
		name, value, err := splitHeader(line)
		if err != nil {
			return h, err
		}
		h.names = name
		switch {
		case asciiEqual(name, "content-length"):
			if hasLength {
				return h, fmt.Errorf("%w: two lengths", ErrMalformed)
			}
			hasLength = true
			if h.length, err = parseLength(value); err != nil {
				return h, err
			}
		case asciiEqual(name, "content-type"):
			h.contentType, _ = url.PathUnescape(string(value))
		case asciiEqual(name, "content-disposition"):
			h.disposition = string(value)
		}
	}
}

// readLine appends one line, its end included, to the frame.
func (f *framedConn) readLine() error {
	for {
		part, err := f.in.ReadSlice('\n')
		f.frame = append(f.frame, part...)
		if len(f.frame) > maxHeaderBytes {
			return fmt.Errorf("%w: header", ErrOversized)
		}
		if err == nil {
			return nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if len(f.frame) > 0 {
			return cutShort(err)
		}
		return err
	}
}

func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func splitHeader(line []byte) (name, value []byte, err error) {
	name, value, ok := bytes.Cut(line, []byte{':'})
	if !ok || len(name) == 0 || name[0] == ' ' || name[0] == '\t' {
		return nil, nil, fmt.Errorf("%w: header line", ErrMalformed)
	}
	return name, bytes.TrimSpace(value), nil
}

func parseLength(value []byte) (int, error) {
	if len(value) == 0 || len(value) > 10 {
		return 0, fmt.Errorf("%w: length", ErrMalformed)
	}
	n, err := strconv.ParseUint(string(value), 10, 40)
	if err != nil {
		return 0, fmt.Errorf("%w: length", ErrMalformed)
	}
	return int(n), nil
}

// checkEvent holds the length inside an event to the bytes that are there, as eslgo allocates what it says.
func checkEvent(body []byte) error {
	seen := false
	for len(body) > 0 {
		line, rest, ok := bytes.Cut(body, []byte{'\n'})
		body = rest
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 {
			return nil
		}
		if !ok {
			return fmt.Errorf("%w: event header cut short", ErrMalformed)
		}
		name, value, err := splitHeader(line)
		if err != nil {
			return err
		}
		if !asciiEqual(name, "content-length") {
			continue
		}
		if seen {
			return fmt.Errorf("%w: two lengths in an event", ErrMalformed)
		}
		seen = true
		n, err := parseLength(value)
		if err != nil {
			return err
		}
		if n > len(body) {
			return fmt.Errorf("%w: event body longer than its message", ErrMalformed)
		}
	}
	return nil
}

func asciiEqual(b []byte, lower string) bool {
	return len(b) == len(lower) && strings.EqualFold(string(b), lower)
}
