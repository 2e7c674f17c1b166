//go:build cgo

package sherpa

import (
	"math"
	"os"
	"testing"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/speechdata"
)

func sileroConfig(t testing.TB) VADConfig {
	return VADConfig{Model: speechdata.Path(t, "vad", "silero_vad.onnx"), Threshold: 0.5, MinSilence: 60e6, MinSpeech: 32e6}
}

func floats(pcm []int16) []float32 {
	out := make([]float32, len(pcm))
	for i, s := range pcm {
		out[i] = float32(s) / 32768
	}
	return out
}

func TestVADFindsSpeechAndNotNoise(t *testing.T) {
	v, err := NewVAD(sileroConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	speech := func(pcm []int16) (frames, speech int) {
		v.Reset()
		in := floats(pcm)
		for ; len(in) >= 320; in = in[320:] {
			frames++
			if v.Accept(in[:320]) {
				speech++
			}
		}
		return frames, speech
	}
	f, err := os.Open(speechdata.Path(t, "recordings", "funasr_sample.wav"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	wav, err := audio.ReadWAV(f)
	if err != nil {
		t.Fatal(err)
	}
	if n, s := speech(audio.Resample(wav.Mono(), wav.Rate, 16000)); s < n/2 {
		t.Errorf("a recording of speech: %d of %d frames", s, n)
	}
	noise := make([]int16, 16000*4)
	x := uint32(1)
	for i := range noise {
		x = x*1664525 + 1013904223
		noise[i] = int16(int32(x) >> 18)
	}
	if n, s := speech(noise); s > n/20 {
		t.Errorf("white noise: %d of %d frames are speech", s, n)
	}
	tone := make([]int16, 16000*4)
	for i := range tone {
		tone[i] = int16(8000 * math.Sin(2*math.Pi*440*float64(i)/16000))
	}
	if n, s := speech(tone); s > n/10 {
		t.Errorf("a tone: %d of %d frames are speech", s, n)
	}
}

func TestVADWithoutModel(t *testing.T) {
	if _, err := NewVAD(VADConfig{Model: t.TempDir() + "/none.onnx"}); err == nil {
		t.Error("a missing file was taken")
	}
}

func BenchmarkVAD(b *testing.B) {
	v, err := NewVAD(sileroConfig(b))
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	in := floats(make([]int16, 320))
	b.ReportAllocs()
	for b.Loop() {
		v.Accept(in)
	}
}

func BenchmarkNewVAD(b *testing.B) {
	c := sileroConfig(b)
	for b.Loop() {
		v, err := NewVAD(c)
		if err != nil {
			b.Fatal(err)
		}
		v.Close()
	}
}
