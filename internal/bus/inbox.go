package bus

import (
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
)

// Inbox is many core subscriptions on one goroutine, for services that have
// one for each call: a goroutine of its own would cost each call more than
// its messages do. The messages of a subscription come in order.
type Inbox struct {
	bus  *Bus
	ch   chan *nats.Msg
	done chan struct{}
	stop sync.Once

	mu       sync.Mutex
	handlers map[*nats.Subscription]func(Message)
}

// Inbox begins one that holds so many messages that wait; more are dropped
// and counted as those of a slow consumer. Close ends it.
func (b *Bus) Inbox(size int) *Inbox {
	i := &Inbox{
		bus: b, ch: make(chan *nats.Msg, size), done: make(chan struct{}), handlers: map[*nats.Subscription]func(Message){},
	}
	go i.run()
	return i
}

// Subscribe calls h for each message on subject, on the inbox's goroutine: h
// must return at once.
func (i *Inbox) Subscribe(subject string, h func(Message)) (*Subscription, error) {
	i.mu.Lock() // the first message may come before the handler is known
	defer i.mu.Unlock()
	sub, err := i.bus.nc.ChanSubscribe(subject, i.ch)
	if err != nil {
		return nil, fmt.Errorf("subscribe %s: %w", subject, err)
	}
	i.handlers[sub] = h
	return &Subscription{sub: sub, inbox: i}, nil
}

func (i *Inbox) forget(sub *nats.Subscription) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.handlers, sub)
}

func (i *Inbox) run() {
	for {
		select {
		case m := <-i.ch:
			i.mu.Lock()
			h := i.handlers[m.Sub]
			i.mu.Unlock()
			if h != nil { // nil: unsubscribed meanwhile
				i.bus.deliver(m, h)
			}
		case <-i.done:
			return
		}
	}
}

// Close ends the goroutine; subscriptions should have ended before.
func (i *Inbox) Close() { i.stop.Do(func() { close(i.done) }) }
