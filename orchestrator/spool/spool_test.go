package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lane is a publisher that can be away.
type lane struct {
	mu   sync.Mutex
	away bool
	ids  []string
}

func (l *lane) PublishDurable(_ context.Context, _ string, data any, opts ...schemas.Option) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return errors.New("away")
	}
	e, err := schemas.Wrap("/test", time.Now(), data, opts...)
	if err != nil {
		return err
	}
	l.ids = append(l.ids, e.ID)
	return nil
}

func (l *lane) setAway(v bool) { l.mu.Lock(); l.away = v; l.mu.Unlock() }

func (l *lane) seen() []string { l.mu.Lock(); defer l.mu.Unlock(); return slices.Clone(l.ids) }

func message(t *testing.T, i int) Message {
	t.Helper()
	m, err := NewMessage(fmt.Sprintf("id-%03d", i), "s", "call-1", schemas.CallAnswered{CallID: "call-1"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func open(t *testing.T, dir string, l *lane) *Spool {
	t.Helper()
	cfg := Defaults()
	cfg.Dir, cfg.RetryPause = dir, time.Millisecond
	s, err := Open(cfg, l, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	return s
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("never happened")
}

func TestOrderOverAnOutageAndARestart(t *testing.T) {
	dir, l := t.TempDir(), &lane{}
	s := open(t, dir, l)
	var want []string
	put := func(i int) { s.Put(message(t, i)); want = append(want, message(t, i).ID) }
	for i := range 10 {
		put(i)
	}
	eventually(t, func() bool { return len(l.seen()) == 10 })
	l.setAway(true)
	for i := 10; i < 20; i++ {
		put(i)
	}
	if sent, err := s.Publish(t.Context(), message(t, 99)); sent || err != nil {
		t.Fatalf("sent %v, error %v", sent, err)
	}
	eventually(t, func() bool { return s.onDisk() == 11 })
	s.Stop()

	s = open(t, dir, l) // the next process
	put(20)
	l.setAway(false)
	eventually(t, func() bool { return len(l.seen()) == 22 })
	s.Stop()
	got := slices.DeleteFunc(l.seen(), func(id string) bool { return id == "id-099" })
	if !slices.Equal(got, want) {
		t.Fatalf("order %v, want %v", got, want)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Fatalf("left on disk: %v", left)
	}
}

func TestFullAndUnreadable(t *testing.T) {
	dir, l := t.TempDir(), &lane{away: true}
	if err := os.WriteFile(filepath.Join(dir, "00000000000000000001.json"), []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := Defaults()
	cfg.Dir, cfg.MaxFiles, cfg.RetryPause = dir, 2, time.Millisecond
	s, err := Open(cfg, l, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish(t.Context(), message(t, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish(t.Context(), message(t, 2)); !errors.Is(err, ErrFull) {
		t.Fatalf("error %v", err)
	}
	s.Start()
	defer s.Stop()
	l.setAway(false)
	eventually(t, func() bool { return slices.Equal(l.seen(), []string{"id-001"}) && s.onDisk() == 0 })
	if _, err := os.Stat(filepath.Join(dir, "00000000000000000001.json.bad")); err != nil {
		t.Fatal(err)
	}
}
