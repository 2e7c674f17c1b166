package mediabridge_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus/bustest"
)

var (
	streamCount  = flag.Int("streams", 0, "forks of BenchmarkStreams; 0 leaves it out")
	streamTime   = flag.Duration("streams.time", 6*time.Second, "how long BenchmarkStreams measures at a time")
	streamRounds = flag.Int("streams.rounds", 3, "rounds of BenchmarkStreams")
	streamSilero = flag.String("streams.silero", "", "model file of the voice activity detector, for one more row of BenchmarkStreams")
)

// load is one row of the table.
type load struct {
	name, serve string
	recogniser  bool
	silero      bool
	tenths      int // of the forks: as many as a core carries, so that callers have the other
}

var loads = []load{
	{name: "gorilla, read", serve: serveRead, tenths: 10},
	{name: "gorilla, read and write back", serve: serveEcho, tenths: 10},
	{name: "bridge: detector, play-out", serve: serveBridge, tenths: 10},
	{name: "bridge: detector, play-out, recogniser", serve: serveBridge, recogniser: true, tenths: 6},
	{name: "bridge: Silero for detector, play-out", serve: serveBridge, silero: true, tenths: 0},
}

func (l load) forks() int { return max(*streamCount*l.tenths/10, *streamCount/30) }

// cost is what one stream costs.
type cost struct {
	cpu     float64 // of a core
	heap    float64 // bytes
	stack   float64
	routine float64
	allocs  float64 // per frame in
	out     float64 // bytes a second towards the caller
	good    bool    // the callers kept up
}

// BenchmarkStreams holds the bridge, with real forks on loopback that send
// and hear 50 frames a second, against the websocket library alone in the
// same run. The server has a process and one core of its own; callers, bus
// and speech workers are in this one and do not count.
func BenchmarkStreams(b *testing.B) {
	if *streamCount == 0 {
		b.Skip("takes minutes and a machine of its own: make bench-bridge")
	}
	rows := make([][]cost, len(loads))
	if *streamSilero == "" {
		loads = loads[:len(loads)-1]
	}
	for round := range *streamRounds {
		for i, l := range loads {
			for tries := 0; tries < 2; tries++ {
				c := l.measure(b, round+tries == 0)
				rows[i] = append(rows[i], c)
				if c.good {
					break
				}
			}
		}
	}
	median := func(i int, of func(cost) float64) float64 {
		var all []float64
		for _, c := range rows[i] {
			if v := of(c); v > 0 { // memory is measured in one round
				all = append(all, v)
			}
		}
		slices.Sort(all)
		if len(all) == 0 { // left out by -bench
			return math.NaN()
		}
		return all[len(all)/2]
	}
	cpu := func(c cost) float64 { return c.cpu }
	echo := median(1, cpu)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\nmedians of %d runs of %s\t\n", *streamRounds, *streamTime)
	fmt.Fprintln(w, "\tstreams\tµs per frame in\tstreams a core\tof echo\theap KB a stream\tstack KB\tgoroutines\tallocations per frame\tKB/s out\t")
	for i, l := range loads {
		c := median(i, cpu)
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%.0f\t%.2f\t%.1f\t%.1f\t%.1f\t%.2f\t%.1f\t\n", l.name, l.forks(), c/50*1e6, 1/c, c/echo,
			median(i, func(c cost) float64 { return c.heap })/1024, median(i, func(c cost) float64 { return c.stack })/1024,
			median(i, func(c cost) float64 { return c.routine }), median(i, func(c cost) float64 { return c.allocs }),
			median(i, func(c cost) float64 { return c.out })/1024)
	}
	_ = w.Flush()
	b.ReportMetric(1/median(2, cpu), "streams/core")
	b.ReportMetric(median(2, cpu)/echo, "of-echo")
	b.ReportMetric(0, "ns/op")
}

func newRegistry() *prometheus.Registry { return prometheus.NewRegistry() }

// measure runs one load once. Memory is what a call holds at rest, when the
// sound of what was said last has gone: a second of it is 16 KB.
func (l load) measure(b *testing.B, memory bool) cost {
	b.Helper()
	var c cost
	b.Run(l.name, func(b *testing.B) {
		nats := bustest.Start(b)
		silero := ""
		if l.silero {
			silero = *streamSilero
		}
		s := startServer(b, l.serve, nats.URL(), silero)
		defer s.end()
		before := s.ask("usage")
		bridge := l.serve == serveBridge
		var a *agent
		if bridge {
			r := &rig{t: b, nats: nats, ctl: nats.Connect("orchestrator")}
			a = newAgent(r, l.recogniser)
			defer a.attend()()
		}
		n := l.forks()
		calls := dialCallers(b, s.addr, n)
		defer calls.close()
		if bridge {
			eventually(b, "every call is ready", func() bool { return int(a.playing.Load()) == n })
		}
		calls.talk()
		time.Sleep(2 * time.Second)
		began, from := time.Now(), s.ask("cpu")
		sent, heard := calls.sent.Load(), calls.heard.Load()
		time.Sleep(*streamTime)
		to, took := s.ask("cpu"), time.Since(began)
		sent, heard = calls.sent.Load()-sent, calls.heard.Load()-heard
		if os.Getenv(envProfile) != "" && bridge {
			s.ask("profile")
		}
		seconds := took.Seconds() * float64(n)
		c = cost{
			cpu: (to.CPU - from.CPU).Seconds() / float64(sent) * 50, out: float64(heard) / seconds,
			allocs: float64(to.Mallocs-from.Mallocs) / float64(sent),
		}
		// A machine that does other work at the time measures that.
		c.good = float64(sent) > 0.97*50*seconds && (l.serve == serveRead || c.out > 0.95*16000)
		if !c.good {
			b.Logf("%s: not counted: %.0f %% of the frames were sent, %.0f bytes a second came back, callers were late %d times",
				l.name, 100*float64(sent)/(50*seconds), c.out, calls.late.Load())
			c.cpu, c.out, c.allocs = 0, 0, 0
		}
		if memory && bridge {
			a.quiet.Store(true)
			calls.quiet.Store(true)
			time.Sleep(2*agentPrompt + time.Second)
		}
		after := s.ask("usage")
		if memory {
			c.heap, c.stack = float64(after.Heap-before.Heap)/float64(n), float64(after.Stack-before.Stack)/float64(n)
			c.routine = float64(after.Goroutines-before.Goroutines) / float64(n)
		}
		if after.Drops+after.Ended > 0 {
			b.Logf("%s: %v items dropped, %v sessions ended", l.name, after.Drops, after.Ended)
		}
		b.ReportMetric(c.cpu/50*1e6, "µs/frame")
	})
	return c
}
