package sipua

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"
)

// phone is a SIP phone made of text, so that what another implementation
// sends can be sent byte by byte.
type phone struct {
	t    *testing.T
	conn net.Conn
	read *bufio.Reader
	to   string
	tag  string
	n    int
}

func newPhone(t *testing.T, address string) *phone {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &phone{t: t, conn: conn, read: bufio.NewReader(conn), to: "<sip:4000@" + address + ">"}
}

func (p *phone) send(method string, seq int, headers, body string) {
	p.n++
	to := p.to
	if p.tag != "" {
		to += ";tag=" + p.tag
	}
	fmt.Fprintf(p.conn, "%s sip:4000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP %s;branch=z9hG4bK%d\r\nFrom: <sip:1@phone>;tag=abc\r\nTo: %s\r\n"+
		"Call-ID: wire-1\r\nCSeq: %d %s\r\nContact: <sip:1@%s;transport=tcp>\r\nMax-Forwards: 70\r\n%sContent-Length: %d\r\n\r\n%s",
		method, p.conn.LocalAddr(), p.n, to, seq, method, p.conn.LocalAddr(), headers, len(body), body)
}

// final reads to the next final response.
func (p *phone) final() (status int, header textproto.MIMEHeader, body string) {
	p.t.Helper()
	for {
		reader := textproto.NewReader(p.read)
		line, err := reader.ReadLine()
		if err != nil {
			p.t.Fatal(err)
		}
		header, err = reader.ReadMIMEHeader()
		if err != nil {
			p.t.Fatal(err)
		}
		length, _ := strconv.Atoi(header.Get("Content-Length"))
		content := make([]byte, length)
		if _, err := io.ReadFull(p.read, content); err != nil {
			p.t.Fatal(err)
		}
		if fields := strings.Fields(line); fields[0] == "SIP/2.0" {
			if status, _ = strconv.Atoi(fields[1]); status >= 200 {
				if _, tag, ok := strings.Cut(header.Get("To"), "tag="); ok && p.tag == "" && status == 200 && strings.Contains(header.Get("Cseq"), "INVITE") {
					p.tag = tag
				}
				return status, header, string(content)
			}
		}
	}
}

func (p *phone) expect(status int) string {
	p.t.Helper()
	got, _, body := p.final()
	if got != status {
		p.t.Fatalf("status %d, want %d", got, status)
	}
	return body
}

const phoneSDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40404 RTP/AVP 0 8 96\r\na=rtpmap:96 telephone-event/8000\r\n"

const sdpType = "Content-Type: application/sdp\r\n"

func TestForeignPhone(t *testing.T) {
	u := newUA(t, Options{})
	calls := make(chan *Call, 4)
	u.OnInvite(func(c *Call) {
		_ = c.Answer(t.Context())
		calls <- c
	})
	p := newPhone(t, u.Addr())
	p.send("OPTIONS", 1, "", "")
	p.expect(200)
	p.send("SUBSCRIBE", 2, "", "")
	p.expect(405)
	p.send("INVITE", 3, "Require: 100rel\r\n"+sdpType, phoneSDP)
	p.expect(420)
	p.send("INVITE", 4, sdpType, "v=nonsense")
	p.expect(488)
	p.send("INVITE", 5, sdpType, strings.ReplaceAll(phoneSDP, "0 8 96", "18 96"))
	p.expect(488)

	p.send("INVITE", 6, sdpType, phoneSDP)
	if body := p.expect(200); !strings.Contains(body, "a=rtpmap:96 telephone-event/8000") || !strings.Contains(body, "RTP/AVP 0 96") {
		t.Errorf("answer:\n%s", body)
	}
	p.send("ACK", 6, "", "")
	c := <-calls

	p.send("INVITE", 7, sdpType, phoneSDP+"a=sendonly\r\n") // hold
	if body := p.expect(200); !strings.Contains(body, "a=recvonly") {
		t.Errorf("answer to hold:\n%s", body)
	}
	p.send("ACK", 7, "", "")
	p.send("UPDATE", 8, "Session-Expires: 90;refresher=uac\r\nSupported: timer\r\n", "")
	p.expect(200)
	p.send("INVITE", 9, sdpType, strings.ReplaceAll(phoneSDP, "40404", "40406")) // back, elsewhere
	if body := p.expect(200); !strings.Contains(body, "a=sendrecv") {
		t.Errorf("answer to resume:\n%s", body)
	}
	p.send("ACK", 9, "", "")
	if got := c.RemoteRTP().Port(); got != 40406 {
		t.Errorf("audio goes to port %d", got)
	}
	p.send("INFO", 10, "Content-Type: application/dtmf-relay\r\n", "Signal=5\r\nDuration=160\r\n")
	p.expect(200)
	if d := <-c.Digits(); d.Digit != '5' || d.Duration != 160*time.Millisecond || d.Source != "INFO" {
		t.Errorf("digit %+v", d)
	}
	p.send("INFO", 11, "Content-Type: text/plain\r\n", "?")
	p.expect(415)
	p.send("BYE", 12, `Reason: SIP;cause=200, Q.850;cause=31;text="gone"`+"\r\n", "")
	p.expect(200)
	if cause := waitDone(testContext(t), t, c); cause.Q850 != 31 || cause.Text != "gone" {
		t.Errorf("cause %+v", cause)
	}
	p.send("BYE", 13, "", "")
	p.expect(481)
}

func TestOfferInAnswer(t *testing.T) {
	u := newUA(t, Options{})
	calls := make(chan *Call, 1)
	u.OnInvite(func(c *Call) {
		_ = c.Answer(t.Context())
		calls <- c
	})
	p := newPhone(t, u.Addr())
	p.send("INVITE", 1, "", "")
	if body := p.expect(200); !strings.Contains(body, "RTP/AVP 8 0 101") {
		t.Errorf("offer:\n%s", body)
	}
	p.send("ACK", 1, sdpType, phoneSDP)
	c := <-calls
	for c.Codec() != PCMU {
		time.Sleep(5 * time.Millisecond)
	}
	p.send("BYE", 2, "", "")
	p.expect(200)
}
