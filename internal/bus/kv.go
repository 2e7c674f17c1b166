package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Errors of KV.
var (
	ErrNotFound = errors.New("key not found")
	// ErrConflict: somebody else wrote the key since the revision.
	ErrConflict = errors.New("key was changed by somebody else")
)

// KV is one bucket. Revisions grow with every write; Update with an old one
// fails, which is how an orchestrator learns that it lost a call.
type KV struct{ kv jetstream.KeyValue }

// KV opens a bucket that EnsureStreams made.
func (b *Bus) KV(ctx context.Context, bucket string) (*KV, error) {
	kv, err := b.js.KeyValue(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	return &KV{kv: kv}, nil
}

// Get reads a key and its revision.
func (k *KV) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	e, err := k.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, ErrNotFound
	}
	if err != nil {
		return nil, 0, fmt.Errorf("get: %w", err)
	}
	return e.Value(), e.Revision(), nil
}

// Create writes a key that must not exist.
func (k *KV) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	rev, err := k.kv.Create(ctx, key, value)
	return rev, kvError(err)
}

// Update writes a key that must still have the revision.
func (k *KV) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	rev, err := k.kv.Update(ctx, key, value, revision)
	return rev, kvError(err)
}

// Put writes a key whatever it holds.
func (k *KV) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	rev, err := k.kv.Put(ctx, key, value)
	return rev, kvError(err)
}

// Delete removes a key and its history.
func (k *KV) Delete(ctx context.Context, key string) error {
	return kvError(k.kv.Purge(ctx, key))
}

// Keys lists the keys of the bucket.
func (k *KV) Keys(ctx context.Context) ([]string, error) {
	keys, err := k.kv.Keys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, nil
	}
	return keys, kvError(err)
}

func kvError(err error) error {
	var api *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrKeyExists),
		errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return ErrConflict
	default:
		return fmt.Errorf("key-value: %w", err)
	}
}
