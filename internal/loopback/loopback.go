// Package loopback gives tests and measurements addresses that can be named
// before anybody listens on them.
package loopback

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
)

// next walks through ports below those that systems give out by themselves
// (RFC 6335 leaves the dynamic ports to them; Linux begins at 32768), so that
// nobody takes one between its choice and its use. Processes begin apart.
var next atomic.Int32

func init() { next.Store(20_000 + int32(os.Getpid()*37%10_000)) }

// Address is HOST:PORT on loopback, free when it was looked at.
func Address(t testing.TB) string {
	t.Helper()
	address, err := Free()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

var errNoPort = errors.New("no free port on loopback")

// Free is Address outside of tests.
func Free() (string, error) {
	for range 1000 {
		port := 20_000 + next.Add(1)%12_000
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		address := ln.Addr().String()
		return address, ln.Close()
	}
	return "", errNoPort
}
