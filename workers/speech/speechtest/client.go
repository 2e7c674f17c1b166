// Package speechtest is the bridge's side of the speech protocol, for tests
// of workers: it asks for a place over a real bus and speaks over a real
// websocket.
package speechtest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/speech"
)

// Deadline bounds every wait of a Client.
const Deadline = 30 * time.Second

// Acquire asks for a place.
func Acquire(ctx context.Context, b *bus.Bus, kind speech.Kind, callID string) (schemas.SlotGranted, error) {
	m, err := b.Request(ctx, kind.Subject(), schemas.SlotAcquire{
		Kind: string(kind), CallID: callID, Language: "zh-CN", SampleRate: 8000,
	}, schemas.ForCall(callID))
	if err != nil {
		return schemas.SlotGranted{}, err
	}
	return *m.Data.(*schemas.SlotGranted), nil
}

// MustAcquire asks for a place until there is one.
func MustAcquire(t testing.TB, b *bus.Bus, kind speech.Kind, callID string) schemas.SlotGranted {
	t.Helper()
	var err error
	for end := time.Now().Add(Deadline); time.Now().Before(end); {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		var g schemas.SlotGranted
		g, err = Acquire(ctx, b, kind, callID)
		cancel()
		if err == nil {
			return g
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("no place: %v", err)
	return schemas.SlotGranted{}
}

// Client is one connection to a worker.
type Client struct {
	*ws.Conn
	t testing.TB
}

// Dial connects to a granted place.
func Dial(ctx context.Context, url string, kind speech.Kind) (*ws.Conn, error) {
	return ws.Dial(ctx, url, ws.Options{Subprotocols: []string{kind.Subprotocol()}})
}

// Connect connects to a granted place; the connection ends with the test.
func Connect(t testing.TB, url string, kind speech.Kind) *Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Deadline)
	defer cancel()
	c, err := Dial(ctx, url, kind)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(c.Abort)
	return &Client{Conn: c, t: t}
}

// Open acquires a place, connects, starts the session and waits until it is
// ready.
func Open(t testing.TB, b *bus.Bus, kind speech.Kind, start schemas.SpeechMessage) *Client {
	t.Helper()
	c := Connect(t, MustAcquire(t, b, kind, start.CallID).URL, kind)
	start.Type = schemas.SpeechStart
	c.Send(start)
	if m := c.Message(); m.Type != schemas.SpeechReady {
		t.Fatalf("answer to start: %+v", m)
	}
	return c
}

// Send sends a control message.
func (c *Client) Send(m schemas.SpeechMessage) {
	c.t.Helper()
	if err := c.WriteJSON(m); err != nil {
		c.t.Fatalf("send %s: %v", m.Type, err)
	}
}

// SendText sends a text frame as it is.
func (c *Client) SendText(s string) {
	c.t.Helper()
	if err := c.WriteText([]byte(s)); err != nil {
		c.t.Fatalf("send text: %v", err)
	}
}

// Next gives the next frame: a control message or sound.
func (c *Client) Next() (*schemas.SpeechMessage, []int16, error) {
	watchdog := time.AfterFunc(Deadline, c.Abort)
	defer watchdog.Stop()
	kind, b, err := c.Read()
	if err != nil {
		return nil, nil, err
	}
	if kind == ws.Binary {
		return nil, audio.DecodeL16(nil, b), nil
	}
	var m schemas.SpeechMessage
	if err := schemas.DecodeStrict(schemas.SchemaSpeech, b, &m); err != nil {
		c.t.Errorf("worker sent a message outside its schema: %v", err)
		return nil, nil, json.Unmarshal(b, &m)
	}
	return &m, nil, nil
}

// Message gives the next control message; sound before it fails the test.
func (c *Client) Message() schemas.SpeechMessage {
	c.t.Helper()
	m, pcm, err := c.Next()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	if m == nil {
		c.t.Fatalf("%d samples of sound, want a message", len(pcm))
	}
	return *m
}

// UntilClosed reads to the end of the connection and gives its cause.
func (c *Client) UntilClosed() error {
	for {
		if _, _, err := c.Next(); err != nil {
			return err
		}
	}
}
