package tts

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
)

// pieces cuts at random places.
func pieces[T any](r *rand.Rand, s []T) (out [][]T) {
	for len(s) > 0 {
		n := min(1+r.IntN(700), len(s))
		out = append(out, s[:n])
		s = s[n:]
	}
	return out
}

// What comes in pieces is shortened as the whole would be.
func TestTrimmer(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		var pcm []int16
		for range r.IntN(6) {
			pcm = append(pcm, make([]int16, r.IntN(9000))...)
			if r.IntN(3) > 0 {
				pcm = append(pcm, audio.Tone(300, time.Duration(r.IntN(200))*time.Millisecond, 24000, 0.2)...)
			}
		}
		want := trimSilence(slices.Clone(pcm), 24000)
		tr := trimmer{lead: audio.Samples(leadSilence, 24000), tail: audio.Samples(tailSilence, 24000)}
		var got []int16
		for _, p := range pieces(r, pcm) {
			got = append(got, tr.process(p)...)
		}
		if got = append(got, tr.flush()...); !slices.Equal(got, want) {
			t.Fatalf("seed %d: %d samples, want %d", seed, len(got), len(want))
		}
	}
}

func TestMeterMeasuresAsTheWholeIs(t *testing.T) {
	pcm := slices.Concat(audio.Tone(300, 300*time.Millisecond, 8000, 0.05), audio.Silence(400*time.Millisecond, 8000), audio.Tone(500, 200*time.Millisecond, 8000, 0.3))
	want, _ := activeLevel(pcm, 8000)
	m := newMeter(8000)
	for _, p := range pieces(rand.New(rand.NewPCG(1, 1)), pcm) {
		m.add(p)
	}
	if got, ok := m.level(); !ok || math.Abs(got-want) > 1e-9 {
		t.Errorf("level %.3f, want %.3f", got, want)
	}
	if _, ok := new(meter).level(); ok {
		t.Error("a level of nothing")
	}
}

func TestSoftLimit(t *testing.T) {
	last := -1.0
	for x := -8.0; x <= 8; x += 0.01 {
		y := softLimit(x)
		if y < last || math.Abs(y) > speechPeak || math.Abs(x) <= 0.6 && y != x {
			t.Fatalf("softLimit(%.2f) = %.4f after %.4f", x, y, last)
		}
		last = y
	}
}

// bring pushes sound through in pieces of odd lengths.
func bring(t *testing.T, l *levels, pcm []int16, rate, out int) []int16 {
	t.Helper()
	var got []int16
	in := newIncoming(t.Context(), rate, out, func(p []int16) error {
		got = append(got, p...)
		return nil
	})
	in.levels, in.voice = l, "v"
	for _, b := range pieces(rand.New(rand.NewPCG(3, 3)), audio.AppendL16(nil, pcm)) {
		if err := in.write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := in.close(); err != nil {
		t.Fatal(err)
	}
	if in.given != len(got) {
		t.Errorf("says %d samples of %d", in.given, len(got))
	}
	return got
}

// However it is cut, sound is resampled without a click and amplified by one
// gain: it is the whole, resampled, times a number.
func TestIncomingHasNoSeams(t *testing.T) {
	for _, out := range []int{8000, 16000} {
		for _, rate := range []int{24000, 22050} {
			tone := audio.Tone(400, time.Second, rate, 0.3)
			want := audio.Resample(trimSilence(slices.Clone(tone), rate), rate, out)
			got := bring(t, newLevels(), tone, rate, out)
			if len(got) != len(want) {
				t.Fatalf("%d to %d Hz: %d samples, want %d", rate, out, len(got), len(want))
			}
			gain := audio.RMS(got) / audio.RMS(want)
			for i := range got {
				if d := float64(got[i]) - gain*float64(want[i]); math.Abs(d) > 2 {
					t.Fatalf("%d to %d Hz: sample %d is %d, want %.1f", rate, out, i, got[i], gain*float64(want[i]))
				}
			}
		}
	}
}

func TestIncomingLoudness(t *testing.T) {
	for _, amplitude := range []float64{0.02, 0.05, 0.4, 0.9} {
		l := newLevels()
		sentence := slices.Concat(audio.Tone(300, 700*time.Millisecond, 24000, amplitude), audio.Silence(300*time.Millisecond, 24000), audio.Tone(500, 700*time.Millisecond, 24000, amplitude/2))
		for n := range 4 {
			got := bring(t, l, sentence, 24000, 8000)
			level, _ := activeLevel(got, 8000)
			if off := math.Abs(level - speechLevel); off > 3 || n > 0 && off > 1 {
				t.Errorf("amplitude %.2f, sentence %d: %.1f dBFS", amplitude, n, level)
			}
			loud, soft := audio.RMS(got[800:5000]), audio.RMS(got[8400:13000])
			if ratio := loud / soft; math.Abs(ratio-2) > 0.1 {
				t.Errorf("amplitude %.2f, sentence %d: the parts have the ratio %.2f, not 2", amplitude, n, ratio)
			}
			if peakOf(got) > speechPeak {
				t.Errorf("amplitude %.2f: peak %.2f", amplitude, peakOf(got))
			}
		}
	}
}

func TestIncomingIsGivenEarly(t *testing.T) {
	l := newLevels()
	first := func() (took time.Duration) {
		given := false
		in := newIncoming(t.Context(), 24000, 8000, func([]int16) error { given = true; return nil })
		in.levels, in.voice = l, "v"
		for b := audio.AppendL16(nil, audio.Tone(300, time.Second, 24000, 0.2)); !given && len(b) > 0; b = b[480:] { // 10 ms
			if err := in.write(b[:480]); err != nil {
				t.Fatal(err)
			}
			took += 10 * time.Millisecond
		}
		if err := in.close(); err != nil {
			t.Fatal(err)
		}
		return took
	}
	if took := first(); took > 320*time.Millisecond {
		t.Errorf("an unknown voice is given after %s of sound", took)
	}
	if took := first(); took > 40*time.Millisecond {
		t.Errorf("a known voice is given after %s of sound", took)
	}
}

func TestIncomingIsBounded(t *testing.T) {
	in := newIncoming(t.Context(), 24000, 8000, func([]int16) error { return nil })
	in.levels = newLevels()
	silence := make([]byte, 48000)
	var err error
	n := 0
	for ; err == nil && n < 1000; n++ {
		err = in.write(silence)
	}
	if err == nil || time.Duration(n)*time.Second > maxSentenceSound+2*time.Second {
		t.Errorf("%d s of sound: %v", n, err)
	}
}

// BenchmarkIncoming is one second of a server's sound: decoded, shortened,
// resampled and levelled.
func BenchmarkIncoming(b *testing.B) {
	l16 := audio.AppendL16(nil, audio.Tone(400, time.Second, 24000, 0.3))
	l := newLevels()
	b.ReportAllocs()
	for b.Loop() {
		in := newIncoming(b.Context(), 24000, 8000, func([]int16) error { return nil })
		in.levels, in.voice = l, "v"
		for p := l16; len(p) > 0; p = p[min(4096, len(p)):] {
			if err := in.write(p[:min(4096, len(p))]); err != nil {
				b.Fatal(err)
			}
		}
		if err := in.close(); err != nil {
			b.Fatal(err)
		}
	}
}
