package mediabridge_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/mediabridge"
	"github.com/tidegate/tidegate/schemas"
)

func TestMain(m *testing.M) {
	if what := os.Getenv(envServe); what != "" { // a process of BenchmarkStreams
		if err := serveStreams(what); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// Calls wait most of their time: more of them fit side by side than there
	// are cores.
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = flag.Set("test.parallel", "8")
	}
	goleak.VerifyTestMain(m)
}

const (
	secret  = "a secret only for these tests"
	patient = 20 * time.Second
)

// rig is a bridge with NATS and speech workers on loopback.
type rig struct {
	t    testing.TB
	nats *bustest.Server
	ctl  *bus.Bus // the orchestrator's connection
	svc  *mediabridge.Service
	reg  *prometheus.Registry
	asr  *asrWorker
	tts  *ttsWorker
	// partials: the recogniser declares that it gives them.
	partials bool
	// synthetic: it declares that it understands no people.
	synthetic bool
}

func newRig(t testing.TB, change func(*mediabridge.Config)) *rig {
	t.Helper()
	return newRigAt(t, nil, change)
}

// newRigAt is newRig with a clock of the bridge's own.
func newRigAt(t testing.TB, now func() time.Time, change func(*mediabridge.Config)) *rig {
	t.Helper()
	r := &rig{t: t, nats: bustest.Start(t), reg: prometheus.NewRegistry()}
	r.ctl = r.nats.Connect("orchestrator")
	cfg := mediabridge.Defaults()
	cfg.Listen, cfg.ForkSecret = "127.0.0.1:0", secret
	cfg.SlotTimeout = 5 * time.Second
	if change != nil {
		change(&cfg)
	}
	svc, err := mediabridge.New(cfg, mediabridge.Deps{Bus: r.nats.Connect("mediabridge"), Registry: r.reg, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if err := svc.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patient)
		defer cancel()
		if err := svc.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	r.svc = svc
	return r
}

// withSpeech starts one worker of each kind.
func (r *rig) withSpeech() *rig {
	r.asr, r.tts = startASR(r), startTTS(r)
	return r
}

func (r *rig) metric(name string, labels ...string) float64 {
	r.t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "tidegate_mediabridge_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			if len(labels) == 0 || m.GetLabel()[0].GetValue() == labels[0] {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	r.t.Fatalf("no metric %s %v", name, labels)
	return 0
}

// sum adds up all labels of a metric.
func (r *rig) sum(name string) float64 {
	families, err := r.reg.Gather()
	if err != nil {
		panic(err)
	}
	total := 0.0
	for _, f := range families {
		if f.GetName() == "tidegate_mediabridge_"+name {
			for _, m := range f.GetMetric() {
				total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return total
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patient); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// events collects what the bridge says of one call.
type events struct {
	t   testing.TB
	mu  sync.Mutex
	all []any
	at  int // how far await has read
}

func (r *rig) listen(call string) *events {
	r.t.Helper()
	e := &events{t: r.t}
	sub, err := r.ctl.Subscribe(schemas.SubjectMediaEvent(call), "", func(m bus.Message) { e.put(m.Data) })
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := r.ctl.Flush(withPatience(r.t)); err != nil {
		r.t.Fatal(err)
	}
	return e
}

func (e *events) put(data any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, data)
}

func (e *events) list() []any {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]any(nil), e.all...)
}

// await returns the next event of a type for which ok holds.
func await[T any](e *events, ok func(*T) bool) *T {
	e.t.Helper()
	end := time.Now().Add(patient)
	for {
		e.mu.Lock()
		for e.at < len(e.all) {
			d := e.all[e.at]
			e.at++
			if v, is := d.(*T); is && (ok == nil || ok(v)) {
				e.mu.Unlock()
				return v
			}
		}
		e.mu.Unlock()
		if time.Now().After(end) {
			var zero T
			e.t.Fatalf("no %T among %d events: %s", zero, len(e.list()), kinds(e.list()))
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func final(m *schemas.MediaTranscript) bool { return m.Final }

func kinds(all []any) string {
	var b strings.Builder
	for _, d := range all {
		if m, ok := d.(*schemas.MediaTranscript); ok && !m.Final {
			continue
		}
		b.WriteString(strings.TrimPrefix(schemas.TypeOf(d), schemas.Prefix+".media.") + " ")
	}
	return strings.TrimSpace(b.String())
}

// seqOf reads the number of any event.
func seqOf(d any) uint64 {
	raw, _ := json.Marshal(d)
	var m schemas.MediaEvent
	_ = json.Unmarshal(raw, &m)
	return m.Seq
}

// sideData reads the envelope out of a {"type":"json"} text frame.
func sideData(t testing.TB, frame string) any {
	t.Helper()
	var f struct {
		Type string              `json:"type"`
		Data schemas.SideMessage `json:"data"`
	}
	if err := json.Unmarshal([]byte(frame), &f); err != nil || f.Type != "json" {
		t.Fatalf("side frame: %v", err)
	}
	raw, err := base64.StdEncoding.DecodeString(f.Data.Envelope)
	if err != nil {
		t.Fatal(err)
	}
	_, data, err := schemas.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
