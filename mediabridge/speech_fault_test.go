package mediabridge_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/mediabridge"
	"github.com/tidegate/tidegate/schemas"
)

func TestSyncSaysEventsAgainInOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	r.send("c1", say("c1", "u1", "好", 1))
	r.send("c1", say("c1", "u2", "一二三四五六七八九十", 1))
	await(ev, func(e *schemas.MediaPlayoutStarted) bool { return e.UtteranceID == "u2" })
	again := r.listen("c1")
	m, err := r.ctl.Request(withPatience(t), schemas.SubjectMediaCommand("c1"), schemas.MediaSync{CallID: "c1", AfterSeq: 1})
	if err != nil {
		t.Fatal(err)
	}
	state := m.Data.(*schemas.MediaState)
	if state.LastSeq != 4 || state.Playing != "u2" || state.Epoch != 1 || state.CallerSpeaking {
		t.Fatalf("state %+v", state)
	}
	eventually(t, "events again", func() bool { return len(again.list()) >= 3 })
	var seqs []uint64
	for _, d := range again.list()[:3] {
		seqs = append(seqs, seqOf(d))
	}
	if !slices.Equal(seqs, []uint64{2, 3, 4}) {
		t.Errorf("events again: %v, want 2 3 4", seqs)
	}
}

func TestRecogniserDiesInMidUtterance(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	f.speak(900 * time.Millisecond)
	await[schemas.MediaSpeechStarted](ev, nil)
	eventually(t, "some sound at the first recogniser", func() bool { return len(r.asr.got(1)) > 2000 })
	r.asr.kill()
	text := await(ev, final)
	if text.Text != "我要退货" || text.Utterance != 1 {
		t.Fatalf("%+v", text)
	}
	r.asr.mu.Lock()
	starts := slices.Clone(r.asr.starts)
	r.asr.mu.Unlock()
	if !slices.Equal(starts, []int{1, 1}) {
		t.Fatalf("utterances begun: %v, want the first one twice", starts)
	}
	tone := 0
	for got := r.asr.got(1); len(got) >= 160; got = got[160:] {
		if audio.Power(got[:160], 300, 8000) > 0.05 {
			tone++
		}
	}
	if ms := tone * 20; ms < 840 {
		t.Errorf("the second recogniser heard %d ms of 900 ms of speech", ms)
	}
	if strings.Contains(kinds(ev.list()), "degraded") {
		t.Error("degraded although another recogniser was there")
	}
}

func TestSynthesiserDiesInMidUtterance(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	r.tts.mu.Lock()
	r.tts.dieAfter = 5001
	r.tts.mu.Unlock()
	r.send("c1", say("c1", "u1", "一二三四五", 1))
	if e := await[schemas.MediaPlayoutEnded](ev, nil); e.Reason != "finished" || e.TotalMS != 5*msPerChar {
		t.Fatalf("ended %+v", e)
	}
	if p := audio.Power(f.sound()[:8000*5*msPerChar/1000], 1000, 8000); p < 0.2 {
		t.Errorf("power of the tone %.3f", p)
	}
}

func TestWithoutSpeechWorkers(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	ready := await[schemas.MediaReady](ev, nil)
	if ready.ASREngine != "" || ready.TTSEngine != "" {
		t.Fatalf("%+v", ready)
	}
	await(ev, func(e *schemas.MediaDegraded) bool { return e.Component == "asr" && !e.Restored })
	await(ev, func(e *schemas.MediaDegraded) bool { return e.Component == "tts" && !e.Restored })
	r.send("c1", say("c1", "u1", "您好", 1))
	if e := await[schemas.MediaPlayoutEnded](ev, nil); e.Reason != "failed" || e.HeardText != "" {
		t.Fatalf("ended %+v", e)
	}
	// The caller's turn still ends, without a text.
	f.speak(500 * time.Millisecond)
	if e := await(ev, final); e.Text != "" {
		t.Fatalf("%+v", e)
	}
	r.withSpeech()
	await(ev, func(e *schemas.MediaDegraded) bool { return e.Restored })
	await(ev, func(e *schemas.MediaDegraded) bool { return e.Restored })
	r.send("c1", say("c1", "u2", "您好", 1))
	if e := await[schemas.MediaPlayoutEnded](ev, nil); e.Reason != "finished" {
		t.Fatalf("ended %+v", e)
	}
}

func TestPromptsPlayWithoutRecogniser(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.tts = startTTS(r)
	ev := r.listen("c1")
	r.fork(metadata("c1"))
	if e := await[schemas.MediaReady](ev, nil); e.TTSEngine == "" || e.ASREngine != "" {
		t.Fatalf("%+v", e)
	}
	r.send("c1", say("c1", "u1", "您好", 1))
	if e := await[schemas.MediaPlayoutEnded](ev, nil); e.Reason != "finished" {
		t.Fatalf("ended %+v", e)
	}
}

func TestHangingWorkersDoNotHangTheCall(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *mediabridge.Config) {
		c.FinalTimeout, c.SpeechTimeout = 200*time.Millisecond, 300*time.Millisecond
	}).withSpeech()
	r.asr.hang, r.tts.hang = true, true
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	r.send("c1", say("c1", "u1", "您好", 1))
	if e := await[schemas.MediaPlayoutEnded](ev, nil); e.Reason != "failed" {
		t.Fatalf("ended %+v", e)
	}
	f.speak(500 * time.Millisecond)
	if e := await(ev, final); e.Text != "" {
		t.Fatalf("%+v", e)
	}
}

func TestSideChannelWhileBusIsAway(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	r.nats.Down()
	side := func(data any) {
		raw, err := schemas.Encode("/tidegate/orchestrator/test", time.Now(), data, schemas.ForCall("c1"))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := json.Marshal(schemas.SideMessage{Type: "tidegate", Envelope: base64.StdEncoding.EncodeToString(raw)})
		if err := f.conn.WriteText(b); err != nil {
			t.Fatal(err)
		}
	}
	got := func() (all []any) {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, s := range f.texts {
			if strings.Contains(s, `"json"`) {
				all = append(all, sideData(t, s))
			}
		}
		return all
	}
	eventually(t, "bridge and side command", func() bool {
		side(schemas.MediaSync{CallID: "c1", AfterSeq: 0})
		time.Sleep(50 * time.Millisecond)
		return strings.Contains(kinds(got()), "state ready")
	})
	side(say("c1", "u1", "您好", 1))
	eventually(t, "prompt played and told", func() bool {
		return strings.HasSuffix(kinds(got()), "playout_started playout_ended")
	})
	// Back again, a sync gives over the bus what did not get through: which of
	// the two connections is restored first is open.
	r.nats.Up()
	eventually(t, "sync over the bus", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := r.ctl.Request(ctx, schemas.SubjectMediaCommand("c1"), schemas.MediaSync{CallID: "c1", AfterSeq: 1})
		return err == nil
	})
	await(ev, func(e *schemas.MediaPlayoutEnded) bool { return e.UtteranceID == "u1" })
}

func TestCloseCommand(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	r.send("c1", say("c1", "u1", "一二三四五六七八九十", 1))
	await[schemas.MediaPlayoutStarted](ev, nil)
	r.send("c1", schemas.MediaClose{CallID: "c1", Reason: "goodbye"})
	if e := await[schemas.MediaPlayoutEnded](ev, nil); e.Reason != "stopped" {
		t.Fatalf("ended %+v", e)
	}
	if e := await[schemas.MediaClosed](ev, nil); e.Reason != "command" {
		t.Fatalf("closed %+v", e)
	}
	eventually(t, "fork closed", f.ended)
	if m := f.text(`"disconnect"`); !strings.Contains(m, `"data":{`) {
		t.Errorf("disconnect message %q has no data object", m)
	}
}

func TestDrainWaitsForCalls(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := r.svc.Drain(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("drain with a call: %v", err)
	}
	if !errors.Is(r.svc.Ready(), mediabridge.ErrDraining) {
		t.Errorf("ready: %v", r.svc.Ready())
	}
	_, err := r.dial(r.token("c2", time.Minute))
	var h *ws.HandshakeError
	if !errors.As(err, &h) || h.Status != 503 {
		t.Fatalf("new call while draining: %v", err)
	}
	r.send("c1", say("c1", "u1", "好", 1))
	await[schemas.MediaPlayoutEnded](ev, nil)
	done := make(chan error, 1)
	go func() { done <- r.svc.Drain(withPatience(t)) }()
	f.close()
	if err := <-done; err != nil {
		t.Fatalf("drain: %v", err)
	}
}

func TestCapacity(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *mediabridge.Config) { c.MaxSessions = 1 })
	r.fork(metadata("c1"))
	_, err := r.dial(r.token("c2", time.Minute))
	var h *ws.HandshakeError
	if !errors.As(err, &h) || h.Status != 503 {
		t.Fatalf("over capacity: %v", err)
	}
}
