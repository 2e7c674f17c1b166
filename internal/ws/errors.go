package ws

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"

	"github.com/gorilla/websocket"
)

// Errors of Read and the Write methods.
var (
	ErrClosed   = errors.New("websocket closed")
	ErrLost     = errors.New("websocket lost")
	ErrTooLarge = errors.New("websocket message over the size limit")
	ErrTimeout  = errors.New("websocket timed out")
	ErrProtocol = errors.New("websocket protocol violated")
)

// CloseError is the peer's close frame; Code 1005 means it gave none.
type CloseError struct {
	Code   int
	Reason string
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("websocket closed by peer with code %d", e.Code)
}

func (c *Conn) readError(err error) error {
	var peer *websocket.CloseError
	switch {
	case c.isClosing():
		return ErrClosed
	case errors.As(err, &peer) && peer.Code == websocket.CloseAbnormalClosure:
		return fmt.Errorf("%w: no close frame", ErrLost) // gorilla's word for a bare EOF
	case errors.As(err, &peer):
		return &CloseError{peer.Code, peer.Text}
	case errors.Is(err, websocket.ErrReadLimit):
		return ErrTooLarge
	case isTimeout(err):
		return ErrTimeout
	case isNetwork(err):
		return fmt.Errorf("%w: %w", ErrLost, err)
	default:
		return fmt.Errorf("%w: %w", ErrProtocol, err)
	}
}

func (c *Conn) writeError(err error) error {
	switch {
	case c.isClosing() || errors.Is(err, websocket.ErrCloseSent):
		return ErrClosed
	case isTimeout(err):
		return ErrTimeout
	default:
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
}

func isNetwork(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET)
}

// isTimeout asks by interface: gorilla replaces temporary network errors by
// one of its own that unwraps to nothing.
func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// hideURL takes the address out of an error.
func hideURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
