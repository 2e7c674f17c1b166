package speech_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/speech"
	"github.com/tidegate/tidegate/workers/speech/speechtest"
)

// askOn asks for a place on a subject, once.
func askOn(t *testing.T, b *bus.Bus, subject, call, dialect string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	m, err := b.Request(ctx, subject, schemas.SlotAcquire{Kind: "asr", CallID: call, Language: "zh-CN", SampleRate: 8000, Dialect: dialect}, schemas.ForCall(call))
	if err != nil {
		return "", err
	}
	return m.Data.(*schemas.SlotGranted).URL, nil
}

func startDialects(t *testing.T, b *bus.Bus, only bool, dialects ...string) *speech.Server {
	t.Helper()
	cfg := speech.Defaults()
	cfg.Capacity, cfg.Secret = 1, secret
	s, err := speech.New(speech.ASR, cfg, speech.Deps{Bus: b, Engine: "echo", Serve: echo, Dialects: dialects, DialectsOnly: only})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

func unanswered(err error) bool {
	return errors.Is(err, bus.ErrNoResponders) || errors.Is(err, context.DeadlineExceeded)
}

// TestDialectsShareThePlaces: a place taken on one subject is gone on all,
// and free on all again.
func TestDialectsShareThePlaces(t *testing.T) {
	nats := bustest.Start(t)
	b := nats.Connect("worker")
	s := startDialects(t, b, false, "yue", "wuu")
	subjects := []string{schemas.SubjectSlotASR, schemas.SubjectSlotDialect("yue"), schemas.SubjectSlotDialect("wuu")}
	for i, subject := range subjects {
		url, err := askOn(t, b, subject, "c1", "yue")
		if err != nil {
			t.Fatalf("%s: %v", subject, err)
		}
		for _, other := range subjects {
			if _, err := askOn(t, b, other, "c2", ""); !unanswered(err) {
				t.Errorf("%s while the place is taken on %s: %v", other, subject, err)
			}
		}
		conn, err := speechtest.Dial(t.Context(), url, speech.ASR)
		if err != nil {
			t.Fatal(err)
		}
		conn.Abort()
		next := subjects[(i+1)%len(subjects)]
		eventually(t, "place free again on "+next, func() bool {
			url, err := askOn(t, b, next, "c3", "")
			if err != nil {
				return false
			}
			if conn, err := speechtest.Dial(t.Context(), url, speech.ASR); err == nil {
				conn.Abort()
			}
			return true
		})
		eventually(t, "the place that was looked for is free", func() bool { return s.Drained() })
	}
	if _, err := askOn(t, b, schemas.SubjectSlotDialect("nan"), "c1", "nan"); !errors.Is(err, bus.ErrNoResponders) {
		t.Errorf("a dialect that it does not serve: %v", err)
	}
	if err := s.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, subject := range subjects {
		if _, err := askOn(t, b, subject, "c1", ""); !unanswered(err) {
			t.Errorf("%s while draining: %v", subject, err)
		}
	}
}

func TestDialectsOnly(t *testing.T) {
	b := bustest.Start(t).Connect("worker")
	startDialects(t, b, true, "yue")
	if _, err := askOn(t, b, schemas.SubjectSlotASR, "c1", ""); !errors.Is(err, bus.ErrNoResponders) {
		t.Errorf("Mandarin: %v", err)
	}
	if _, err := askOn(t, b, schemas.SubjectSlotDialect("yue"), "c1", "yue"); err != nil {
		t.Error(err)
	}
}

func TestDialectsAreForRecognition(t *testing.T) {
	b := bustest.Start(t).Connect("worker")
	cfg := speech.Defaults()
	if _, err := speech.New(speech.TTS, cfg, speech.Deps{Bus: b, Serve: echo, Dialects: []string{"yue"}}); err == nil {
		t.Error("a synthesiser with dialects")
	}
	if _, err := speech.New(speech.ASR, cfg, speech.Deps{Bus: b, Serve: echo, DialectsOnly: true}); err == nil {
		t.Error("dialects only, and none")
	}
}
