package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
)

// hostile renames a terminal's window, clears it, in the C1 form too, and
// turns the order of what follows.
const hostile = "x\x1b]0;owned\x07\x1b[2J\u009b2J\u202e\x7f"

// harmless fails when a terminal would obey something.
func harmless(t *testing.T, what, out string) {
	t.Helper()
	if i := strings.IndexAny(out, "\x1b\x07\x7f\r\u009b\u202e"); i >= 0 {
		t.Errorf("%s passes %q on:\n%q", what, out[i:min(len(out), i+4)], out)
	}
}

func TestVisible(t *testing.T) {
	for s, want := range map[string]string{
		"退货 ok é 👍🏽":         "退货 ok é 👍🏽",
		"a\x1b[2Jb":          `a\u001b[2Jb`,
		"a\u009b2J\u0085":    `a\u009b2J\u0085`,
		"a\x9b2J\xff":        `a\x9b2J\xff`,
		"\u202eevil\u2066":   `\u202eevil\u2066`,
		"a\r\nb\tc":          `a\u000d\u000ab\u0009c`,
		"\u2028\x7f\x00":     `\u2028\u007f\u0000`,
		"\ufffd is as it is": "\ufffd is as it is",
	} {
		if got := line(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
	var b strings.Builder
	if n, err := fmt.Fprintf(visibleWriter{&b}, "a\tb\n%s", hostile); err != nil || n != len("a\tb\n"+hostile) || !strings.HasPrefix(b.String(), "a\tb\nx\\u001b]0;") {
		t.Errorf("%d, %v: %q", n, err, b.String())
	}
	harmless(t, "the writer", b.String())
	if got := copyText(ticket.External{ID: "1\n  = id 2", Status: hostile, URL: hostile}); strings.Contains(got, "\n") {
		t.Errorf("%q", got)
	}
}

func TestTriesShowNothingThatATerminalObeys(t *testing.T) {
	// As JSON, and as a server that minds nothing writes it.
	raw := strings.ReplaceAll(hostile, "\x1b", `\u001b`)
	raw = strings.ReplaceAll(raw, "\x07", `\u0007`)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasPrefix(r.URL.Path, "/text"):
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, hostile)
		case r.Method == http.MethodGet:
			fmt.Fprintf(w, `{"data":[{"id":"%s","state":"%s","url":"%s","code":"%s"}]}`, raw, raw, raw, raw)
		default:
			if r.URL.Path == "/t" {
				w.WriteHeader(http.StatusCreated)
			}
			fmt.Fprintf(w, `{"id":"%s","state":"%s","url":"%s","Code":"%s","Message":"%s","BizId":"%s"}`, raw, raw, raw, raw, raw, raw)
		}
	}))
	defer srv.Close()
	t.Setenv("SMS_ACCESS_KEY_ID", "id")
	t.Setenv("SMS_ACCESS_KEY_SECRET", "secret")
	t.Setenv("SHOP_TOKEN", "token")
	for _, base := range []string{srv.URL, srv.URL + "/text"} {
		desk := writeConnection(t, "connector: rest\nbase: "+base+`
create: {method: POST, path: /t, body: {a: b}, map: {id: id, status: state, url: url}}
find: {method: GET, path: /t, map: {id: "data[0].id", status: "data[0].state", url: "data[0].url"}}
`)
		for _, args := range [][]string{
			{"ticket", "try", desk},
			{"notify", "try", smsFile(t, base), "--to", "13800138001"},
		} {
			out, err := execute(t, args...)
			if !strings.Contains(out, `\u001b`) && base == srv.URL {
				t.Errorf("%v shows nothing: %v\n%q", args, err, out)
			}
			harmless(t, args[0], out)
		}
	}
	out, _ := execute(t, "oms", "try", tryShop(t, hostileState), "order", "1001")
	harmless(t, "oms", out)
}

// hostileState is inside a JSON text of tryShop's.
const hostileState = `\u001b[2J` + "\u009b\u202e"

func TestDeadLettersShowNothingThatATerminalObeys(t *testing.T) {
	t.Chdir(t.TempDir())
	srv := bustest.Start(t)
	b := srv.Connect("test")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := b.Consume(ctx, bus.ConsumerConfig{Stream: schemas.StreamWork, Durable: "ticket"}, func(context.Context, bus.Message) error {
		return bus.Permanent(errors.New(hostile))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	err = b.PublishDurable(ctx, schemas.SubjectTicketOpen, schemas.TicketOpen{
		IdempotencyKey: "call:return:1", CallID: "call", Kind: schemas.KindReturn, OrderNumber: "1", ReasonText: hostile, RequestedAt: time.Now(),
	}, schemas.ForCall("call"), schemas.WithID("call"))
	if err != nil {
		t.Fatal(err)
	}
	for got := uint64(0); got == 0; time.Sleep(5 * time.Millisecond) {
		if got, err = b.CountDeadLetters(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"list"}, {"list", "--json", "--reveal"}, {"show", "1"}, {"show", "1", "--reveal"}} {
		out, err := execute(t, append(append([]string{"dlq"}, args...), "--nats.url="+srv.URL())...)
		if err != nil || !strings.Contains(out, "owned") {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
		harmless(t, "dlq "+strings.Join(args, " "), out)
	}
}
