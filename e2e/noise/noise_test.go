package noise

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
)

// share is the part of a sound's power between two frequencies.
func share(pcm []int16, low, high float64) float64 {
	in, all := 0.0, 0.0
	for _, b := range audio.Spectrum(pcm, Rate) {
		all += b.Power
		if b.Hz >= low && b.Hz < high {
			in += b.Power
		}
	}
	return in / all
}

func TestPlacesSoundAsTheyDo(t *testing.T) {
	for kind, want := range map[Kind]struct {
		low, high, least, most float64 // share of the power in a band
	}{
		Car: {0, 250, 0.7, 1}, Street: {250, 1500, 0.4, 0.98}, Cafe: {300, 2500, 0.6, 1},
	} {
		x, err := Make(kind, 4*time.Second, 1)
		if err != nil || len(x) != 4*Rate {
			t.Fatalf("%s: %d samples, %v", kind, len(x), err)
		}
		pcm := Sound(x, -30)
		if got := audio.DBFS(pcm); math.Abs(got+30) > 0.5 {
			t.Errorf("%s: %.1f dBFS", kind, got)
		}
		if got := share(pcm, want.low, want.high); got < want.least || got > want.most {
			t.Errorf("%s: %.2f of its power is from %.0f to %.0f Hz", kind, got, want.low, want.high)
		}
		again, _ := Make(kind, 4*time.Second, 1)
		other, _ := Make(kind, 4*time.Second, 2)
		if !slices.Equal(x, again) || slices.Equal(x, other) {
			t.Errorf("%s: the seed does not make the noise", kind)
		}
	}
	if _, err := Make("moon", time.Second, 1); err == nil {
		t.Error("there is noise on the moon")
	}
}

func TestMixKeepsTheRatio(t *testing.T) {
	speech := append(audio.Tone(800, time.Second, Rate, 0.25), audio.Silence(2*time.Second, Rate)...)
	for _, kind := range Kinds {
		x, _ := Make(kind, 5*time.Second, 3)
		for _, snr := range []float64{5, 10} {
			mixed := Mix(speech, x, snr)
			noise := make([]int16, len(mixed))
			for i := range mixed {
				noise[i] = mixed[i] - speech[i]
			}
			if got := audio.DBFS(speech[:Rate]) - audio.DBFS(noise); math.Abs(got-snr) > 1.5 {
				t.Errorf("%s at %g dB: %.1f dB", kind, snr, got)
			}
			if low := share(noise, 0, 150); low > 0.2 {
				t.Errorf("%s: %.2f of the noise is under the telephone's band", kind, low)
			}
		}
	}
	if got := Mix(speech, nil, 5); !slices.Equal(got, speech) {
		t.Error("no noise changes speech")
	}
}

func TestTelephone(t *testing.T) {
	pcm := audio.Tone(1000, 200*time.Millisecond, Rate, 0.5)
	got := Telephone(pcm)
	if len(got) != len(pcm) || slices.Equal(got, pcm) || math.Abs(audio.DBFS(got)-audio.DBFS(pcm)) > 0.2 {
		t.Errorf("%d samples at %.1f dBFS of %d at %.1f", len(got), audio.DBFS(got), len(pcm), audio.DBFS(pcm))
	}
}

func TestCough(t *testing.T) {
	lengths := map[int]bool{}
	for seed := range uint64(12) {
		pcm := Sound(Cough(seed), -20)
		d := audio.Duration(len(pcm), Rate)
		if d < 140*time.Millisecond || d > 1700*time.Millisecond {
			t.Errorf("cough %d lasts %s", seed, d)
		}
		if got := share(pcm, 300, 3400); got < 0.7 {
			t.Errorf("cough %d: %.2f of its power is in a telephone's band", seed, got)
		}
		lengths[len(pcm)] = true
	}
	if len(lengths) < 10 {
		t.Error("the coughs are the same")
	}
}
