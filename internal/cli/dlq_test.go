package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/schemas"
)

// burials makes a server with dead letters: requests for tickets that a
// worker gave up.
func burials(t *testing.T, n int) (*bustest.Server, *bus.Bus) {
	t.Helper()
	t.Chdir(t.TempDir())
	srv := bustest.Start(t)
	b := srv.Connect("test")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := b.Consume(ctx, bus.ConsumerConfig{Stream: schemas.StreamWork, Durable: "ticket"}, func(context.Context, bus.Message) error {
		return bus.Permanent(errors.New("no ticket for +8613800138001"))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	for i := range n {
		call := fmt.Sprint("call-", i)
		err := b.PublishDurable(ctx, schemas.SubjectTicketOpen, schemas.TicketOpen{
			IdempotencyKey: call + ":return:1", CallID: call, Kind: schemas.KindReturn, OrderNumber: "20261112003378", Contact: "13800138001",
			ReasonText: "穿着太小了", RequestedAt: time.Now(),
			Pickup: &schemas.Pickup{From: time.Now(), Until: time.Now().Add(time.Hour), Address: "上海市黄浦区中山路128号"},
		}, schemas.ForCall(call), schemas.WithID(call))
		if err != nil {
			t.Fatal(err)
		}
		for {
			if got, err := b.CountDeadLetters(ctx); err != nil {
				t.Fatal(err)
			} else if got == uint64(i+1) {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	return srv, b
}

var private = []string{"13800138001", "太小", "黄浦"}

func TestDeadLettersAreShownMasked(t *testing.T) {
	srv, _ := burials(t, 2)
	for _, args := range [][]string{{"list"}, {"list", "--json"}, {"show", "1"}} {
		out, err := execute(t, append(append([]string{"dlq"}, args...), "--nats.url="+srv.URL())...)
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		for _, want := range []string{"call-0", "ticket", schemas.SubjectTicketOpen, "no ticket for +86"} {
			if !strings.Contains(out, want) {
				t.Errorf("%v: no %q in:\n%s", args, want, out)
			}
		}
		for _, secret := range private {
			if strings.Contains(out, secret) {
				t.Errorf("%v shows %q:\n%s", args, secret, out)
			}
		}
	}
	out, err := execute(t, "dlq", "show", "1", "--reveal", "--nats.url="+srv.URL())
	for _, secret := range private {
		if err != nil || !strings.Contains(out, secret) {
			t.Errorf("--reveal hides %q: %v\n%s", secret, err, out)
		}
	}
}

func TestDeadLettersAsJSON(t *testing.T) {
	srv, _ := burials(t, 2)
	out, err := execute(t, "dlq", "list", "--json", "--limit=1", "--consumer=ticket", "--since=1h", "--subject="+schemas.SubjectsWork, "--nats.url="+srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Number   int    `json:"number"`
		Attempts int    `json:"attempts"`
		CallID   string `json:"call_id"`
		Message  struct {
			Data schemas.TicketOpen `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil || strings.Count(out, "\n") != 1 {
		t.Fatalf("%v:\n%s", err, out)
	}
	if v.Number != 1 || v.Attempts != 1 || v.CallID != "call-0" || v.Message.Data.IdempotencyKey != "call-0:return:1" || v.Message.Data.Contact != "138******01" ||
		v.Message.Data.Pickup.From.IsZero() {
		t.Errorf("letter %+v", v)
	}
}

func TestDeadLettersAreReplayedAndDropped(t *testing.T) {
	srv, b := burials(t, 3)
	at := "--nats.url=" + srv.URL()
	for _, args := range [][]string{{"replay", "--all"}, {"drop", "--all"}, {"drop", "1"}} {
		_, err := execute(t, append(append([]string{"dlq"}, args...), at)...)
		var usage *usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), "--yes") {
			t.Errorf("%v without --yes: %v", args, err)
		}
	}
	left := func(want uint64) {
		t.Helper()
		if n, err := b.CountDeadLetters(t.Context()); n != want || err != nil {
			t.Fatalf("%d letters, want %d, %v", n, want, err)
		}
	}
	left(3)
	if out, err := execute(t, "dlq", "drop", "1", "--yes", at); err != nil || !strings.Contains(out, "1 dead letter dropped") {
		t.Fatalf("%v\n%s", err, out)
	}
	left(2)
	// One that is gone does not keep the others.
	out, err := execute(t, "dlq", "replay", "1", "2", at)
	if !errors.Is(err, errSilent) || !strings.Contains(out, "1: no such dead letter") || !strings.Contains(out, "1 dead letter replayed") {
		t.Fatalf("%v\n%s", err, out)
	}
	left(1)
	if out, err := execute(t, "dlq", "replay", "--all", "--yes", "--consumer=ticket", at); err != nil || !strings.Contains(out, "1 dead letter replayed") {
		t.Fatalf("%v\n%s", err, out)
	}
	left(0)
	if n, err := srv.Pending(t.Context(), schemas.StreamWork); n != 2 || err != nil {
		t.Errorf("%d messages to be done, %v", n, err)
	}
	if out, err := execute(t, "dlq", "list", at); err != nil || out != "no dead letters\n" {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDeadLettersWithoutNATS(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"list"}, {"show", "1"}, {"replay", "1"}, {"drop", "1", "--yes"}} {
		out, err := execute(t, append(append([]string{"dlq"}, args...), "--nats.url=nats://127.0.0.1:1")...)
		if err == nil || out != "" || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "connect to NATS") {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

func TestDeadLetterQuestionsThatAreWrong(t *testing.T) {
	t.Chdir(t.TempDir())
	for want, args := range map[string][]string{
		"unknown command \"lits\"":     {"lits"},
		"tidegate.v1.work.ticket.open": {"list", "--subject=ticket.open"},
		"a duration like 2h":           {"list", "--since=yesterday"},
		"--limit":                      {"list", "--limit=-1"},
		"tidegate dlq list":            {"show", "x"},
		"one NUMBER":                   {"show"},
		"--all with filters":           {"replay"},
	} {
		_, err := execute(t, append([]string{"dlq"}, args...)...)
		var usage *usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func FuzzMaskedMessage(f *testing.F) {
	f.Add(`{"data":{"contact":"13800138001"}}`)
	f.Add(`{"id":1,"data":[[{"text":"a"}],13800138001]}`)
	f.Add(`{`)
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := json.Marshal(deadPrinter{}.message([]byte(raw))); err != nil {
			t.Fatal(err)
		}
		// The fuzzer's own text under a field that nobody knows never shows.
		secret, _ := json.Marshal("secret-" + raw)
		b, err := json.Marshal(deadPrinter{}.message([]byte(`{"unknown":` + string(secret) + `}`)))
		if err != nil || strings.Contains(string(b), "secret-") {
			t.Errorf("%v: %s", err, b)
		}
	})
}
