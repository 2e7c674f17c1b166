package console_test

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/console"
	"github.com/tidegate/tidegate/internal/store/storetest"
)

// A client that asks and does not read is cut off.
func TestAnswersHaveToBeRead(t *testing.T) {
	f := setUp(t, storetest.SQLite(t), func(c *console.Config) { c.LongTimeout = time.Second })
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(4096)
	_ = conn.SetWriteDeadline(time.Now().Add(60 * time.Second))
	ask := []byte(strings.Repeat("GET / HTTP/1.1\r\nHost: "+conn.RemoteAddr().String()+"\r\n\r\n", 100))
	for err == nil {
		_, err = conn.Write(ask) // waits when the server does
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the server waits for ever")
	}
}
