package tts

import (
	"container/list"
	"context"
	"sync"
)

// cache is an engine that remembers what another engine has said: by text,
// voice, language, rate and sample rate, in memory, the least recently used
// leaving first when the bytes are over the limit. Equal requests at the same
// time are synthesised once, and each of them gets the sound as it comes.
type cache struct {
	engine  Engine
	max     int64
	metrics *metrics

	mu      sync.Mutex
	closed  bool
	bytes   int64
	entries map[cacheKey]*list.Element
	recent  *list.List // of *cacheEntry, most recently used first
	flights map[cacheKey]*flight
	running sync.WaitGroup
}

type cacheKey struct {
	engine, text, voice, language, style string
	rate                                 float64
	sampleRate                           int
}

type cacheEntry struct {
	key    cacheKey
	chunks [][]int16
	bytes  int64
}

// cacheOverhead is what an entry costs beside its sound and text.
const cacheOverhead = 256

// newCache puts a cache of at most maxBytes before an engine; with 0 nothing
// is kept, and equal requests at the same time still share.
func newCache(e Engine, maxBytes int64, m *metrics) *cache {
	return &cache{
		engine: e, max: maxBytes, metrics: m,
		entries: map[cacheKey]*list.Element{}, recent: list.New(), flights: map[cacheKey]*flight{},
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

func (c *cache) Synthesize(ctx context.Context, r Request, emit Emit) (Result, error) {
	r = r.normalised()
	key := cacheKey{c.engine.Name(), r.Text, r.Voice, r.Language, r.Style, r.Rate, r.SampleRate}
	chunks, f, started, err := c.find(ctx, key, r)
	switch {
	case err != nil:
		return Result{}, err
	case f == nil:
		c.metrics.cacheRequests.WithLabelValues(cacheHit).Inc()
		res, err := emitAll(ctx, chunks, emit)
		res.Cached = true
		return res, err
	case started:
		c.metrics.cacheRequests.WithLabelValues(cacheMiss).Inc()
	default:
		c.metrics.cacheRequests.WithLabelValues(cacheJoined).Inc()
	}
	defer c.leave(key, f)
	res, err := f.follow(ctx, emit)
	res.Cached = !started
	return res, err
}

// find gives the sound when it is there, or else the flight that makes it,
// and whether this call began it.
func (c *cache) find(ctx context.Context, key cacheKey, r Request) (chunks [][]int16, f *flight, started bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, false, ErrClosed
	}
	if el, ok := c.entries[key]; ok {
		c.recent.MoveToFront(el)
		return el.Value.(*cacheEntry).chunks, nil, false, nil
	}
	if f, ok := c.flights[key]; ok {
		f.listeners++
		return nil, f, false, nil
	}
	// The first who asks may leave; who joined later still listens.
	flightCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f = &flight{cancel: cancel, changed: make(chan struct{}), listeners: 1}
	c.flights[key] = f
	c.running.Add(1)
	go c.fly(flightCtx, key, r, f)
	return nil, f, true, nil
}

func (c *cache) fly(ctx context.Context, key cacheKey, r Request, f *flight) {
	defer c.running.Done()
	defer f.cancel()
	_, err := c.engine.Synthesize(ctx, r, func(pcm []int16) error {
		f.add(pcm)
		return ctx.Err()
	})
	c.mu.Lock()
	if c.flights[key] == f {
		delete(c.flights, key)
	}
	if err == nil {
		c.store(key, f.sound())
	}
	c.mu.Unlock()
	f.finish(err)
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

// store keeps a sound; c.mu is held.
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
		c.metrics.cacheEvictions.Inc()
	}
	c.metrics.cacheBytes.Set(float64(c.bytes))
	c.metrics.cacheEntries.Set(float64(len(c.entries)))
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
