package mediabridge_test

import (
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/mediabridge"
	"github.com/tidegate/tidegate/schemas"
)

// hasty is a call whose time goes by its frames, as fast as they come.
type hasty struct {
	r    *rig
	ev   *events
	conn *ws.Conn
	sent atomic.Int64 // frames
}

const hastyCall = "hasty"

func newHasty(t testing.TB, change func(*mediabridge.Config)) *hasty {
	t.Helper()
	h := &hasty{}
	began := time.Now()
	h.r = newRigAt(t, func() time.Time { return began.Add(time.Duration(h.sent.Load()) * 20 * time.Millisecond) }, change)
	h.r.withSpeech()
	h.ev = h.r.listen(hastyCall)
	h.conn = h.r.open(metadata(hastyCall))
	go func() { // answers pings until the connection ends
		for {
			if _, _, err := h.conn.Read(); err != nil {
				return
			}
		}
	}()
	await[schemas.MediaReady](h.ev, nil)
	return h
}

// play sends frames; the bridge and its recogniser keep up with them.
func (h *hasty) play(pcm []int16) {
	h.r.t.Helper()
	const window = 20 // shorter than what the bridge takes for a stall
	for ; len(pcm) >= 160; pcm = pcm[160:] {
		n := h.sent.Add(1)
		if err := h.conn.WriteBinary(audio.AppendL16(nil, pcm[:160])); err != nil {
			h.r.t.Fatalf("after %d frames: %v", n, err)
		}
		for end := time.Now().Add(patient); n%window == 0 && h.r.metric("frames_total", "in") < float64(n); time.Sleep(100 * time.Microsecond) {
			if time.Now().After(end) {
				h.r.t.Fatalf("the bridge does not keep up with frame %d", n)
			}
		}
	}
}

// TestHourOfSilence: nothing of it adds up, and the call still works.
func TestHourOfSilence(t *testing.T) {
	h := newHasty(t, nil)
	h.r.send(hastyCall, schemas.MediaListen{CallID: hastyCall, Epoch: 1, Listen: schemas.ListenPolicy{Expect: schemas.ExpectOpen, NoInputMS: 8000}})
	h.play(audio.Silence(time.Minute, 8000))
	await[schemas.MediaNoInput](h.ev, nil)
	before := heapNow()
	minute := audio.Silence(time.Minute, 8000)
	for range 59 {
		h.play(minute)
	}
	if grown := int64(heapNow()) - int64(before); grown > 256<<10 {
		t.Errorf("the heap grew by %d KB", grown>>10)
	}
	if n := h.r.metric("frames_total", "in"); n < 60*60*50 {
		t.Errorf("%v frames", n)
	}
	if n := h.r.metric("no_inputs_total"); n != 1 {
		t.Errorf("%v no inputs", n)
	}
	h.play(append(audio.Tone(300, 600*time.Millisecond, 8000, 0.3), audio.Silence(2*time.Second, 8000)...))
	if e := await(h.ev, final); e.Text != "我要退货" || e.StartMS < 60*60*1000 {
		t.Errorf("after an hour: %+v", e)
	}
}

// TestFullScaleNoise: a broken line for five minutes. The caller's turns have
// an end all the same, and what they hold is bounded.
func TestFullScaleNoise(t *testing.T) {
	h := newHasty(t, nil)
	rng := rand.New(rand.NewPCG(5, 6))
	ten := audio.Silence(10*time.Second, 8000)
	for i := range ten {
		ten[i] = int16(rng.IntN(65536) - 32768)
	}
	var before uint64
	for i := range 30 {
		h.play(ten)
		eventually(t, "the recogniser keeps up", func() bool { return len(h.r.asr.begun()) >= i/2-1 })
		if i == 9 { // at most five utterances wait for their texts
			h.r.asr.forget()
			before = heapNow()
		}
	}
	h.r.asr.forget()
	if grown := int64(heapNow()) - int64(before); grown > 1<<20 {
		t.Errorf("the heap grew by %d KB", grown>>10)
	}
	h.play(audio.Silence(2*time.Second, 8000))
	if n := h.r.metric("caller_utterances_total"); n < 13 || n > 18 {
		t.Errorf("%v utterances of at most 20 s in 300 s", n)
	}
	if n := h.r.metric("digits_total"); n != 0 {
		t.Errorf("%v digits in noise", n)
	}
	eventually(t, "every utterance has its text", func() bool {
		return strings.Count(kinds(h.ev.list()), "transcript") == int(h.r.metric("caller_utterances_total"))
	})
}

// TestKeysInSpeech: keypad tones between and in the middle of words are keys,
// and the words are words still; ten minutes of keys are keys.
func TestKeysInSpeech(t *testing.T) {
	h := newHasty(t, nil)
	word := func() { h.play(audio.Tone(300, 500*time.Millisecond, 8000, 0.3)) }
	quiet := func(d time.Duration) { h.play(audio.Silence(d, 8000)) }
	word()
	for _, key := range "12" {
		h.play(audio.DTMFTone(key, 100*time.Millisecond, 8000))
		quiet(60 * time.Millisecond)
	}
	word()
	quiet(2 * time.Second)
	for _, want := range "12" {
		if e := await[schemas.MediaDigit](h.ev, nil); e.Digit != string(want) {
			t.Errorf("key %s, want %c", e.Digit, want)
		}
	}
	if e := await(h.ev, final); e.Text != "我要退货" {
		t.Errorf("%+v", e)
	}
	before, heap := h.r.metric("digits_total"), heapNow()
	const keys = 10 * 60 * 5
	for i := range keys {
		h.play(audio.DTMFTone(rune(audio.DTMFKeys[i%16]), 100*time.Millisecond, 8000))
		quiet(100 * time.Millisecond)
	}
	quiet(time.Second)
	eventually(t, "every key is counted", func() bool { return h.r.metric("digits_total") == before+keys })
	h.ev.forget()
	if grown := int64(heapNow()) - int64(heap); grown > 512<<10 {
		t.Errorf("the heap grew by %d KB", grown>>10)
	}
	if n := h.r.metric("caller_utterances_total"); n != 1 {
		t.Errorf("%v utterances: keys were taken for words", n)
	}
}

// begun are the utterances that the recogniser was told of.
func (a *asrWorker) begun() []int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]int(nil), a.starts...)
}

// forget drops what the test itself holds.
func (a *asrWorker) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.sound)
}

func (e *events) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all, e.at = nil, 0
}
