// Package wstest has what benchmarks hold Tidegate's websockets against: the
// websocket library in a loop, with nothing around it.
package wstest

import (
	"net/http"

	"github.com/gorilla/websocket"
)

// Bare serves websockets that read messages and throw them away, or send each
// one back. It is the least that a server of this library can do with a
// message, one goroutine for each connection.
func Bare(subprotocol string, echo bool) http.Handler {
	up := websocket.Upgrader{Subprotocols: []string{subprotocol}, CheckOrigin: func(*http.Request) bool { return true }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return // answered
		}
		defer func() { _ = c.Close() }()
		message := make([]byte, 0, 1024)
		for {
			kind, reader, err := c.NextReader()
			if err != nil {
				return
			}
			message = message[:0]
			for err == nil {
				var n int
				n, err = reader.Read(message[len(message):cap(message)])
				message = message[:len(message)+n]
				if len(message) == cap(message) {
					message = append(message, 0)[:len(message)]
				}
			}
			if echo && c.WriteMessage(kind, message) != nil {
				return
			}
		}
	})
}
