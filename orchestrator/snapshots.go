package orchestrator

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/orchestrator/call"
	"github.com/tidegate/tidegate/schemas"
)

// loadLimit bounds what a takeover waits for the snapshot.
const loadLimit = time.Second

// snapshots is the snapshot of one call in the bucket. Its revision is the
// ownership of the call: whoever writes with an old one has lost it.
type snapshots struct {
	bus      *bus.Bus
	callID   string
	mu       sync.Mutex
	kv       *bus.KV
	revision uint64
}

func (s *snapshots) bucket(ctx context.Context) (*bus.KV, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kv != nil {
		return s.kv, nil
	}
	kv, err := s.bus.KV(ctx, schemas.BucketCalls)
	s.kv = kv
	return kv, err
}

// load reads the snapshot another orchestrator left; ok is false when there
// is none.
func (s *snapshots) load(ctx context.Context) (state call.State, ok bool, err error) {
	if !s.bus.Connected() {
		return state, false, s.bus.Ready()
	}
	ctx, cancel := context.WithTimeout(ctx, loadLimit)
	defer cancel()
	kv, err := s.bucket(ctx)
	if err != nil {
		return state, false, err
	}
	b, revision, err := kv.Get(ctx, s.callID)
	if errors.Is(err, bus.ErrNotFound) {
		return state, false, nil
	}
	if err != nil {
		return state, false, err
	}
	if state, err = call.UnmarshalSnapshot(b); err != nil {
		return state, false, err
	}
	s.revision = revision
	return state, true, nil
}

// Save implements call.Snapshots. Only the session's saver calls it.
func (s *snapshots) Save(ctx context.Context, snapshot []byte) error {
	if !s.bus.Connected() {
		return s.bus.Ready()
	}
	kv, err := s.bucket(ctx)
	if err != nil {
		return err
	}
	var revision uint64
	if s.revision == 0 {
		revision, err = kv.Create(ctx, s.callID, snapshot)
	} else {
		revision, err = kv.Update(ctx, s.callID, snapshot, s.revision)
	}
	if errors.Is(err, bus.ErrConflict) {
		return call.ErrSuperseded
	}
	if err == nil {
		s.revision = revision
	}
	return err
}

// Forget implements call.Snapshots.
func (s *snapshots) Forget(ctx context.Context) error {
	if s.revision == 0 {
		return nil
	}
	kv, err := s.bucket(ctx)
	if err != nil {
		return err
	}
	return kv.Delete(ctx, s.callID)
}
