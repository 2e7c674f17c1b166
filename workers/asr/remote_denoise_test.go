//go:build cgo

package asr_test

import (
	"math/rand/v2"
	"testing"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/funasr/funasrtest"
	"github.com/tidegate/tidegate/internal/speechdata"
	"github.com/tidegate/tidegate/workers/asr"
)

// What servers get has less noise in it, where that is asked for.
func TestRemoteEnginesAreDenoised(t *testing.T) {
	model := speechdata.Denoiser(t)
	noise := make([]int16, 16000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = int16(r.NormFloat64() * 1000)
	}
	s := funasrtest.Start(t, funasrtest.Config{})
	cfg := asr.Defaults()
	cfg.Engine, cfg.Denoise.Mode, cfg.Denoise.Model = asr.EngineFunASR, asr.DenoiseAlways, model
	cfg.FunASR.URLs, cfg.FunASR.ConnectTimeout, cfg.FunASR.FinalTimeout = []string{s.URL()}, patience, patience
	e, err := asr.NewEngine(cfg, asr.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	st := begin(t, e, asr.Options{})
	play(t, st, 1, noise)
	ev, _ := await(t, st, 1)
	wantFinal(t, ev, "我要退货")
	got := audio.DecodeL16(nil, s.Utterances()[0].Sound)
	if d := audio.Duration(len(got), 16000) - audio.Duration(len(noise), 8000); d < 0 || d > 200e6 {
		t.Errorf("%s more sound than was said", d)
	}
	if before, after := audio.DBFS(noise), audio.DBFS(got); before-after < 6 {
		t.Errorf("noise of %.1f dBFS comes as %.1f dBFS", before, after)
	}
	if _, ok := st.(interface{ Doomed() <-chan int }); !ok {
		t.Error("a denoised stream does not tell of doomed utterances")
	}
}
