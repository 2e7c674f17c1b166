package mediabridge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/schemas"
)

// wordRig is a call whose recogniser gives partials, in which a prompt of 7 s
// plays.
func wordRig(t *testing.T, listen schemas.ListenPolicy) (*rig, *events, *fork) {
	t.Helper()
	r := newRig(t, nil)
	r.partials = true
	r.withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	s := say("c1", "u1", strings.Repeat("请说您的订单号", 5), 1)
	s.Listen = listen
	r.send("c1", s)
	await[schemas.MediaPlayoutStarted](ev, nil)
	f.play(audio.Silence(400*time.Millisecond, 8000))
	return r, ev, f
}

var openly = schemas.ListenPolicy{Expect: schemas.ExpectOpen, EndpointMS: 300}

func TestWordInterrupts(t *testing.T) {
	t.Parallel()
	r, ev, f := wordRig(t, openly)
	r.asr.understands("转人工", "转人工")
	f.speak(800 * time.Millisecond)
	if s := await[schemas.MediaSpeechStarted](ev, nil); s.Interrupted != "u1" || s.Epoch != 2 {
		t.Fatalf("speech started %+v", s)
	}
	cut := await[schemas.MediaPlayoutEnded](ev, nil)
	if cut.Reason != "interrupted" || cut.HeardText == "" || cut.HeardMS >= cut.TotalMS {
		t.Fatalf("cut %+v", cut)
	}
	if m := await(ev, final); m.Text != "转人工" || m.Utterance != 1 || m.Epoch != 2 {
		t.Fatalf("transcript %+v", m)
	}
}

// A "嗯", a cough and a noise leave the prompt alone and are nobody's turn.
func TestNoInterruptionWithoutAWord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		partial, final, reason string
		confidence             float64
	}{
		"backchannel":        {"嗯", "嗯，对", "backchannel", 0.9},
		"cough":              {"", "", "noise", 0.9},
		"words out of noise": {"还开", "还开开拜", "noise", 0.03},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, ev, f := wordRig(t, openly)
			r.asr.understands(c.partial, c.final)
			r.asr.sure(c.confidence)
			f.speak(700 * time.Millisecond)
			if e := await[schemas.MediaPlayoutEnded](ev, nil); e.Reason != "finished" {
				t.Fatalf("prompt %+v", e)
			}
			if n := r.metric("false_starts_total", c.reason); n != 1 {
				t.Errorf("%v false starts counted as %s", n, c.reason)
			}
			if got := kinds(ev.list()); got != "ready playout_started playout_ended" {
				t.Errorf("events: %s", got)
			}
			// The next turn is the first.
			r.asr.sure(0.9)
			r.asr.understands("我要退货", "我要退货")
			f.speak(600 * time.Millisecond)
			if m := await(ev, final); m.Utterance != 1 {
				t.Errorf("transcript %+v", m)
			}
		})
	}
}

// A word that only the final text shows interrupts then.
func TestLateWordInterrupts(t *testing.T) {
	t.Parallel()
	r, ev, f := wordRig(t, openly)
	r.asr.understands("", "转人工")
	f.speak(500 * time.Millisecond)
	if s := await[schemas.MediaSpeechStarted](ev, nil); s.Interrupted != "u1" {
		t.Fatalf("speech started %+v", s)
	}
	if m := await(ev, final); m.Text != "转人工" {
		t.Fatalf("transcript %+v", m)
	}
}

// 对 in the middle of a question is listening, at its end it is the answer.
func TestAnswerAtTheEndOfTheQuestion(t *testing.T) {
	t.Parallel()
	yesNo := schemas.ListenPolicy{Expect: schemas.ExpectYesNo, EndpointMS: 300, Answers: []string{"对"}}
	r, ev, f := wordRig(t, yesNo)
	r.asr.understands("对", "对")
	f.speak(300 * time.Millisecond)
	eventually(t, "a backchannel in the middle", func() bool { return r.metric("false_starts_total", "backchannel") == 1 })
	eventually(t, "the prompt's end is near", func() bool { return len(f.sound()) > 8000*6200/1000 })
	f.speak(300 * time.Millisecond)
	if m := await(ev, final); m.Text != "对" || m.Utterance != 1 {
		t.Fatalf("transcript %+v", m)
	}
}

// A person on a recogniser of synthetic voices is one who names no scenario.
func TestPersonOnASyntheticRecogniser(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.synthetic = true
	r.withSpeech()
	for call, scenario := range map[string]string{"simulated": "s1", "person": ""} {
		ev := r.listen(call)
		meta := metadata(call)
		meta.Scenario = scenario
		r.fork(meta)
		if ready := await[schemas.MediaReady](ev, nil); ready.Synthetic != (scenario == "") {
			t.Errorf("%s: %+v", call, ready)
		}
	}
}

func TestFillerCoversALongWait(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	s := say("c1", "u1", "您好", 1)
	s.Listen = schemas.ListenPolicy{Expect: schemas.ExpectOpen, EndpointMS: 300, NoInputMS: 60000, Filler: []string{"好的"}, FillerMS: 400}
	r.send("c1", s)
	await(ev, func(e *schemas.MediaPlayoutEnded) bool { return e.UtteranceID == "u1" })
	eventually(t, "the filler is in stock", func() bool {
		r.tts.mu.Lock()
		defer r.tts.mu.Unlock()
		return len(r.tts.asked) == 2
	})
	f.speak(500 * time.Millisecond)
	text := await(ev, final)
	// The answer does not come: the filler does, once.
	started := await[schemas.MediaPlayoutStarted](ev, nil)
	if !strings.HasPrefix(started.UtteranceID, schemas.FillerID) {
		t.Fatalf("after the turn %+v", started)
	}
	// Both are on the audio clock: 300 ms of silence end the turn.
	if d := started.AtMS - text.EndMS; d < 680 {
		t.Errorf("filler %d ms after the last word, want 700", d)
	}
	end := await[schemas.MediaPlayoutEnded](ev, nil)
	if end.HeardText != "好的" || end.Reason != "finished" {
		t.Fatalf("filler %+v", end)
	}
	time.Sleep(600 * time.Millisecond)
	s2 := say("c1", "u2", "查到了", 2)
	s2.Listen = s.Listen
	r.send("c1", s2)
	if next := await[schemas.MediaPlayoutStarted](ev, nil); next.UtteranceID != "u2" {
		t.Fatalf("after the filler %+v", next)
	}
	if n := r.metric("fillers_total", "spoken"); n != 1 {
		t.Errorf("%v fillers", n)
	}
	// A quick answer has none.
	await(ev, func(e *schemas.MediaPlayoutEnded) bool { return e.UtteranceID == "u2" })
	f.speak(500 * time.Millisecond)
	await(ev, final)
	r.send("c1", say("c1", "u3", "不客气", 3))
	if next := await[schemas.MediaPlayoutStarted](ev, nil); next.UtteranceID != "u3" {
		t.Fatalf("quick answer %+v", next)
	}
}
