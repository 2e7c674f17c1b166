package audio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"
	"time"
)

func TestG711RoundTrip(t *testing.T) {
	for name, c := range map[string]struct {
		enc func([]byte, []int16) []byte
		dec func([]int16, []byte) []int16
	}{"A-law": {EncodeALaw, DecodeALaw}, "µ-law": {EncodeULaw, DecodeULaw}} {
		t.Run(name, func(t *testing.T) {
			pcm := Tone(440, 100*time.Millisecond, 8000, 0.5)
			got := c.dec(nil, c.enc(nil, pcm))
			if len(got) != len(pcm) {
				t.Fatalf("%d samples, want %d", len(got), len(pcm))
			}
			for i := range pcm {
				if d := math.Abs(float64(got[i]) - float64(pcm[i])); d > 40+0.04*math.Abs(float64(pcm[i])) {
					t.Fatalf("sample %d: %d became %d", i, pcm[i], got[i])
				}
			}
		})
	}
}

func TestG711KnownBytes(t *testing.T) {
	if got := EncodeALaw(nil, []int16{0}); !bytes.Equal(got, []byte{0xD5}) {
		t.Errorf("A-law silence %x, want d5 (G.711 table 1a with even bits inverted)", got)
	}
	if got := EncodeULaw(nil, []int16{0}); !bytes.Equal(got, []byte{0xFF}) {
		t.Errorf("µ-law silence %x, want ff", got)
	}
}

func TestL16(t *testing.T) {
	pcm := []int16{0, 1, -1, math.MaxInt16, math.MinInt16}
	b := AppendL16(nil, pcm)
	if want := []byte{0, 0, 1, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0x80}; !bytes.Equal(b, want) {
		t.Fatalf("% x, want % x", b, want)
	}
	if got := DecodeL16(nil, append(b, 9)); !slices.Equal(got, pcm) {
		t.Fatalf("%v, want %v and the odd byte ignored", got, pcm)
	}
}

func TestResampleKeepsTone(t *testing.T) {
	for _, c := range []struct{ from, to int }{{8000, 16000}, {16000, 8000}, {22050, 8000}, {8000, 8000}, {44100, 8000}, {8000, 48000}} {
		in := Tone(1000, time.Second, c.from, 0.5)
		out := Resample(in, c.from, c.to)
		if d := len(out) - c.to; d < -1 || d > 1 {
			t.Errorf("%d to %d Hz: %d samples for one second", c.from, c.to, len(out))
		}
		mid := out[c.to/10 : c.to*9/10]
		if p := Power(mid, 1000, c.to); math.Abs(p-0.25) > 0.01 {
			t.Errorf("%d to %d Hz: power %.3f of the tone, want 0.25", c.from, c.to, p)
		}
	}
}

func TestResampleIsBandLimited(t *testing.T) {
	out := Resample(Tone(6000, time.Second, 22050, 0.9), 22050, 8000)
	if l := DBFS(out[800 : len(out)-800]); l > -60 {
		t.Errorf("a tone above half the new rate is left with %.1f dBFS", l)
	}
}

func TestResamplerStreamEqualsWhole(t *testing.T) {
	in := Tone(700, 500*time.Millisecond, 22050, 0.5)
	whole := Resample(in, 22050, 8000)
	r := NewResampler(22050, 8000)
	var got []int16
	for size := 1; len(in) > 0; size = size*3%997 + 1 {
		n := min(size, len(in))
		got = r.Process(got, in[:n])
		in = in[n:]
	}
	if got = r.Flush(got); !slices.Equal(got, whole) {
		t.Fatalf("stream of %d samples differs from the whole of %d", len(got), len(whole))
	}
}

func TestLevels(t *testing.T) {
	if l := DBFS(Tone(1000, time.Second, 8000, 1)); math.Abs(l+3.01) > 0.05 {
		t.Errorf("full-scale sine has %.2f dBFS, want -3.01", l)
	}
	if DBFS(nil) != FloorDBFS || DBFS(make([]int16, 10)) != FloorDBFS {
		t.Error("silence is not at the floor")
	}
	pcm := Tone(1000, time.Second, 8000, 0.5)
	if p := Power(pcm, 1000, 8000); math.Abs(p-0.25) > 0.001 {
		t.Errorf("power %.4f, want 0.25", p)
	}
	if p := Power(pcm, 1300, 8000); p > 1e-4 {
		t.Errorf("power %.6f at another frequency", p)
	}
	if peak := Peak(Spectrum(pcm, 8000)); math.Abs(peak.Hz-1000) > 1 || math.Abs(peak.Power-0.25) > 0.01 {
		t.Errorf("peak %+v, want 1000 Hz with 0.25", peak)
	}
}

func TestDTMFTone(t *testing.T) {
	pcm := DTMFTone('5', 100*time.Millisecond, 8000)
	if Power(pcm, 770, 8000) < 0.1 || Power(pcm, 1336, 8000) < 0.1 || Power(pcm, 941, 8000) > 0.01 {
		t.Error("5 is not 770 and 1336 Hz")
	}
	if DTMFTone('x', time.Second, 8000) != nil {
		t.Error("a tone for a key that does not exist")
	}
}

func TestWAVRoundTrip(t *testing.T) {
	want := WAV{Rate: 8000, Channels: 2, Samples: []int16{1, -2, 3, -4}}
	var b bytes.Buffer
	if err := WriteWAV(&b, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadWAV(&b)
	if err != nil || got.Rate != want.Rate || got.Channels != 2 || !slices.Equal(got.Samples, want.Samples) {
		t.Fatalf("%+v, %v", got, err)
	}
	if m := got.Mono(); !slices.Equal(m, []int16{0, 0}) {
		t.Errorf("mono %v", m)
	}
}

func TestWAVFromPipe(t *testing.T) {
	var b bytes.Buffer
	if err := WriteWAV(&b, WAV{Rate: 22050, Channels: 1, Samples: []int16{7, 8}}); err != nil {
		t.Fatal(err)
	}
	raw := b.Bytes()
	for _, size := range []uint32{0, 0xFFFFFFFF, 0x7FFFF024} { // the last is what espeak-ng writes
		binary.LittleEndian.PutUint32(raw[40:], size)
		got, err := ReadWAV(bytes.NewReader(raw))
		if err != nil || !slices.Equal(got.Samples, []int16{7, 8}) {
			t.Errorf("size %#x: %v, %v", size, got.Samples, err)
		}
	}
}

func TestWAVRefused(t *testing.T) {
	var b bytes.Buffer
	_ = WriteWAV(&b, WAV{Rate: 8000, Channels: 1, Samples: []int16{1}})
	good := b.Bytes()
	change := func(at int, v byte) []byte { c := slices.Clone(good); c[at] = v; return c }
	for name, c := range map[string]struct {
		in   []byte
		want error
	}{
		"empty":     {nil, ErrNotWAV},
		"not RIFF":  {change(0, 'X'), ErrNotWAV},
		"truncated": {good[:30], ErrNotWAV},
		"24 bits":   {change(34, 24), ErrWAVUnsupported},
		"ADPCM":     {change(20, 2), ErrWAVUnsupported},
		"huge":      {change(43, 0x70), ErrWAVTooLarge},
	} {
		if _, err := ReadWAV(bytes.NewReader(c.in)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func FuzzReadWAV(f *testing.F) {
	var b bytes.Buffer
	_ = WriteWAV(&b, WAV{Rate: 8000, Channels: 1, Samples: []int16{1, 2, 3}})
	f.Add(b.Bytes())
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEdata"))
	f.Fuzz(func(t *testing.T, in []byte) {
		w, err := ReadWAV(bytes.NewReader(in))
		if err == nil && (w.Channels < 1 || w.Rate < 1 || len(w.Samples)%w.Channels != 0) {
			t.Fatalf("accepted %d channels at %d Hz with %d samples", w.Channels, w.Rate, len(w.Samples))
		}
	})
}

func BenchmarkResample16to8(b *testing.B) {
	r, in, out := NewResampler(16000, 8000), make([]int16, 320), make([]int16, 0, 400)
	b.ReportAllocs()
	for b.Loop() {
		out = r.Process(out[:0], in)
	}
}
