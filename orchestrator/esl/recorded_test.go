package esl

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/*.golden anew")

// TestRecorded decodes what a real FreeSWITCH 1.11 with mod_audio_fork sent (e2e/contract/testdata, made by TestRecord
// there) and compares every typed event and reply with the golden file.
func TestRecorded(t *testing.T) {
	for _, name := range []string{"call", "node"} {
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile("../../e2e/contract/testdata/" + name + ".wire")
			if err != nil {
				t.Fatal(err)
			}
			got := transcript(t, raw)
			golden := "testdata/" + name + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("decoded otherwise than %s:\n%s", golden, got)
			}
		})
	}
}

// transcript reads a recording through the frame guard and prints one line per message.
func transcript(t *testing.T, raw []byte) string {
	t.Helper()
	var out strings.Builder
	fc := newFramedConn(bytesConn{r: bytes.NewReader(raw)}, maxCallBodyBytes)
	fc.onAuth = func() { out.WriteString("auth request\n") }
	fc.onLeave = func(linger bool) { fmt.Fprintf(&out, "disconnect notice, linger %v\n", linger) }
	in := bufio.NewReader(fc)
	for {
		head, err := textproto.NewReader(in).ReadMIMEHeader()
		if err == io.EOF {
			return out.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		f := fields(head)
		body := make([]byte, f.number("Content-Length"))
		if _, err := io.ReadFull(in, body); err != nil {
			t.Fatal(err)
		}
		if f.value("Content-Type") != typeEvent {
			said := f.value("Reply-Text")
			if len(body) > 0 {
				said = string(body)
			}
			fmt.Fprintf(&out, "%s %q\n", f.value("Content-Type"), strings.TrimRight(said, "\n"))
			continue
		}
		inner := bufio.NewReader(bytes.NewReader(body))
		headers, err := textproto.NewReader(inner).ReadMIMEHeader()
		if err != nil {
			t.Fatal(err)
		}
		text := make([]byte, fields(headers).number("Content-Length"))
		if _, err := io.ReadFull(inner, text); err != nil {
			t.Fatal(err)
		}
		ev, kind, ok := decode(fields(headers), text)
		if !ok {
			fmt.Fprintf(&out, "%s: %s\n", kind, fields(headers).value("Event-Name"))
			continue
		}
		if ev.Origin().Sequence == 0 || ev.Origin().CoreUUID == "" || ev.Origin().Time.IsZero() {
			t.Errorf("%s without a stamp", kind)
		}
		line, err := json.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s: %T %s\n", kind, ev, line)
	}
}
