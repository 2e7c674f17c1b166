package mediabridge_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/mediabridge"
	"github.com/tidegate/tidegate/schemas"
)

// ear is a recogniser of its own, with its own connection to NATS, that can
// be killed and made to fail in the ways that workers do.
type ear struct {
	r    *rig
	name string
	bus  *bus.Bus
	srv  *httptest.Server
	wg   sync.WaitGroup

	mu     sync.Mutex
	faults earFaults
	on     map[*ws.Conn]bool
	asked  []schemas.SlotAcquire
	starts []schemas.SpeechMessage
	begun  []int          // utterances, in the order of their beginnings
	sound  map[int][]byte // of each, as last sent
	closes []error        // how connections ended
}

type earFaults struct {
	deaf     bool // answers no request for a place
	spent    int  // so many places are gone when they are come for
	mute     bool // says nothing of what it hears
	frozen   bool // reads nothing
	partials bool
}

// startEar begins to answer for Mandarin and for dialects; "" among them is
// Mandarin, and none at all is Mandarin only.
func startEar(r *rig, name string, f earFaults, dialects ...string) *ear {
	e := &ear{r: r, name: name, faults: f, on: map[*ws.Conn]bool{}, sound: map[int][]byte{}, bus: r.nats.Connect(name)}
	e.srv = httptest.NewServer(http.HandlerFunc(e.connect))
	if len(dialects) == 0 {
		dialects = []string{""}
	}
	for _, d := range dialects {
		subject := schemas.SubjectSlotASR
		if d != "" {
			subject = schemas.SubjectSlotDialect(d)
		}
		if _, err := e.bus.Subscribe(subject, "workers", e.grant); err != nil {
			r.t.Fatal(err)
		}
	}
	_ = e.bus.Flush(withPatience(r.t))
	r.t.Cleanup(func() {
		e.set(func(f *earFaults) { f.frozen = false })
		e.kill()
		e.srv.Close()
		e.wg.Wait()
	})
	return e
}

func (e *ear) set(change func(*earFaults)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.faults)
}

func (e *ear) now() earFaults {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.faults
}

func (e *ear) grant(m bus.Message) {
	e.mu.Lock()
	e.asked = append(e.asked, *m.Data.(*schemas.SlotAcquire))
	e.mu.Unlock()
	if e.now().deaf {
		return
	}
	url := "ws" + strings.TrimPrefix(e.srv.URL, "http") + "/v1/asr/token"
	_ = m.Respond(schemas.SlotGranted{Worker: e.name, Engine: e.name, URL: url, ExpiresAt: time.Now().Add(time.Minute)})
}

func (e *ear) connect(rw http.ResponseWriter, req *http.Request) {
	e.mu.Lock()
	spent := e.faults.spent > 0
	e.faults.spent--
	e.mu.Unlock()
	if spent {
		http.Error(rw, "spent", http.StatusGone)
		return
	}
	conn, err := ws.Upgrade(rw, req, ws.Options{Subprotocols: []string{schemas.SubprotocolASR}})
	if err != nil {
		return
	}
	e.wg.Add(1)
	defer e.wg.Done()
	e.mu.Lock()
	e.on[conn] = true
	e.mu.Unlock()
	err = e.serve(conn)
	conn.Abort()
	e.mu.Lock()
	delete(e.on, conn)
	e.closes = append(e.closes, err)
	e.mu.Unlock()
}

func (e *ear) serve(c *ws.Conn) error {
	n := 0
	for {
		for e.now().frozen {
			time.Sleep(5 * time.Millisecond)
		}
		m, sound, err := readSpeech(c)
		if err != nil {
			return err
		}
		mute := e.now().mute
		e.mu.Lock()
		switch m.Type {
		case "":
			first := len(e.sound[n]) == 0
			e.sound[n] = append(e.sound[n], sound...)
			if e.faults.partials && first {
				_ = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechPartial, Utterance: n, Text: "我"})
			}
		case schemas.SpeechStart:
			e.starts = append(e.starts, m)
			_ = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechReady, Engine: e.name, Partials: e.faults.partials})
		case schemas.SpeechBegin:
			n = m.Utterance
			e.begun, e.sound[n] = append(e.begun, n), nil
		case schemas.SpeechEnd:
			if !mute {
				_ = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechFinal, Utterance: n, Text: e.name + "听到了", Confidence: 0.9, Dialect: "yue"})
			}
		}
		e.mu.Unlock()
	}
}

// kill is the end of the process: NATS and every connection at once.
func (e *ear) kill() {
	_ = e.bus.Close()
	e.mu.Lock()
	defer e.mu.Unlock()
	for c := range e.on {
		c.Abort()
	}
}

func (e *ear) heard(n int) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.sound[n])
}

func (e *ear) serving() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.on) > 0
}

func (e *ear) utterances() []int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.begun)
}

// noise is speech that no part of can be taken for another.
func noise(d time.Duration) []int16 {
	source := rand.New(rand.NewPCG(1, uint64(d)))
	pcm := make([]int16, int(d.Milliseconds())*8)
	for i := range pcm {
		pcm[i] = int16(source.IntN(20000) - 10000)
	}
	return pcm
}

// whole says that sound holds all of the noise, in order, and nothing else
// but silence: the bridge puts silence where a busy machine sent no frame.
func whole(sound []byte, pcm []int16) bool {
	var heard []byte
	silence := make([]byte, 320)
	for frame := range slices.Chunk(sound, 320) {
		if !bytes.Equal(frame, silence[:len(frame)]) {
			heard = append(heard, frame...)
		}
	}
	want := audio.AppendL16(nil, pcm)
	if len(want)%320 > 0 {
		panic("not whole frames")
	}
	return bytes.Equal(heard, want)
}

// finals are the final transcripts so far.
func finals(ev *events) []string {
	var texts []string
	for _, d := range ev.list() {
		if m, ok := d.(*schemas.MediaTranscript); ok && m.Final {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

func linkRig(t testing.TB, change func(*mediabridge.Config)) *rig {
	t.Helper()
	r := newRig(t, func(c *mediabridge.Config) {
		c.VAD.Engine = mediabridge.VADEnergy
		c.SlotGrace = 10 * time.Second
		if change != nil {
			change(c)
		}
	})
	r.tts = startTTS(r)
	return r
}

// TestReplacedInMidUtterance: whichever of two recognisers has the call is
// killed while the caller speaks. The other hears all of it, from before the
// first sound on, and says so once.
func TestReplacedInMidUtterance(t *testing.T) {
	t.Parallel()
	r := linkRig(t, nil)
	a, b := startEar(r, "甲", earFaults{partials: true}), startEar(r, "乙", earFaults{partials: true})
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	if b.serving() {
		a, b = b, a
	}
	said := noise(1200 * time.Millisecond)
	f.play(said)
	await[schemas.MediaSpeechStarted](ev, nil)
	eventually(t, "some sound at the first one", func() bool { return len(a.heard(1)) > 4000 })
	a.kill()
	if text := await(ev, final); text.Text != b.name+"听到了" || text.Utterance != 1 || text.Dialect != "yue" {
		t.Fatalf("%+v", text)
	}
	if !whole(b.heard(1), said) {
		t.Errorf("the second one did not hear all of it: %d of %d bytes", len(b.heard(1)), 2*len(said))
	}
	f.play(noise(600 * time.Millisecond))
	await(ev, final)
	if got := finals(ev); len(got) != 2 {
		t.Errorf("finals %v", got)
	}
	if strings.Contains(kinds(ev.list()), "degraded") {
		t.Error("degraded although another recogniser was there")
	}
	if r.metric("speech_links_lost_total", "asr") != 1 || r.metric("queue_drops_total", "asr_out") != 0 {
		t.Error("losses or drops are not what happened")
	}
}

// TestRestartedInMidUtterance: the only recogniser is killed and another one
// comes up within the time of grace. Nothing is lost and nothing is said of it.
func TestRestartedInMidUtterance(t *testing.T) {
	t.Parallel()
	r := linkRig(t, nil)
	a := startEar(r, "甲", earFaults{})
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	said := noise(1500 * time.Millisecond)
	f.play(said)
	eventually(t, "some sound at the first one", func() bool { return len(a.heard(1)) > 4000 })
	a.kill()
	time.Sleep(300 * time.Millisecond) // as long as a process takes to start
	b := startEar(r, "乙", earFaults{})
	if text := await(ev, final); text.Text != "乙听到了" {
		t.Fatalf("%+v", text)
	}
	if !whole(b.heard(1), said) {
		t.Errorf("heard %d of %d bytes", len(b.heard(1)), 2*len(said))
	}
	if strings.Contains(kinds(ev.list()), "degraded") {
		t.Error("degraded within the time of grace")
	}
}

// TestAllRecognisersGone: after the time of grace the call goes on without,
// and with one again when there is one.
func TestAllRecognisersGone(t *testing.T) {
	t.Parallel()
	r := linkRig(t, func(c *mediabridge.Config) { c.SlotGrace = 100 * time.Millisecond })
	a := startEar(r, "甲", earFaults{})
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	f.play(noise(700 * time.Millisecond))
	eventually(t, "some sound at the first one", func() bool { return len(a.heard(1)) > 4000 })
	a.kill()
	await(ev, func(e *schemas.MediaDegraded) bool {
		return e.Component == "asr" && !e.Restored && e.Reason == "no worker"
	})
	if text := await(ev, final); text.Text != "" {
		t.Fatalf("%+v", text)
	}
	startEar(r, "乙", earFaults{})
	await(ev, func(e *schemas.MediaDegraded) bool { return e.Component == "asr" && e.Restored })
	f.play(noise(700 * time.Millisecond))
	if text := await(ev, final); text.Text != "乙听到了" {
		t.Fatalf("%+v", text)
	}
}

// TestDeadWorkerIsPassedOver: requests that go to a worker which is dead, and
// which NATS does not know of, are made again.
func TestDeadWorkerIsPassedOver(t *testing.T) {
	t.Parallel()
	r := linkRig(t, func(c *mediabridge.Config) { c.SlotAnswer = 30 * time.Millisecond })
	dead := startEar(r, "甲", earFaults{deaf: true})
	startEar(r, "乙", earFaults{})
	asked := func() int { dead.mu.Lock(); defer dead.mu.Unlock(); return len(dead.asked) }
	// NATS chooses by chance: a call more is one whose request did not go there.
	for i := 0; i < 100 && asked() < 3; i++ {
		call := fmt.Sprintf("c%d", i)
		ev := r.listen(call)
		f := r.fork(metadata(call))
		ready := await[schemas.MediaReady](ev, nil)
		if ready.ASREngine == "" { // four in a row went to the dead one
			await(ev, func(e *schemas.MediaDegraded) bool { return e.Component == "asr" && e.Restored })
		}
		f.close()
	}
	if asked() == 0 {
		t.Error("the dead one was never asked: nothing was tested")
	}
}

// TestSpentPlaceIsAskedForAgain: a place that is gone when it is come for, as
// when its token has expired, is no reason to be without.
func TestSpentPlaceIsAskedForAgain(t *testing.T) {
	t.Parallel()
	r := linkRig(t, nil)
	e := startEar(r, "甲", earFaults{spent: 2})
	ev := r.listen("c1")
	r.fork(metadata("c1"))
	if ready := await[schemas.MediaReady](ev, nil); ready.ASREngine != "甲" {
		t.Fatalf("%+v", ready)
	}
	if n := len(e.asked); n != 3 {
		t.Errorf("asked %d times", n)
	}
}

// TestSilentRecogniserIsLeft: one that never says what it heard is left for
// another one, which hears it again; what the first might still say does not
// count.
func TestSilentRecogniserIsLeft(t *testing.T) {
	t.Parallel()
	r := linkRig(t, func(c *mediabridge.Config) { c.HangTimeout, c.FinalTimeout = 200*time.Millisecond, 20*time.Second })
	a := startEar(r, "甲", earFaults{mute: true})
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	b := startEar(r, "乙", earFaults{})
	a.set(func(f *earFaults) { f.deaf = true }) // its places are taken
	said := noise(800 * time.Millisecond)
	f.play(said)
	if text := await(ev, final); text.Text != "乙听到了" {
		t.Fatalf("%+v", text)
	}
	if !whole(a.heard(1), said) || !whole(b.heard(1), said) {
		t.Error("one of them did not hear all of it")
	}
	time.Sleep(300 * time.Millisecond) // in which a second final would come
	if got := finals(ev); len(got) != 1 {
		t.Errorf("finals %v", got)
	}
}

// TestFrozenRecogniserIsLeft: a process that is stopped keeps its socket open
// and answers no ping.
func TestFrozenRecogniserIsLeft(t *testing.T) {
	t.Parallel()
	r := linkRig(t, func(c *mediabridge.Config) {
		c.SpeechPing, c.SpeechPong = 50*time.Millisecond, 600*time.Millisecond
		c.HangTimeout, c.FinalTimeout = 20*time.Second, 20*time.Second
	})
	a := startEar(r, "甲", earFaults{})
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	startEar(r, "乙", earFaults{})
	said := noise(800 * time.Millisecond)
	f.play(said)
	eventually(t, "some sound at the first one", func() bool { return len(a.heard(1)) > 4000 })
	a.set(func(f *earFaults) { f.deaf, f.frozen = true, true })
	if text := await(ev, final); text.Text != "乙听到了" {
		t.Fatalf("%+v", text)
	}
}

func listenIn(dialect string) schemas.MediaListen {
	return schemas.MediaListen{CallID: "c1", Listen: schemas.ListenPolicy{Expect: schemas.ExpectOpen, EndpointMS: 300, Dialect: dialect}}
}

// TestDialectChangesInMidUtterance: the recogniser of the dialect hears what
// the caller is saying from its beginning, and the one before says no more.
func TestDialectChangesInMidUtterance(t *testing.T) {
	t.Parallel()
	r := linkRig(t, nil)
	base, yue := startEar(r, "普", earFaults{}), startEar(r, "粤", earFaults{}, "yue")
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	if ready := await[schemas.MediaReady](ev, nil); ready.ASREngine != "普" {
		t.Fatalf("%+v", ready)
	}
	said := noise(1500 * time.Millisecond)
	f.play(said)
	eventually(t, "some sound at the first one", func() bool { return len(base.heard(1)) > 4000 })
	r.send("c1", listenIn("yue"))
	if text := await(ev, final); text.Text != "粤听到了" || text.Utterance != 1 {
		t.Fatalf("%+v", text)
	}
	if !whole(yue.heard(1), said) {
		t.Errorf("heard %d of %d bytes", len(yue.heard(1)), 2*len(said))
	}
	if yue.asked[0].Dialect != "yue" || yue.starts[0].Dialect != "yue" || base.starts[0].Dialect != "" {
		t.Errorf("asked %+v, started %+v", yue.asked[0], yue.starts[0])
	}
	eventually(t, "the first one is let go", func() bool { return !base.serving() })
	if kinds := kinds(ev.list()); strings.Contains(kinds, "degraded") || r.metric("speech_links_lost_total", "asr") != 0 {
		t.Errorf("a change of recognisers is no loss: %s", kinds)
	}
	// And back.
	r.send("c1", listenIn("zh"))
	eventually(t, "the Mandarin one is back", base.serving)
	f.play(noise(600 * time.Millisecond))
	if text := await(ev, final); text.Text != "普听到了" {
		t.Fatalf("%+v", text)
	}
	if n := r.metric("dialect_slots_total", "served"); n != 1 {
		t.Errorf("%v served", n)
	}
}

// TestDialectThatNobodyServes: the call keeps the recogniser that it has, and
// gets the better one as soon as there is one.
func TestDialectThatNobodyServes(t *testing.T) {
	t.Parallel()
	r := linkRig(t, func(c *mediabridge.Config) { c.SlotAnswer = 2 * time.Second })
	base := startEar(r, "普", earFaults{})
	full := startEar(r, "满", earFaults{deaf: true}, "yue")
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	r.send("c1", listenIn("yue"))
	eventually(t, "the full one is asked", func() bool { full.mu.Lock(); defer full.mu.Unlock(); return len(full.asked) > 0 })
	// While it is waited for, the one in hand hears.
	f.play(noise(600 * time.Millisecond))
	if text := await(ev, final); text.Text != "普听到了" {
		t.Fatalf("%+v", text)
	}
	eventually(t, "the dialect is given up", func() bool { return r.metric("dialect_slots_total", "kept") >= 1 })
	full.kill()
	startEar(r, "粤", earFaults{}, "yue")
	r.send("c1", listenIn("yue"))
	eventually(t, "the first one is let go", func() bool { return !base.serving() })
	f.play(noise(600 * time.Millisecond))
	if text := await(ev, final); text.Text != "粤听到了" {
		t.Fatalf("%+v", text)
	}
}

// TestDialectOfTheFork: a call that begins in a dialect asks for it first, for
// a wider one then, and for any recogniser last. The same order counts when
// the one it has is lost.
func TestDialectOfTheFork(t *testing.T) {
	t.Parallel()
	r := linkRig(t, nil)
	wu := startEar(r, "吴", earFaults{}, "wuu")
	startEar(r, "普", earFaults{})
	ev := r.listen("c1")
	meta := metadata("c1")
	meta.Dialect = "zh-shanghai"
	f := r.fork(meta)
	if ready := await[schemas.MediaReady](ev, nil); ready.ASREngine != "吴" {
		t.Fatalf("%+v", ready)
	}
	if d := wu.starts[0].Dialect; d != "zh-shanghai" {
		t.Errorf("told %q", d)
	}
	said := noise(1200 * time.Millisecond)
	f.play(said)
	eventually(t, "some sound", func() bool { return len(wu.heard(1)) > 4000 })
	wu.kill()
	if text := await(ev, final); text.Text != "普听到了" {
		t.Fatalf("%+v", text)
	}
	if r.metric("dialect_slots_total", "served") != 1 || r.metric("dialect_slots_total", "fallback") != 1 {
		t.Error("dialects are not counted")
	}
}

// TestDialectWhileDying: the recogniser in hand dies while one for a dialect
// is being had.
func TestDialectWhileDying(t *testing.T) {
	t.Parallel()
	r := linkRig(t, nil)
	base := startEar(r, "普", earFaults{})
	yue := startEar(r, "粤", earFaults{}, "yue")
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	said := noise(1500 * time.Millisecond)
	f.play(said)
	eventually(t, "some sound", func() bool { return len(base.heard(1)) > 4000 })
	r.send("c1", listenIn("yue"))
	base.kill()
	if text := await(ev, final); text.Text != "粤听到了" {
		t.Fatalf("%+v", text)
	}
	if !whole(yue.heard(1), said) {
		t.Error("not all of it was heard")
	}
	if got := finals(ev); len(got) != 1 {
		t.Errorf("finals %v", got)
	}
}

// BenchmarkReplacement is the time from a recogniser's death in mid-utterance
// until the next one is told of the utterance again.
func BenchmarkReplacement(b *testing.B) {
	r := linkRig(b, nil)
	var times []time.Duration
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		first := startEar(r, "甲", earFaults{})
		call := "bench-" + time.Now().Format("150405.000000000")
		call = strings.ReplaceAll(call, ".", "-")
		ev := r.listen(call)
		f := r.fork(metadata(call))
		await[schemas.MediaReady](ev, nil)
		next := startEar(r, "乙", earFaults{})
		f.play(noise(2 * time.Second))
		eventually(b, "some sound", func() bool { return len(first.heard(1)) > 8000 })
		b.StartTimer()
		began := time.Now()
		first.kill()
		for len(next.utterances()) == 0 {
			time.Sleep(100 * time.Microsecond)
		}
		times = append(times, time.Since(began))
		b.StopTimer()
		f.close()
		next.kill()
		b.StartTimer()
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(times[len(times)-1].Microseconds())/1000, "ms-max")
}
