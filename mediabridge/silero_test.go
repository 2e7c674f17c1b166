package mediabridge

import (
	"os"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechdata"
)

// sileroVoice is a detector with the model, or the test is skipped.
func sileroVoice(t testing.TB, rate int) *voice {
	t.Helper()
	if !sherpa.Available {
		t.Skip("built without cgo: no Silero VAD")
	}
	cfg := Defaults().VAD
	cfg.Model = speechdata.Path(t, "vad", "silero_vad.onnx")
	m, err := newModels(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	model, err := m.get()
	if err != nil {
		t.Fatal(err)
	}
	v := newVoice(cfg, rate)
	v.use(model)
	t.Cleanup(func() { m.put(v.release()); m.close() })
	return &v
}

// longest is the longest run of speech in a sound, and how much of all of it
// is speech.
func longest(v *voice, pcm []int16, rate int) (runMS, speechMS int) {
	for _, f := range frames(pcm, rate/50) {
		a := v.frame(f, false)
		runMS = max(runMS, a.runMS)
		if a.loud {
			speechMS += frameMS
		}
	}
	return runMS, speechMS
}

func recording(t testing.TB, rate int, elem ...string) []int16 {
	t.Helper()
	f, err := os.Open(speechdata.Path(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	wav, err := audio.ReadWAV(f)
	if err != nil {
		t.Fatal(err)
	}
	return audio.Resample(wav.Mono(), wav.Rate, rate)
}

func TestModelHearsPeopleAndNotNoise(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		v := sileroVoice(t, rate)
		people := recording(t, rate, "returns-human", "r03.wav")
		if run, _ := longest(v, people, rate); run < 1000 {
			t.Errorf("%d Hz: longest run of a sentence is %d ms", rate, run)
		}
		longest(v, audio.Silence(time.Second, rate), rate)
		if v.state.runMS != 0 || v.state.quietMS < 800 {
			t.Errorf("%d Hz: after a second of silence %+v", rate, v.state)
		}
	}
	v := sileroVoice(t, 8000)
	e := newVAD(Defaults().VAD)
	street := noise(4*time.Second, 0.3)
	energyMS := 0
	for _, f := range frames(street, 160) {
		if e.frame(f, false).loud {
			energyMS += frameMS
		}
	}
	if _, speech := longest(v, street, 8000); speech > 200 || energyMS < 2000 {
		t.Errorf("loud noise of 4 s: %d ms speech by the model, %d ms by energy", speech, energyMS)
	}
}

// A speech longer than the model keeps stays one speech.
func TestModelStartsAfreshWithoutAGap(t *testing.T) {
	v := sileroVoice(t, 8000)
	one := recording(t, 8000, "recordings", "funasr_asr_example.wav")
	var long []int16
	for len(long) < 8000*25 {
		long = append(long, one...)
	}
	_, speech := longest(v, long, 8000)
	if total := len(long) / 8; speech < total*7/10 {
		t.Errorf("%d ms of %d are speech", speech, total)
	}
}

func TestModelFrameAllocatesNothing(t *testing.T) {
	v := sileroVoice(t, 8000)
	f := audio.Tone(300, frameTime, 8000, 0.3)
	if n := testing.AllocsPerRun(200, func() { v.frame(f, false) }); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func TestVADEngineMustBeThere(t *testing.T) {
	cfg := Defaults().VAD
	cfg.Engine = VADSilero
	cfg.Model = t.TempDir() + "/none.onnx"
	if _, err := newModels(cfg, nil); err == nil {
		t.Error("a missing model was taken")
	}
	cfg.Engine, cfg.Model = VADAuto, ""
	if m, err := newModels(cfg, nil); m != nil || err != nil {
		t.Errorf("auto without a model: %v, %v", m, err)
	}
	cfg.Engine = VADEnergy
	if m, err := newModels(cfg, nil); m != nil || err != nil {
		t.Errorf("energy: %v, %v", m, err)
	}
}

func BenchmarkSileroFrame(b *testing.B) {
	for name, pcm := range map[string][]int16{
		"speech":  recording(b, 8000, "recordings", "funasr_asr_example.wav"),
		"silence": audio.Silence(5*time.Second, 8000),
	} {
		b.Run(name, func(b *testing.B) {
			v := sileroVoice(b, 8000)
			all := frames(pcm, 160)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				v.frame(all[i%len(all)], false)
				i++
			}
		})
	}
}
