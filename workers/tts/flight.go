package tts

import (
	"context"
	"sync"
)

// flight is one synthesis that several requests may listen to.
type flight struct {
	cancel context.CancelFunc

	// Guarded by the cache's mutex.
	listeners int
	live      bool // a caller waits for it
	fixed     bool // it goes to disk

	mu      sync.Mutex
	chunks  [][]int16
	onDisk  bool // the sound was there already
	done    bool
	err     error
	changed chan struct{} // closed and replaced when something new is there
}

func (f *flight) add(pcm []int16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.chunks = append(f.chunks, pcm)
	close(f.changed)
	f.changed = make(chan struct{})
}

// keep adds the whole sound, as it was on disk.
func (f *flight) keep(pcm []int16) {
	f.mu.Lock()
	f.onDisk = true
	f.mu.Unlock()
	f.add(pcm)
}

func (f *flight) kept() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.onDisk
}

func (f *flight) finish(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done, f.err = true, err
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *flight) sound() [][]int16 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.chunks
}

// next gives what has come since the first n pieces, whether that is the
// end, and else a channel that closes when there is more.
func (f *flight) next(n int) (fresh [][]int16, done bool, changed <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.chunks[n:], f.done, f.changed, f.err
}

// follow emits the flight's sound from its beginning, at the pace of emit.
func (f *flight) follow(ctx context.Context, emit Emit) (Result, error) {
	var res Result
	n := 0
	for {
		fresh, done, changed, err := f.next(n)
		part, emitErr := emitAll(ctx, fresh, emit)
		res.Samples += part.Samples
		n += len(fresh)
		switch {
		case emitErr != nil:
			return res, emitErr
		case done:
			return res, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return res, ctx.Err()
		}
	}
}
