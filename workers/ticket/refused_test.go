package ticket_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
)

// envelope is a request for a ticket as it goes over the bus.
func envelope(t *testing.T, id, callID string, data any) []byte {
	t.Helper()
	e, err := schemas.Wrap("/tidegate/test", time.Now(), data, schemas.WithID(id), schemas.ForCall(callID))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// spoil puts one text in place of another that has to be there.
func spoil(t *testing.T, raw []byte, old, by string) []byte {
	t.Helper()
	if !bytes.Contains(raw, []byte(old)) {
		t.Fatalf("no %s in %s", old, raw)
	}
	return bytes.Replace(raw, []byte(old), []byte(by), 1)
}

func lettersOf(t *testing.T, b *bus.Bus) (out []bus.DeadLetter) {
	t.Helper()
	if err := b.EachDeadLetter(storetest.Context(t), bus.DeadFilter{}, func(l bus.DeadLetter) error { out = append(out, l); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func told(t *testing.T, reg *prometheus.Registry, who bus.Told) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "tidegate_bus_refused_total" && m.GetLabel()[0].GetValue() == string(who) {
				return m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

const steal = `"kind":"steal"`

func TestWhoAskedWithABrokenRequestIsTold(t *testing.T) {
	const key = "call-1:return:1"
	good := func(t *testing.T, id, call string) []byte { return envelope(t, id, call, request("call-1")) }
	broken := func(t *testing.T, id, call string) []byte {
		return spoil(t, good(t, id, call), `"kind":"return"`, steal)
	}
	for name, c := range map[string]struct {
		id   string // the message's; "" is none
		raw  func(*testing.T) []byte
		call string // that is told; "" is nobody
		key  string
	}{
		"data breaks its schema": {key, func(t *testing.T) []byte { return broken(t, key, "call-1") }, "call-1", key},
		"no message id":          {"", func(t *testing.T) []byte { return broken(t, key, "call-1") }, "call-1", key},
		"no call on the envelope": {key, func(t *testing.T) []byte {
			return spoil(t, broken(t, key, "call-1"), `"callid":"call-1",`, "")
		}, "call-1", key},
		"envelope breaks its schema": {key, func(t *testing.T) []byte {
			return spoil(t, broken(t, key, "call-1"), `"specversion":"1.0"`, `"specversion":"9"`)
		}, "call-1", key},
		"unknown type": {key, func(t *testing.T) []byte {
			return spoil(t, good(t, key, "call-1"), `"tidegate.v1.ticket.open"`, `"tidegate.v1.ticket.opening"`)
		}, "call-1", key},
		"no JSON":         {key, func(*testing.T) []byte { return []byte(`{"id":"call-2:return:1"`) }, "call-1", key},
		"too large":       {key, func(*testing.T) []byte { return bytes.Repeat([]byte("x"), schemas.MaxMessageBytes+1) }, "call-1", key},
		"another message": {key, func(t *testing.T) []byte { return envelope(t, key, "call-1", schemas.OrdersFind{CallID: "call-2"}) }, "call-1", key},
		"the call alone":  {"", func(t *testing.T) []byte { return broken(t, "01M8B8B8XW9T3ATCCZDP46P4Y9", "call-1") }, "call-1", ""},
		"its data say other": {key, func(t *testing.T) []byte {
			return spoil(t, broken(t, key, "call-1"), `"call_id":"call-1"`, `"call_id":"call-2"`)
		}, "call-1", key},
		"nothing known": {"", func(*testing.T) []byte {
			return []byte(`{"data":{"call_id":"call-1","idempotency_key":"call-1:return:1"}}`)
		}, "", ""},
		"two calls":             {key, func(t *testing.T) []byte { return broken(t, key, "call-2") }, "", ""},
		"two ids":               {"call-2:return:1", func(t *testing.T) []byte { return broken(t, key, "call-1") }, "", ""},
		"an id of another form": {"left:over:1", func(*testing.T) []byte { return []byte("{") }, "", ""},
		"no kind of request":    {"call-1:lunch:1", func(*testing.T) []byte { return []byte("{") }, "", ""},
		"no call's name":        {"call.1 >:return:1", func(*testing.T) []byte { return []byte("{") }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, server := storetest.Context(t), bustest.Start(t)
			reg, busReg := prometheus.NewRegistry(), prometheus.NewRegistry()
			cfg := bus.Defaults()
			cfg.URL = server.URL()
			worker, err := bus.Connect(ctx, cfg, bus.Deps{Source: "/tidegate/ticket", Registry: busReg})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = worker.Close() })
			start(t, quick(), ticket.Deps{Bus: worker, Tickets: openStore(t, storetest.SQLite(t)), Registry: reg})
			asker := server.Connect("asker")
			seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
			if c.id == "" {
				err = server.PublishRaw(ctx, schemas.SubjectTicketOpen, c.raw(t))
			} else {
				err = server.PublishRawAs(ctx, schemas.SubjectTicketOpen, c.id, c.raw(t))
			}
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "a dead letter", func() bool { return len(lettersOf(t, asker)) == 1 })
			// What is told is told before the letter is there, and in order.
			send(t, asker, request("call-9"))
			eventually(t, "the next ticket", func() bool {
				list := seen.List()
				return len(list) > 0 && list[len(list)-1].Envelope.CallID == "call-9"
			})
			if n := count(t, reg, "rejected"); n != 1 {
				t.Errorf("%v rejected", n)
			}
			if c.call == "" {
				if n := len(seen.List()); n != 1 {
					t.Fatalf("facts %+v", seen.List()[0])
				}
				if name != "no call's name" && told(t, busReg, bus.ToldUnknown) != 1 {
					t.Errorf("not counted as unknown")
				}
				return
			}
			f, ok := seen.List()[0].Data.(*schemas.TicketRejected)
			if !ok || len(seen.List()) != 2 || f.CallID != c.call || f.IdempotencyKey != c.key || f.Code != "invalid_request" || f.Reason == "" ||
				seen.List()[0].Subject != schemas.SubjectTicketFact(c.call, "rejected") || bytes.Contains([]byte(f.Reason), []byte("steal")) {
				t.Fatalf("facts %+v", seen.List()[0].Data)
			}
			if name != "another message" && told(t, busReg, bus.ToldAsker) != 1 {
				t.Errorf("not counted as told")
			}
		})
	}
}

// A broken request that comes again, from the dead letters or because it was
// said twice, is told of once, and one whose ticket exists never.
func TestABrokenRequestIsToldOfOnce(t *testing.T) {
	ctx, server := storetest.Context(t), bustest.Start(t)
	reg := prometheus.NewRegistry()
	start(t, quick(), ticket.Deps{Bus: server.Connect("ticket"), Tickets: openStore(t, storetest.SQLite(t)), Registry: reg})
	asker := server.Connect("asker")
	for _, stream := range []string{schemas.StreamFacts, schemas.StreamWork, schemas.StreamDead} {
		if err := server.Forgetful(ctx, stream); err != nil {
			t.Fatal(err)
		}
	}
	seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
	send(t, asker, request("call-2"), schemas.WithID("call-2:return:1"))
	eventually(t, "a ticket", func() bool { return count(t, reg, "opened") == 1 })
	time.Sleep(300 * time.Millisecond) // the streams forget the first
	for _, call := range []string{"call-1", "call-2"} {
		id := call + ":return:1"
		if err := server.PublishRawAs(ctx, schemas.SubjectTicketOpen, id, spoil(t, envelope(t, id, call, request(call)), `"kind":"return"`, steal)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "two rejected", func() bool { return count(t, reg, "rejected") == 2 && len(lettersOf(t, asker)) == 2 })
	for _, l := range lettersOf(t, asker) {
		time.Sleep(300 * time.Millisecond)
		if _, err := asker.ReplayDeadLetter(ctx, l.Sequence); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "four rejected", func() bool { return count(t, reg, "rejected") == 4 && len(lettersOf(t, asker)) == 2 })
	send(t, asker, request("call-9"))
	eventually(t, "the next ticket", func() bool { return count(t, reg, "opened") == 2 && len(seen.List()) == 3 })
	if f, ok := seen.List()[1].Data.(*schemas.TicketRejected); !ok || f.IdempotencyKey != "call-1:return:1" {
		t.Errorf("fact %+v", seen.List()[1].Data)
	}
}
