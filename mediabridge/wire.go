package mediabridge

import (
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/tidegate/tidegate/internal/ws"
)

// outgoing is the fork's websocket as the session writes to it. A write
// returns when the system has taken the message; it is held up only while the
// switch reads nothing for so long that the system has no room left, and then
// for the write time-out at most, after which the session is over.
type outgoing interface {
	WriteBinary(b []byte) error
	WriteText(b []byte) error
}

// read works on the switch's frames until the fork ends.
func (s *session) read() {
	for {
		kind, b, err := s.conn.Read()
		s.svc.guard(s, func() {
			s.work(func() {
				now := s.svc.now()
				switch {
				case err != nil:
					s.end(endReason(err))
				case !s.pace.message(now):
					s.log.Warn("the switch sends more messages than a call has")
					s.end(closedFlood)
				case kind == ws.Text:
					s.textFrame(b, now)
				default:
					s.media(b, now)
				}
			})
		})
		if err != nil {
			return
		}
	}
}

func endReason(err error) string {
	var peer *ws.CloseError
	switch {
	case errors.As(err, &peer):
		return closedByPeer
	case errors.Is(err, ws.ErrTooLarge):
		return closedTooLarge
	case errors.Is(err, ws.ErrProtocol):
		return closedProtocol
	default:
		return closedLost
	}
}

// sound and file are play-out's way to the switch.
func (s *session) sound(frames []byte) {
	if s.written(s.out.WriteBinary, frames) {
		s.svc.metrics.framesOut.Add(float64(len(frames) / s.frames.size))
	}
}

// playAudio is the message that drachtio's and jambonz's module take for
// sound that is played as a file.
type playAudio struct {
	Type string `json:"type"`
	Data struct {
		Type    string `json:"audioContentType"`
		Rate    int    `json:"sampleRate"`
		Content string `json:"audioContent"`
	} `json:"data"`
}

func (s *session) file(sound []byte) {
	m := playAudio{Type: "playAudio"}
	m.Data.Type, m.Data.Rate = "raw", s.meta.SampleRate
	m.Data.Content = base64.StdEncoding.EncodeToString(sound)
	s.sendJSON(m)
	s.svc.metrics.framesOut.Add(float64(len(sound) / s.frames.size))
}

func (s *session) sendJSON(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		s.log.Error("message not encoded", "error", err)
		return
	}
	s.written(s.out.WriteText, b)
}

// written ends the session when a message could not be sent: the switch has
// stopped to read, or is gone.
func (s *session) written(write func([]byte) error, b []byte) bool {
	err := write(b)
	switch {
	case err == nil:
		return true
	case errors.Is(err, ws.ErrClosed): // the reader tells why
	case errors.Is(err, ws.ErrTimeout):
		s.svc.metrics.writeErrors.WithLabelValues("fork").Inc()
		s.end(closedStalled)
	default:
		s.svc.metrics.writeErrors.WithLabelValues("fork").Inc()
		s.end(closedLost)
	}
	return false
}

// disconnectMessage ends the fork in the module. Without a data object it
// would look like a connection that was dropped.
type disconnectMessage struct {
	Type string `json:"type"`
	Data struct {
		Reason string `json:"reason"`
	} `json:"data"`
}

// hangUp tells the switch, when it is still there.
func (s *session) hangUp() {
	if s.ending == closedByCommand || s.ending == closedShutdown || s.ending == closedIdle {
		m := disconnectMessage{Type: "disconnect"}
		m.Data.Reason = s.ending
		s.sendJSON(m)
	}
	_ = s.conn.Close(closeCode(s.ending), s.ending) // a socket that is gone needs none
}

// closeCode is what a session's end is in a close frame, RFC 6455 section
// 7.4.1. What broke the rules of websockets itself has had its code already.
func closeCode(reason string) int {
	switch reason {
	case closedRate:
		return ws.CloseInvalid
	case closedFlood:
		return ws.ClosePolicy
	case closedShutdown:
		return ws.CloseGoingAway
	case closedInternal:
		return ws.CloseInternal
	default:
		return ws.CloseNormal
	}
}

// drainReads waits for the peer's close frame, or for the socket to end.
func drainReads(conn *ws.Conn) {
	for {
		if _, _, err := conn.Read(); err != nil {
			return
		}
	}
}
