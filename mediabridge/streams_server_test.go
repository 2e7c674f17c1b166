package mediabridge_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/ws/wstest"
	"github.com/tidegate/tidegate/mediabridge"
)

// What a process of BenchmarkStreams serves: the bridge, or the websocket
// library in a loop that reads, or reads and writes back.
const (
	serveBridge = "bridge"
	serveRead   = "read"
	serveEcho   = "echo"
)

// Environment that makes the test program such a process.
const (
	envServe   = "TIDEGATE_STREAMS_SERVE"
	envNATS    = "TIDEGATE_STREAMS_NATS"
	envSilero  = "TIDEGATE_STREAMS_SILERO"
	envProfile = "TIDEGATE_STREAMS_PROFILE" // a folder for profiles of the bridge
)

// usage is what a process has used and holds.
type usage struct {
	CPU        time.Duration // of all its cores, since it began
	Heap       uint64        // bytes, after a collection
	Stack      uint64
	Goroutines int
	Mallocs    uint64
	Drops      float64
	Ended      float64 // sessions
}

// serveStreams is such a process: it prints its address, and its usage for
// each line that it reads, until its input ends.
func serveStreams(what string) error {
	addr, counted, err := startServing(what)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(addr); err != nil {
		return err
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		switch in.Text() {
		case "usage":
			err = errors.Join(profile("heap.pprof", "goroutines.pprof"), out.Encode(measure(counted)))
		case "cpu":
			err = out.Encode(usage{CPU: cpuTime(), Mallocs: mallocs()})
		case "profile":
			err = errors.Join(profile("cpu.pprof"), out.Encode(usage{}))
		}
		if err != nil {
			return err
		}
	}
	return in.Err()
}

func startServing(what string) (addr string, counted func(string) float64, err error) {
	if what != serveBridge {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", nil, err
		}
		srv := &http.Server{Handler: wstest.Bare(mediabridge.Subprotocol, what == serveEcho), ReadHeaderTimeout: patient}
		go func() { _ = srv.Serve(ln) }()
		return ln.Addr().String(), func(string) float64 { return 0 }, nil
	}
	bc := bus.Defaults()
	bc.URL = os.Getenv(envNATS)
	b, err := bus.Connect(context.Background(), bc, bus.Deps{Source: "/tidegate/test/streams"})
	if err != nil {
		return "", nil, err
	}
	cfg := mediabridge.Defaults()
	cfg.Listen, cfg.ForkSecret, cfg.MaxSessions = "127.0.0.1:0", secret, 10_000
	cfg.VAD.Engine = mediabridge.VADEnergy
	if file := os.Getenv(envSilero); file != "" {
		cfg.VAD.Engine, cfg.VAD.Model = mediabridge.VADSilero, file
	}
	r := &rig{reg: newRegistry()}
	r.svc, err = mediabridge.New(cfg, mediabridge.Deps{Bus: b, Registry: r.reg})
	if err == nil {
		err = r.svc.Start(context.Background())
	}
	if err != nil {
		return "", nil, err
	}
	return r.svc.Addr(), r.sum, nil
}

func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err) // this process exists
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func mallocs() uint64 {
	all := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}}
	metrics.Read(all)
	return all[0].Value.Uint64()
}

func measure(counted func(string) float64) usage {
	u := usage{
		CPU: cpuTime(), Goroutines: runtime.NumGoroutine(),
		Drops: counted("queue_drops_total"), Ended: counted("sessions_closed_total"),
	}
	for range 4 { // stacks shrink by half in each collection
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.Heap, u.Stack = m.HeapAlloc, m.StackInuse
	return u
}

// profile writes five seconds of CPU, or the heap and the goroutines.
func profile(names ...string) error {
	dir := os.Getenv(envProfile)
	if dir == "" {
		return nil
	}
	for name, write := range map[string]func(*os.File) error{
		"cpu.pprof": func(f *os.File) error {
			err := pprof.StartCPUProfile(f)
			time.Sleep(5 * time.Second)
			pprof.StopCPUProfile()
			return err
		},
		"heap.pprof":       func(f *os.File) error { runtime.GC(); return pprof.WriteHeapProfile(f) },
		"goroutines.pprof": func(f *os.File) error { return pprof.Lookup("goroutine").WriteTo(f, 0) },
	} {
		if !slices.Contains(names, name) {
			continue
		}
		f, err := os.Create(dir + "/" + name)
		if err != nil {
			return err
		}
		if err := errors.Join(write(f), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// server is a serving process seen from outside.
type server struct {
	b    testing.TB
	addr string
	in   *bufio.Writer
	out  *json.Decoder
	end  func()
}

func startServer(b testing.TB, what, nats, silero string) *server {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envServe+"="+what, envNATS+"="+nats, envSilero+"="+silero, "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	s := &server{b: b, in: bufio.NewWriter(stdin), out: json.NewDecoder(stdout)}
	s.end = func() { _ = stdin.Close(); _ = cmd.Wait() }
	if err := s.out.Decode(&s.addr); err != nil {
		b.Fatalf("%s: %v", what, err)
	}
	return s
}

func (s *server) ask(what string) usage {
	s.b.Helper()
	var u usage
	_, err := fmt.Fprintln(s.in, what)
	if err = errors.Join(err, s.in.Flush(), s.out.Decode(&u)); err != nil {
		s.b.Fatal(err)
	}
	return u
}
