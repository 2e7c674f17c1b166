// Package loopback gives tests addresses that can be named before anybody
// listens on them.
package loopback

import (
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
	for range 1000 {
		port := 20_000 + next.Add(1)%12_000
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		address := ln.Addr().String()
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
	t.Fatal("no free port on loopback")
	return ""
}
