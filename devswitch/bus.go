package devswitch

import (
	"strconv"
	"sync"
	"time"
)

// bus numbers events and hands them to the event sockets that want them.
type bus struct {
	coreUUID string
	hostname string
	address  string
	m        *metrics

	mu        sync.Mutex
	sequence  uint64
	listeners map[*session]struct{}
}

// fire completes an event and delivers it. It never blocks.
func (b *bus) fire(e *event) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sequence++
	full := &event{body: e.body, headers: make([]header, 0, len(e.headers)+12)}
	full.headers = append(full.headers, e.headers[0],
		header{"Core-UUID", b.coreUUID},
		header{"FreeSWITCH-Hostname", b.hostname},
		header{"FreeSWITCH-Switchname", b.hostname},
		header{"FreeSWITCH-IPv4", b.address},
		header{"FreeSWITCH-IPv6", "::1"},
		header{"Event-Date-Local", now.Format("2006-01-02 15:04:05")},
		header{"Event-Date-GMT", now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")},
		header{"Event-Date-Timestamp", strconv.FormatInt(now.UnixMicro(), 10)},
		header{"Event-Calling-File", "devswitch"},
		header{"Event-Calling-Function", "fire"},
		header{"Event-Calling-Line-Number", "1"},
		header{"Event-Sequence", strconv.FormatUint(b.sequence, 10)},
	)
	full.headers = append(full.headers, e.headers[1:]...)
	b.m.events.Inc()
	for l := range b.listeners {
		if l.wants(full) && !l.queueEvent(full) {
			b.m.eventDrops.Inc()
		}
	}
}

func (b *bus) listen(l *session) {
	b.mu.Lock()
	b.listeners[l] = struct{}{}
	b.mu.Unlock()
}

func (b *bus) forget(l *session) {
	b.mu.Lock()
	delete(b.listeners, l)
	b.mu.Unlock()
}
