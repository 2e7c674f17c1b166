package speech

import (
	"sync"
	"time"
)

// places are the calls that a worker has room for. A place is granted, then
// taken by a connection or given back when nobody came in time.
type places struct {
	metrics *metrics
	changed func() // called without the lock after a place came free

	mu       sync.Mutex
	capacity int
	granted  map[string]*time.Timer // by token id
	taken    int
}

func newPlaces(capacity int, m *metrics, changed func()) *places {
	m.capacity.Set(float64(capacity))
	return &places{capacity: capacity, metrics: m, changed: changed, granted: map[string]*time.Timer{}}
}

// grant keeps a place for the token id for a while; false when there is none.
func (p *places) grant(id string, ttl time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used() >= p.capacity {
		return false
	}
	p.granted[id] = time.AfterFunc(ttl, func() {
		if p.giveBack(id) {
			p.metrics.expiries.Inc()
		}
	})
	p.metrics.grants.Inc()
	p.gauge()
	return true
}

// giveBack frees a granted place that nobody has taken.
func (p *places) giveBack(id string) bool {
	p.mu.Lock()
	timer, ok := p.granted[id]
	if ok {
		timer.Stop()
		delete(p.granted, id)
		p.gauge()
	}
	p.mu.Unlock()
	if ok {
		p.changed()
	}
	return ok
}

// take turns a grant into a connection's place; false when the grant is
// used or gone. leave gives it back and may be called again.
func (p *places) take(id string) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	timer, ok := p.granted[id]
	if !ok {
		return nil, false
	}
	timer.Stop()
	delete(p.granted, id)
	p.taken++
	p.gauge()
	var once sync.Once
	return func() { once.Do(p.leave) }, true
}

func (p *places) leave() {
	p.mu.Lock()
	p.taken--
	p.gauge()
	p.mu.Unlock()
	p.changed()
}

// free is the number of places left.
func (p *places) free() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.capacity - p.used()
}

// idle is true when nobody holds a place.
func (p *places) idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used() == 0
}

// clear forgets all grants.
func (p *places) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, timer := range p.granted {
		timer.Stop()
		delete(p.granted, id)
	}
	p.gauge()
}

func (p *places) used() int { return len(p.granted) + p.taken }

func (p *places) gauge() {
	p.metrics.inUse.WithLabelValues(stateGranted).Set(float64(len(p.granted)))
	p.metrics.inUse.WithLabelValues(stateConnected).Set(float64(p.taken))
}
