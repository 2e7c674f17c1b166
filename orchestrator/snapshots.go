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
	bus    *bus.Bus
	callID string
	// owner is this orchestrator's name, as snapshots hold it.
	owner string

	mu       sync.Mutex
	kv       *bus.KV
	revision uint64
	// blind: the call was taken over without its snapshot having been read,
	// so whatever is there is older than what we know.
	blind bool
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
	s.blind = true
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
		s.blind = false
		return state, false, nil
	}
	if err != nil {
		return state, false, err
	}
	s.revision, s.blind = revision, false
	if state, err = call.UnmarshalSnapshot(b); err != nil {
		return state, false, err
	}
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
	err = s.write(ctx, kv, snapshot)
	if errors.Is(err, bus.ErrConflict) && s.ours(ctx, kv) {
		err = s.write(ctx, kv, snapshot)
	}
	if errors.Is(err, bus.ErrConflict) {
		return call.ErrSuperseded
	}
	return err
}

func (s *snapshots) write(ctx context.Context, kv *bus.KV, snapshot []byte) error {
	var revision uint64
	var err error
	switch {
	case s.revision > 0:
		revision, err = kv.Update(ctx, s.callID, snapshot, s.revision)
	case s.blind:
		revision, err = kv.Put(ctx, s.callID, snapshot)
	default:
		revision, err = kv.Create(ctx, s.callID, snapshot)
	}
	if err == nil {
		s.revision = revision
	}
	return err
}

// ours says whether the conflict is with ourselves: a write whose
// acknowledgement got lost has moved the revision on.
func (s *snapshots) ours(ctx context.Context, kv *bus.KV) bool {
	b, revision, err := kv.Get(ctx, s.callID)
	if err != nil {
		return false
	}
	state, err := call.UnmarshalSnapshot(b)
	if err != nil || state.Orchestrator != s.owner {
		return false
	}
	s.revision = revision
	return true
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
