package speech

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/e2e/transcript"
	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/zhtext"
)

func TestUtterances(t *testing.T) {
	const rate = 8000
	tone := func(d time.Duration) []int16 { return audio.Tone(400, d, rate, 0.3) }
	quiet := func(d time.Duration) []int16 { return audio.Silence(d, rate) }
	pcm := quiet(time.Second)
	for _, p := range [][]int16{
		tone(time.Second), quiet(200 * time.Millisecond), tone(time.Second), quiet(time.Second),
		tone(40 * time.Millisecond), quiet(time.Second), tone(500 * time.Millisecond),
	} {
		pcm = append(pcm, p...)
	}
	var got []string
	for _, u := range utterances(pcm, rate) {
		got = append(got, audio.Duration(len(u), rate).String())
	}
	if want := "[2.6s 700ms]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// What the built-in recogniser makes of the agent's voice, which it was not
// made for: about one syllable of five is another. A sentence that is missing
// is a multiple of that.
const (
	heardRate = 0.4  // of all characters
	heardFar  = 0.45 // distance of the sounds of any one sentence
)

// TestEverythingSaidIsHeard listens to a whole call's recording: every
// sentence that the record has is heard, in the order of the record, and
// nothing twice.
func TestEverythingSaidIsHeard(t *testing.T) {
	t.Parallel()
	p := start(t, "--orchestrator.rate=1.2")
	all, err := Phrasings()
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, p)
	o.Scenario = all[0].Scenario(voices[0], "4008")
	o.RecordPath = filepath.Join(t.TempDir(), "call.wav")
	res, err := caller.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	pcm, rate, err := Agent(res.Recording)
	if err != nil {
		t.Fatal(err)
	}
	heard, err := Listen(t.Context(), o.Ears, pcm, rate)
	if err != nil {
		t.Fatal(err)
	}
	checkHeard(t, res, heard)
}

// checkHeard compares what was heard with what a call's record says was said.
func checkHeard(t *testing.T, res caller.Result, heard string) {
	t.Helper()
	if res.Record == nil {
		t.Fatal("no record")
	}
	said := ""
	for _, turn := range res.Record.Turns {
		if turn.Role == "agent" {
			said += turn.Text
		}
	}
	var errors zhtext.Errors
	errors.Add(said, heard)
	t.Logf("said  %s\nheard %s\n%.0f %% of the characters differ", said, heard, 100*errors.Rate())
	if errors.Rate() > heardRate {
		t.Errorf("%.0f %% of the characters differ", 100*errors.Rate())
	}
	sounds := transcript.Syllables(heard)
	for _, sentence := range strings.FieldsFunc(said, func(r rune) bool { return strings.ContainsRune("。？！", r) }) {
		place := transcript.Find(sounds, sentence)
		if place.Distance > heardFar {
			t.Errorf("%q is not heard where it was said (distance %.2f)", sentence, place.Distance)
			continue
		}
		sounds = sounds[place.End:]
	}
	if rest := len(sounds); rest > 4 {
		t.Errorf("%d syllables are heard after everything that was said", rest)
	}
}
