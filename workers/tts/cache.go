package tts

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"
)

// cache is an engine that remembers what another engine has said: in memory,
// the least recently used leaving first when the bytes are over the limit,
// and below that fixed prompts on disk. Equal requests at the same time are
// synthesised once, and each of them gets the sound as it comes. What is
// prepared ahead of time waits for what callers wait for.
type cache struct {
	engine   Engine
	identity string // of the engine
	max      int64
	disk     *disk // nil: none
	metrics  *metrics

	mu      sync.Mutex
	closed  bool
	bytes   int64
	entries map[cacheKey]*list.Element
	recent  *list.List // of *cacheEntry, most recently used first
	flights map[cacheKey]*flight
	live    int           // flights that callers wait for
	turned  chan struct{} // closed and replaced when a flight that waits for live ones may go on
	running sync.WaitGroup
}

// cacheKey is all that the sound of a request depends on but its engine.
type cacheKey struct {
	text, voice, language, style string
	rate                         float64
	sampleRate                   int
}

// file is the name of the key's sound on disk: it tells nothing of the text.
func (k cacheKey) file(identity string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %q %q %q %q %q %g %d", soundVersion, identity, k.text, k.voice, k.language, k.style, k.rate, k.sampleRate)
	return hex.EncodeToString(h.Sum(nil))
}

type cacheEntry struct {
	key    cacheKey
	chunks [][]int16
	bytes  int64
}

// cacheOverhead is what an entry costs beside its sound and text.
const cacheOverhead = 256

// newCache puts a cache of at most maxBytes before an engine; with 0 nothing
// is kept in memory, and equal requests at the same time still share.
func newCache(e Engine, maxBytes int64, d *disk, m *metrics) *cache {
	return &cache{
		engine: e, identity: Identity(e), max: maxBytes, disk: d, metrics: m,
		entries: map[cacheKey]*list.Element{}, recent: list.New(), flights: map[cacheKey]*flight{}, turned: make(chan struct{}),
	}
}

func (c *cache) Name() string { return c.engine.Name() }

func (c *cache) Capabilities() Capabilities { return c.engine.Capabilities() }

// Close ends what is being synthesised and closes the engine.
func (c *cache) Close() error {
	c.mu.Lock()
	c.closed = true
	for _, f := range c.flights {
		f.cancel()
	}
	c.mu.Unlock()
	c.running.Wait()
	return c.engine.Close()
}

// Synthesize speaks what a caller waits for.
func (c *cache) Synthesize(ctx context.Context, r Request, emit Emit) (Result, error) {
	return c.serve(ctx, r, emit, true)
}

// prepare has a fixed prompt ready in memory and on disk. It waits as long as
// anything is synthesised that a caller waits for.
func (c *cache) prepare(ctx context.Context, r Request) (Result, error) {
	r.Fixed = true
	return c.serve(ctx, r, func([]int16) error { return nil }, false)
}

func (c *cache) serve(ctx context.Context, r Request, emit Emit, live bool) (Result, error) {
	r = r.normalised()
	key := cacheKey{r.Text, r.Voice, r.Language, r.Style, r.Rate, r.SampleRate}
	chunks, f, started, err := c.find(ctx, key, r, live)
	switch {
	case err != nil:
		return Result{}, err
	case f == nil:
		c.count(cacheHit)
		if r.Fixed {
			c.keep(key, chunks)
		}
		res, err := emitAll(ctx, chunks, emit)
		res.Cached = true
		return res, err
	case started:
		c.count(cacheMiss)
	default:
		c.count(cacheJoined)
	}
	defer c.leave(key, f)
	res, err := f.follow(ctx, emit)
	res.Cached = !started || f.kept()
	return res, err
}

func (c *cache) count(result string) {
	c.metrics.cacheRequests.WithLabelValues(levelMemory, result).Inc()
}

// find gives the sound when it is in memory, or else the flight that makes
// it, and whether this call began it.
func (c *cache) find(ctx context.Context, key cacheKey, r Request, live bool) (chunks [][]int16, f *flight, started bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, false, ErrClosed
	}
	if el, ok := c.entries[key]; ok {
		c.recent.MoveToFront(el)
		return el.Value.(*cacheEntry).chunks, nil, false, nil
	}
	f = c.flights[key]
	started = f == nil
	if started {
		// The first who asks may leave; who joined later still listens.
		flightCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		made := &flight{cancel: cancel, changed: make(chan struct{})}
		f, c.flights[key] = made, made
		c.running.Go(func() { c.fly(flightCtx, key, r, made) })
	}
	f.listeners++
	f.fixed = f.fixed || r.Fixed
	if live && !f.live {
		f.live = true
		c.live++
		c.turn()
	}
	return nil, f, started, nil
}

// fly gets the sound from disk, else from the engine.
func (c *cache) fly(ctx context.Context, key cacheKey, r Request, f *flight) {
	defer f.cancel()
	var res Result
	var err error
	pcm, kept := c.disk.get(key.file(c.identity), key.sampleRate)
	if kept {
		f.keep(pcm)
	} else {
		res, err = c.synthesize(ctx, r, f)
	}
	c.mu.Lock()
	if c.flights[key] == f {
		delete(c.flights, key)
	}
	if err == nil && !res.Substitute {
		c.store(key, f.sound())
	}
	fixed := f.fixed
	if f.live {
		c.live--
		c.turn()
	}
	c.mu.Unlock()
	if fixed && !kept && err == nil && !res.Substitute {
		c.keep(key, f.sound())
	}
	f.finish(err)
}

// pieceYield is how long a flight that no caller waits for lets others go
// first in the midst of a prompt: an engine on another machine would take a
// longer pause for a broken connection.
const pieceYield = 2 * time.Second

func (c *cache) synthesize(ctx context.Context, r Request, f *flight) (Result, error) {
	if err := c.yield(ctx, f, 0); err != nil {
		return Result{}, err
	}
	return c.engine.Synthesize(ctx, r, func(pcm []int16) error {
		f.add(pcm)
		return c.yield(ctx, f, pieceYield)
	})
}

// yield waits until no caller waits for a synthesis, or one waits for this
// flight, at most as long as limit says; 0 is no limit.
func (c *cache) yield(ctx context.Context, f *flight, limit time.Duration) error {
	var expired <-chan time.Time
	for {
		c.mu.Lock()
		free, turned := f.live || c.live == 0, c.turned
		c.mu.Unlock()
		if free {
			return ctx.Err()
		}
		if limit > 0 && expired == nil {
			t := time.NewTimer(limit)
			defer t.Stop()
			expired = t.C
		}
		select {
		case <-turned:
		case <-expired:
			return ctx.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// turn wakes those that yield; c.mu is held.
func (c *cache) turn() {
	close(c.turned)
	c.turned = make(chan struct{})
}

// leave ends a flight that nobody listens to any more.
func (c *cache) leave(key cacheKey, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.listeners--
	if f.listeners > 0 {
		return
	}
	f.cancel()
	if c.flights[key] == f {
		delete(c.flights, key)
	}
}

// keep writes a fixed prompt to disk, unless it is there.
func (c *cache) keep(key cacheKey, chunks [][]int16) {
	if name := key.file(c.identity); c.disk != nil && !c.disk.has(name) {
		c.disk.put(name, key.sampleRate, slices.Concat(chunks...))
	}
}

// store keeps a sound in memory; c.mu is held.
func (c *cache) store(key cacheKey, chunks [][]int16) {
	e := &cacheEntry{key: key, chunks: chunks, bytes: int64(len(key.text)) + cacheOverhead}
	for _, p := range chunks {
		e.bytes += int64(2 * len(p))
	}
	if e.bytes > c.max || c.entries[key] != nil {
		return
	}
	c.entries[key] = c.recent.PushFront(e)
	c.bytes += e.bytes
	for c.bytes > c.max {
		oldest := c.recent.Remove(c.recent.Back()).(*cacheEntry)
		delete(c.entries, oldest.key)
		c.bytes -= oldest.bytes
		c.metrics.cacheEvictions.WithLabelValues(levelMemory).Inc()
	}
	c.metrics.cacheBytes.WithLabelValues(levelMemory).Set(float64(c.bytes))
	c.metrics.cacheEntries.WithLabelValues(levelMemory).Set(float64(len(c.entries)))
}

func emitAll(ctx context.Context, chunks [][]int16, emit Emit) (Result, error) {
	var res Result
	for _, pcm := range chunks {
		if err := ctx.Err(); err != nil {
			return res, err
		}
		if err := emit(pcm); err != nil {
			return res, err
		}
		res.Samples += len(pcm)
	}
	return res, nil
}
