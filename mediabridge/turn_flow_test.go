package mediabridge_test

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/schemas"
)

func TestWholeTurn(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	ready := await[schemas.MediaReady](ev, nil)
	if ready.Seq != 1 || ready.ASREngine != "test-asr" || ready.TTSEngine != "test-tts" {
		t.Fatalf("ready %+v", ready)
	}
	r.send("c1", say("c1", "u1", "您好请讲", 1))
	if s := await[schemas.MediaPlayoutStarted](ev, nil); s.UtteranceID != "u1" || s.SinceSpeechMS != -1 {
		t.Fatalf("started %+v", s)
	}
	end := await[schemas.MediaPlayoutEnded](ev, nil)
	if end.Reason != "finished" || end.HeardText != "您好请讲" || end.TotalMS != 4*msPerChar || end.HeardMS != end.TotalMS {
		t.Fatalf("ended %+v", end)
	}
	// The tone came through to the switch, whole, with padding after it.
	const want = 8000 * (4*msPerChar + 80) / 1000
	eventually(t, "all sound at the switch", func() bool { return len(f.sound()) >= want })
	pcm := f.sound()
	if len(pcm) != want {
		t.Errorf("%d samples went to the switch, want %d", len(pcm), want)
	}
	if p := audio.Power(pcm[:8000*4*msPerChar/1000], 1000, 8000); math.Abs(p-0.25) > 0.01 {
		t.Errorf("power of the tone %.3f, want 0.25", p)
	}
	for i, s := range pcm {
		if s == -1 {
			t.Fatalf("sample %d is -1, which would fire a mark", i)
		}
	}

	f.speak(600 * time.Millisecond)
	await[schemas.MediaSpeechStarted](ev, nil)
	text := await(ev, final)
	if text.Text != "我要退货" || text.Utterance != 1 || text.Epoch != 1 || text.Confidence != 0.9 {
		t.Fatalf("transcript %+v", text)
	}
	if d := text.EndMS - text.StartMS; d < 500 || d > 1500 {
		t.Errorf("600 ms of speech were taken for %d ms", d)
	}
	if text.EndedAgoMS < 300 {
		t.Errorf("turn ended after %d ms of silence, policy says 300", text.EndedAgoMS)
	}
	// The recogniser got the speech and sound before it.
	if got := audio.Duration(len(r.asr.got(1)), 8000); got < 900*time.Millisecond {
		t.Errorf("recogniser got %s, want speech, pre-roll and the silence after", got)
	}
	r.send("c1", say("c1", "u2", "好的", 2))
	if s := await[schemas.MediaPlayoutStarted](ev, nil); s.SinceSpeechMS < 300 {
		t.Errorf("answer %d ms after the last speech, before the turn could end", s.SinceSpeechMS)
	}
	await[schemas.MediaPlayoutEnded](ev, nil)
	f.close()
	if c := await[schemas.MediaClosed](ev, nil); c.Reason != "peer" {
		t.Errorf("closed: %s", c.Reason)
	}
	order := "ready playout_started playout_ended speech_started transcript playout_started playout_ended closed"
	if got := kinds(ev.list()); got != order {
		t.Errorf("events: %s\nwant:   %s", got, order)
	}
	seq := uint64(0)
	for _, d := range ev.list() {
		if n := seqOf(d); n != 0 {
			if seq++; n != seq {
				t.Errorf("event %d has number %d", seq, n)
			}
		}
	}
}

func TestBargeInEmptiesQueue(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	long := strings.Repeat("请说您的订单号", 5) // 7 s
	r.send("c1", say("c1", "u1", long, 3))
	r.send("c1", say("c1", "u2", "还有一句", 3))
	await[schemas.MediaPlayoutStarted](ev, nil)
	f.play(audio.Silence(600*time.Millisecond, 8000))
	f.speak(time.Second)
	started := await[schemas.MediaSpeechStarted](ev, nil)
	if started.Interrupted != "u1" || started.Epoch != 4 {
		t.Fatalf("speech started %+v", started)
	}
	cut := await[schemas.MediaPlayoutEnded](ev, nil)
	if cut.UtteranceID != "u1" || cut.Reason != "interrupted" || cut.Epoch != 3 || cut.HeardMS >= cut.TotalMS || cut.HeardMS == 0 {
		t.Fatalf("cut %+v", cut)
	}
	if !strings.HasPrefix(long, cut.HeardText) || cut.HeardText == "" || len(cut.HeardText) >= len(long) {
		t.Errorf("heard %q", cut.HeardText)
	}
	if two := await[schemas.MediaPlayoutEnded](ev, nil); two.UtteranceID != "u2" || two.HeardMS != 0 || two.HeardText != "" {
		t.Errorf("second utterance %+v", two)
	}
	// An utterance of the epoch that is over is dropped at the gate.
	r.send("c1", say("c1", "late", "太晚了", 3))
	eventually(t, "stale command counted", func() bool { return r.metric("commands_total", "stale") == 1 })
	text := await(ev, final)
	if text.Epoch != 4 {
		t.Errorf("transcript's epoch %d, want 4", text.Epoch)
	}
	f.mu.Lock()
	kills, after := f.kills, len(f.heard)-f.atKill
	f.mu.Unlock()
	if kills != 1 || after > 0 {
		t.Errorf("%d killAudio, %d bytes of sound after it", kills, after)
	}
	if r.metric("barge_ins_total") != 1 {
		t.Error("barge-in not counted")
	}
	eventually(t, "synthesis cancelled or done", func() bool { return r.metric("playouts_total", "interrupted") == 2 })
}

func TestNotInterruptible(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	s := say("c1", "u1", "这段话必须听完", 1)
	s.Interruptible = false
	r.send("c1", s)
	await[schemas.MediaPlayoutStarted](ev, nil)
	f.speak(500 * time.Millisecond)
	if e := await[schemas.MediaSpeechStarted](ev, nil); e.Interrupted != "" || e.Epoch != 1 {
		t.Fatalf("speech started %+v", e)
	}
	if e := await[schemas.MediaPlayoutEnded](ev, nil); e.Reason != "finished" {
		t.Fatalf("ended %+v", e)
	}
}

func TestStopAndEpochs(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	r.send("c1", say("c1", "u1", "一二三四五六七八九十", 1))
	await[schemas.MediaPlayoutStarted](ev, nil)
	r.send("c1", schemas.MediaStop{CallID: "c1", Epoch: 2})
	if e := await[schemas.MediaPlayoutEnded](ev, nil); e.Reason != "stopped" || e.HeardMS >= e.TotalMS {
		t.Fatalf("ended %+v", e)
	}
	r.send("c1", schemas.MediaStop{CallID: "c1", Epoch: 1})
	r.send("c1", say("c1", "u2", "一二三四五六七八九十", 2))
	await[schemas.MediaPlayoutStarted](ev, nil)
	// A newer epoch cuts what is left of the older one.
	r.send("c1", say("c1", "u3", "好", 5))
	if e := await[schemas.MediaPlayoutEnded](ev, nil); e.UtteranceID != "u2" || e.Reason != "stopped" {
		t.Fatalf("ended %+v", e)
	}
	if e := await[schemas.MediaPlayoutEnded](ev, nil); e.UtteranceID != "u3" || e.Reason != "finished" {
		t.Fatalf("ended %+v", e)
	}
	if n := r.metric("commands_total", "stale"); n != 1 {
		t.Errorf("%v stale commands, want the old stop", n)
	}
}

func TestDuplicateCommandCountsOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	for range 3 {
		r.send("c1", say("c1", "u1", "好", 1), schemas.WithID("same"))
	}
	r.send("c1", say("c1", "u2", "的", 1))
	await(ev, func(e *schemas.MediaPlayoutEnded) bool { return e.UtteranceID == "u2" })
	r.tts.mu.Lock()
	defer r.tts.mu.Unlock()
	if len(r.tts.asked) != 2 {
		t.Errorf("spoken: %d utterances, want 2", len(r.tts.asked))
	}
}

func TestNoInputCountsFromEndOfPlayout(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	s := say("c1", "u1", "请讲", 1)
	s.Listen.NoInputMS = 400
	r.send("c1", s)
	end := await[schemas.MediaPlayoutEnded](ev, nil)
	none := await[schemas.MediaNoInput](ev, nil)
	if d := none.AtMS - end.AtMS; d < 380 || none.AfterMS != 400 {
		t.Fatalf("no input %d ms after the prompt: %+v", d, none)
	}
	r.send("c1", schemas.MediaListen{CallID: "c1", Epoch: 1, Listen: schemas.ListenPolicy{Expect: schemas.ExpectOpen, NoInputMS: 100}})
	await[schemas.MediaNoInput](ev, nil)
}

func TestFilePlayout(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	meta := metadata("c1")
	meta.Playout = "file"
	f := r.fork(meta)
	await[schemas.MediaReady](ev, nil)
	r.send("c1", say("c1", "u1", "您好", 1))
	r.send("c1", say("c1", "u2", "请讲请讲请讲请讲请讲", 1))
	a := await[schemas.MediaPlayoutEnded](ev, nil)
	if a.Reason != "finished" || a.TotalMS != 2*msPerChar {
		t.Fatalf("ended %+v", a)
	}
	await[schemas.MediaPlayoutStarted](ev, nil)
	var m struct {
		Type string
		Data struct {
			AudioContentType, AudioContent string
			SampleRate                     int
		}
	}
	if err := json.Unmarshal([]byte(f.text("playAudio")), &m); err != nil {
		t.Fatal(err)
	}
	sound, err := base64.StdEncoding.DecodeString(m.Data.AudioContent)
	if err != nil || m.Data.AudioContentType != "raw" || m.Data.SampleRate != 8000 || len(sound) != 8*2*2*msPerChar {
		t.Fatalf("%s at %d Hz with %d bytes, %v", m.Data.AudioContentType, m.Data.SampleRate, len(sound), err)
	}
	if len(f.sound()) != 0 {
		t.Error("binary sound was sent too")
	}
	f.speak(600 * time.Millisecond)
	if e := await[schemas.MediaPlayoutEnded](ev, nil); e.Reason != "interrupted" || e.UtteranceID != "u2" {
		t.Fatalf("ended %+v", e)
	}
	eventually(t, "killAudio", func() bool { return f.text("killAudio") != "" })
}

func TestDigitsInBand(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	for _, d := range "10#" {
		f.play(audio.DTMFTone(d, 100*time.Millisecond, 8000))
		f.play(audio.Silence(100*time.Millisecond, 8000))
	}
	for _, want := range []string{"1", "0", "#"} {
		if got := await[schemas.MediaDigit](ev, nil); got.Digit != want || got.DurationMS < 80 || got.DurationMS > 130 {
			t.Errorf("%+v, want %s for 100 ms", got, want)
		}
	}
	if n := r.metric("caller_utterances_total"); n != 0 {
		t.Errorf("keypad tones counted as %v utterances", n)
	}
}

func TestWidebandCall(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	meta := metadata("c1")
	meta.SampleRate = 16000
	f := r.fork(meta)
	await[schemas.MediaReady](ev, nil)
	r.send("c1", say("c1", "u1", "您好", 1))
	await[schemas.MediaPlayoutEnded](ev, nil)
	if p := audio.Power(f.sound()[:16000*2*msPerChar/1000], 1000, 16000); math.Abs(p-0.25) > 0.01 {
		t.Errorf("power of the tone %.3f", p)
	}
	f.speak(500 * time.Millisecond)
	await(ev, final)
	got := r.asr.got(1)
	if peak := audio.Peak(audio.Spectrum(got, 16000)); math.Abs(peak.Hz-300) > 5 {
		t.Errorf("recogniser heard %.0f Hz, want 300", peak.Hz)
	}
}
