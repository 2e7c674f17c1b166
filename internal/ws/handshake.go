package ws

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/gorilla/websocket"
)

// HandshakeError is a handshake that failed. Status is the HTTP status of
// the answer, 0 when none came.
type HandshakeError struct {
	Status int
	Err    error
}

func (e *HandshakeError) Error() string {
	if e.Status == 0 {
		return "websocket handshake: " + e.Err.Error()
	}
	return fmt.Sprintf("websocket handshake: status %d: %v", e.Status, e.Err)
}

func (e *HandshakeError) Unwrap() error { return e.Err }

// Causes inside a HandshakeError.
var (
	ErrSubprotocol = errors.New("no common websocket subprotocol")
	ErrOrigin      = errors.New("browser origin refused")
)

// Upgrade answers a websocket handshake. When it fails, the HTTP answer is
// written already and the error is a *HandshakeError.
func Upgrade(w http.ResponseWriter, r *http.Request, o Options) (*Conn, error) {
	o = o.withDefaults()
	if len(o.Subprotocols) > 0 && !slices.ContainsFunc(websocket.Subprotocols(r), func(s string) bool {
		return slices.Contains(o.Subprotocols, s)
	}) {
		http.Error(w, ErrSubprotocol.Error(), http.StatusBadRequest)
		return nil, &HandshakeError{http.StatusBadRequest, ErrSubprotocol}
	}
	if origin := r.Header.Get("Origin"); origin != "" && !slices.Contains(o.AllowOrigins, origin) {
		http.Error(w, ErrOrigin.Error(), http.StatusForbidden)
		return nil, &HandshakeError{http.StatusForbidden, ErrOrigin}
	}
	var status int
	u := websocket.Upgrader{
		HandshakeTimeout: o.HandshakeTimeout,
		Subprotocols:     o.Subprotocols,
		ReadBufferSize:   o.ReadBuffer,
		WriteBufferSize:  o.WriteBuffer,
		CheckOrigin:      func(*http.Request) bool { return true }, // checked above
		Error: func(w http.ResponseWriter, _ *http.Request, code int, reason error) {
			status = code
			http.Error(w, reason.Error(), code)
		},
	}
	if o.WritePool != nil {
		u.WriteBufferPool = o.WritePool
	}
	c, err := u.Upgrade(w, r, o.Header)
	if err != nil {
		return nil, &HandshakeError{status, err}
	}
	return newConn(c, o), nil
}

// Dial connects to a ws:// or wss:// address. Errors are *HandshakeError;
// they hold no part of the address, as that may hold a token.
func Dial(ctx context.Context, url string, o Options) (*Conn, error) {
	o = o.withDefaults()
	d := websocket.Dialer{
		Proxy:            http.ProxyFromEnvironment,
		HandshakeTimeout: o.HandshakeTimeout,
		Subprotocols:     o.Subprotocols,
		ReadBufferSize:   o.ReadBuffer,
		WriteBufferSize:  o.WriteBuffer,
		TLSClientConfig:  o.TLS,
	}
	if o.WritePool != nil {
		d.WriteBufferPool = o.WritePool
	}
	c, resp, err := d.DialContext(ctx, url, o.Header)
	if err != nil {
		status := 0
		if resp != nil {
			status = resp.StatusCode
		}
		return nil, &HandshakeError{status, hideURL(err)}
	}
	agreed := len(o.Subprotocols) == 0 || slices.Contains(o.Subprotocols, c.Subprotocol())
	if !agreed && !(o.AnySubprotocol && c.Subprotocol() == "") {
		_ = c.Close()
		return nil, &HandshakeError{resp.StatusCode, ErrSubprotocol}
	}
	return newConn(c, o), nil
}
