package esl

import (
	"net"
	_ "unsafe" // go:linkname

	"github.com/percipia/eslgo"
)

// newConnection is eslgo's own constructor over a connection that exists already. The exported ways to
// get an eslgo.Conn make the connection themselves, and with them a listener can be neither stopped nor
// asked for its address, dialling has no deadline, and a message with "Content-Length: -1" or a length of
// terabytes ends the whole process in a goroutine nobody can guard (make in eslgo's response.go). With a
// connection of ours underneath, each message is measured before eslgo sees it (see frame.go).
//
// The signature is that of eslgo v1.5.2; a test holds the version in go.mod to exactly that.
//
//go:linkname newConnection github.com/percipia/eslgo.newConnection
func newConnection(c net.Conn, outbound bool, opts eslgo.Options) *eslgo.Conn
