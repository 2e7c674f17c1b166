package esl

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// BenchmarkEvents pushes plain events of 3.5 KB through TCP, eslgo and this layer to the reader of a channel's events.
// events/s/core divides by the processor time of the whole process, the sender's included.
func BenchmarkEvents(b *testing.B) {
	const calls = 8
	var filler []string
	for i := range 60 {
		filler = append(filler, fmt.Sprintf("variable_filler_%02d", i), "a value of usual length: 12345")
	}
	var arrived sync.WaitGroup
	per := b.N/calls + 1
	arrived.Add(calls)
	l := testListener(b, func(_ context.Context, ch *Channel) {
		n := 0
		for range ch.Events() {
			if n++; n == per {
				arrived.Done()
			}
		}
	}, func(c *ListenerConfig) { c.QueueSize = 1 << 20 })
	wires := make([]*peer, calls)
	for i := range wires {
		wires[i] = dial(b, l)
		wires[i].admit()
	}
	one := event("DTMF", 1, "", append(filler, "DTMF-Digit", "1")...)
	head, tail, _ := strings.Cut(one, "Event-Sequence: 1\n")
	_, inside, _ := strings.Cut(head, "\n\n")
	b.SetBytes(int64(len(one)))
	before := cpuTime()
	b.ResetTimer()
	start := time.Now()
	for _, p := range wires {
		go send(p.conn, per, inside, tail)
	}
	arrived.Wait()
	took := time.Since(start)
	b.StopTimer()
	n := float64(per * calls)
	b.ReportMetric(n/took.Seconds(), "events/s")
	b.ReportMetric(n/(cpuTime()-before).Seconds(), "events/s/core")
}

func send(c net.Conn, n int, inside, tail string) {
	for i := range n {
		seq := fmt.Sprintf("Event-Sequence: %d\n", i+1)
		size := len(inside) + len(seq) + len(tail)
		if _, err := io.WriteString(c, fmt.Sprintf("Content-Length: %d\nContent-Type: text/event-plain\n\n", size)+inside+seq+tail); err != nil {
			return
		}
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return time.Nanosecond
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCommand is one command and its reply on loopback.
func BenchmarkCommand(b *testing.B) {
	ch, p := channelOf(b)
	go func() {
		for {
			if _, ok := p.command(); !ok {
				return
			}
			p.send(message("api/response", "true"))
		}
	}()
	for b.Loop() {
		if _, err := ch.Do(b.Context(), UUIDExists{}); err != nil {
			b.Fatal(err)
		}
	}
}
