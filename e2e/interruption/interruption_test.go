package interruption

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/e2e/noise"
	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/workers/tts"
)

func TestFlow(t *testing.T) {
	dir := t.TempDir()
	if err := WriteFlow(dir); err != nil {
		t.Fatal(err)
	}
	flow, err := dialog.LoadFlow(os.DirFS(dir), ".")
	if err != nil {
		t.Fatal(err)
	}
	state := dialog.Begin(flow, dialog.Start{CallID: "c"})
	_, acts := flow.Advance(state, time.Now(), dialog.Started{})
	var said []dialog.Prompt
	for _, a := range acts {
		if s, ok := a.(dialog.Say); ok {
			said = append(said, s.Prompt)
		}
	}
	if len(said) != 2 || said[0].Text != "您好。" || said[1].Text != strings.Join(Sentences, "") || !said[1].Interruptible {
		t.Errorf("said %+v", said)
	}
}

func TestSounds(t *testing.T) {
	e, err := tts.NewEngine(tts.Config{Engine: tts.EngineTone})
	if err != nil {
		t.Fatal(err)
	}
	mine := Sound{Name: "mine", Kind: People, Words: "我要退货", PCM: audio.Tone(300, time.Second, noise.Rate, 0.3)}
	all, err := Sounds(t.Context(), Voice{Engine: e, Names: []string{""}}, []Sound{mine})
	if err != nil {
		t.Fatal(err)
	}
	kinds, names := map[Kind]int{}, map[string]bool{}
	for _, s := range all {
		kinds[s.Kind]++
		if names[s.Name] {
			t.Errorf("%s twice", s.Name)
		}
		names[s.Name] = true
		if d := audio.Duration(len(s.PCM), noise.Rate); d < 100*time.Millisecond || d > 6*time.Second || audio.DBFS(s.PCM) < -50 {
			t.Errorf("%s lasts %s at %.0f dBFS", s.Name, d, audio.DBFS(s.PCM))
		}
		if s.Interrupts() != (s.Kind == TalkOver || s.Kind == People) || (s.Words == "") != (s.Kind == Cough || s.Kind == Background) {
			t.Errorf("label of %s: %q", s.Name, s.Words)
		}
	}
	for _, k := range Kinds {
		if kinds[k] < 3 && k != People {
			t.Errorf("%d of kind %s", kinds[k], k)
		}
	}
}

func TestLastSound(t *testing.T) {
	const rate = 8000
	speech := func(d time.Duration) []int16 { return audio.Tone(400, d, rate, 0.2) }
	quiet := func(d time.Duration) []int16 { return audio.Silence(d, rate) }
	join := func(all ...[]int16) (out []int16) {
		for _, p := range all {
			out = append(out, p...)
		}
		return out
	}
	for name, tc := range map[string]struct {
		pcm  []int16
		at   time.Duration
		want time.Duration
	}{
		"stops":             {join(speech(2*time.Second), quiet(time.Second)), time.Second, time.Second},
		"after a pause":     {join(speech(time.Second), quiet(300*time.Millisecond), speech(time.Second), quiet(time.Second)), 500 * time.Millisecond, 1800 * time.Millisecond},
		"goes on later":     {join(speech(time.Second), quiet(600*time.Millisecond), speech(time.Second)), 200 * time.Millisecond, 800 * time.Millisecond},
		"silent already":    {quiet(2 * time.Second), time.Second, 0},
		"after the end":     {speech(time.Second), 3 * time.Second, 0},
		"never falls quiet": {speech(2 * time.Second), time.Second, time.Second},
	} {
		if got := lastSound(tc.pcm, rate, tc.at); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}
