package caller

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/workers/tts"
)

func concat(parts ...[]int16) []int16 { return slices.Concat(parts...) }

func tone(d time.Duration) []int16  { return audio.Tone(500, d, rate, 0.3) }
func quiet(d time.Duration) []int16 { return audio.Silence(d, rate) }

func TestTighten(t *testing.T) {
	const m = time.Millisecond
	for name, tt := range map[string]struct {
		in   []int16
		want time.Duration
	}{
		"nothing":       {nil, 0},
		"silence":       {quiet(500 * m), 0},
		"around":        {concat(quiet(300*m), tone(200*m), quiet(900*m)), 320 * m},
		"short pause":   {concat(tone(100*m), quiet(150*m), tone(100*m)), 350 * m},
		"long pause":    {concat(tone(100*m), quiet(600*m), tone(100*m)), 320 * m},
		"several":       {concat(tone(100*m), quiet(300*m), tone(100*m), quiet(900*m), tone(100*m)), 540 * m},
		"broken window": {tone(105 * m), 105 * m},
	} {
		if got := audio.Duration(len(tighten(tt.in)), rate); got < tt.want-10*m || got > tt.want+10*m {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// TestLinesAreOneUtterance holds every shipped line, as the installed engines
// speak it, to what ends an utterance for the bridge's detector.
func TestLinesAreOneUtterance(t *testing.T) {
	for _, name := range []string{tts.EngineTone, tts.EngineAuto} {
		cfg := tts.Defaults()
		cfg.Engine = name
		e, err := tts.NewEngine(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		for _, scenario := range scenarios.Names() {
			s, err := scenarios.Load(scenario)
			if err != nil {
				t.Fatal(err)
			}
			sounds, err := prepare(t.Context(), s, e)
			if err != nil {
				t.Fatal(err)
			}
			for i, u := range sounds {
				if pause := longestPause(u.pcm); pause > 250*time.Millisecond || u.last < 0 {
					t.Errorf("%s, %s, %s: pause of %s", name, scenario, s.Caller[i.step], pause)
				}
				if d := audio.Duration(len(u.pcm), rate); d < 250*time.Millisecond || d > 15*time.Second {
					t.Errorf("%s, %s, %s: lasts %s", name, scenario, s.Caller[i.step], d)
				}
			}
		}
	}
}

func longestPause(pcm []int16) time.Duration {
	longest, run := 0, 0
	for at := 0; at+frameSamples <= len(pcm); at += frameSamples {
		if run++; audio.DBFS(pcm[at:at+frameSamples]) >= quietDBFS {
			run = 0
		}
		longest = max(longest, run)
	}
	return time.Duration(longest) * frameTime
}

func TestUtterance(t *testing.T) {
	u := newUtterance(concat(tone(50*time.Millisecond), quiet(70*time.Millisecond)))
	if u.frames() != 6 || u.last != 2 || len(u.frame(5)) != frameSamples {
		t.Errorf("%d frames, last sound in %d", u.frames(), u.last)
	}
	if u := newUtterance(quiet(time.Second)); u.last != -1 {
		t.Errorf("last sound of silence in %d", u.last)
	}
}

func TestEar(t *testing.T) {
	now := time.Unix(0, 0)
	var e ear
	loud, still := tone(frameTime), quiet(frameTime)
	var began, ended []int
	play := func(pcm []int16, frames int) {
		for range frames {
			at := int(now.UnixMilli())
			if e.tick(now) {
				ended = append(ended, at)
			}
			if pcm != nil && e.frame(now, pcm) {
				began = append(began, at)
			}
			now = now.Add(frameTime)
		}
	}
	play(still, 10) // 0
	play(loud, 1)   // 200: a click
	play(still, 10) // 220
	if e.heard || e.speaking {
		t.Error("a click is speech")
	}
	play(loud, 10)                             // 420
	play(still, 5)                             // 620: a gap
	play(loud, 5)                              // 720
	play(nil, 30)                              // 820: no packets at all
	if !e.silent(now, 500*time.Millisecond) || // last loud at 800
		e.silent(now, 900*time.Millisecond) || e.speaking {
		t.Error("silence after the prompt")
	}
	if !slices.Equal(began, []int{440}) || !slices.Equal(ended, []int{1000}) || e.began.UnixMilli() != 420 {
		t.Errorf("began %v (%d), ended %v", began, e.began.UnixMilli(), ended)
	}
	e.forget()
	if e.heard || e.silent(now, 0) {
		t.Error("something is heard after forget")
	}
	play(loud, 5)
	e.forget()
	if !e.heard {
		t.Error("a prompt that goes on is not heard")
	}
	e.forgetCut(now)
	play(loud, 10) // the rest of it
	play(still, 15)
	play(loud, 5) // its next sentence
	if e.heard {
		t.Error("the rest of a cut prompt is taken for the answer")
	}
	play(still, 25)
	play(loud, 5)
	if !e.heard {
		t.Error("the answer is not heard")
	}
}

func TestRecordingKeepsTime(t *testing.T) {
	var r recording
	frame := func(v int16) []int16 {
		pcm := make([]int16, frameSamples)
		for i := range pcm {
			pcm[i] = v
		}
		return pcm
	}
	send := func(n int) {
		for range n {
			r.sent(frame(1))
		}
	}
	send(5)
	stamp := uint32(0xffffff00) // wraps
	r.heard(stamp, frame(10))
	r.heard(stamp+320, frame(12)) // one lost, and two in a bunch
	send(3)
	r.heard(stamp+480, frame(13))
	r.heard(stamp+160, frame(11)) // too late
	send(50)
	r.heard(7, frame(20)) // another talk spurt, with a clock of its own
	send(10)
	r.skipped(1600)
	r.heard(7+20*160+160, frame(21)) // its clock went on
	w := r.stereo()
	if w.Channels != 2 || w.Rate != 8000 || len(w.Samples) != 2*len(r.right) || len(r.right) <= len(r.left) {
		t.Fatalf("%d channels, %d samples for %d and %d", w.Channels, len(w.Samples), len(r.left), len(r.right))
	}
	at := func(frame int) (left, right int16) {
		i := 2 * frame * frameSamples
		return w.Samples[i], w.Samples[i+1]
	}
	for n, want := range map[int]int16{4: 0, 5: 10, 6: 0, 7: 12, 8: 13, 9: 0, 57: 0, 58: 20, 59: 0} {
		if _, right := at(n); right != want {
			t.Errorf("right at frame %d: %d, want %d", n, right, want)
		}
	}
	if right := r.right[(58+21)*frameSamples]; right != 21 {
		t.Errorf("after the pause: %d", right)
	}
	if left, _ := at(68); left != 0 {
		t.Errorf("left in skipped time: %d", left)
	}
	path := filepath.Join(t.TempDir(), "x.wav")
	if err := r.write(path); err != nil {
		t.Error(err)
	}
	if err := r.write(filepath.Join(path, "y.wav")); err == nil {
		t.Error("written into a file")
	}
}
