package asr_test

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/funasr/funasrtest"
	"github.com/tidegate/tidegate/workers/asr"
)

// BenchmarkFunASRConnect is what a connection for each utterance would cost
// on top of it, but for the way there and back, three times with TLS.
func BenchmarkFunASRConnect(b *testing.B) {
	for name, tls := range map[string]bool{"ws": false, "wss": true} {
		b.Run(name, func(b *testing.B) {
			s := funasrtest.Start(b, funasrtest.Config{TLS: tls})
			e := funasrEngine(b, nil, func(c *asr.FunASRConfig) {
				if tls {
					c.CAFile, c.ServerName = filepath.Join(b.TempDir(), "ca.pem"), "example.com"
					must(b, os.WriteFile(c.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
				}
			}, s.URL())
			b.ReportAllocs()
			for b.Loop() {
				st, err := e.Start(b.Context(), asr.Options{SampleRate: 8000})
				must(b, err)
				must(b, st.Close())
			}
		})
	}
}

// benchFrames feeds frames of 20 ms at 8 kHz, in utterances of two seconds,
// each up to its final: the cost of a frame all the way to the loopback
// server, resampling and server included.
func benchFrames(b *testing.B, e asr.Engine) {
	st := begin(b, e, asr.Options{})
	frame := make([]int16, 160)
	for i := range frame {
		frame[i] = int16(i * 50)
	}
	b.ReportAllocs()
	n, in := 0, 0
	for b.Loop() {
		if in == 0 {
			n++
			must(b, st.SpeechStart(n))
		}
		must(b, st.Audio(frame))
		if in++; in == 100 {
			must(b, st.SpeechEnd(n))
			await(b, st, n)
			in = 0
		}
	}
}

func BenchmarkFunASRFrame(b *testing.B) {
	s := funasrtest.Start(b, funasrtest.Config{})
	benchFrames(b, funasrEngine(b, nil, nil, s.URL()))
}

// BenchmarkFallbackFrame is what a chain adds to an engine that costs
// nothing.
func BenchmarkFallbackFrame(b *testing.B) {
	b.Run("alone", func(b *testing.B) { benchFrames(b, scripted(b, asr.ScriptedConfig{Confidence: 1}, nil, "退货")) })
	b.Run("chain", func(b *testing.B) {
		one, two := scripted(b, asr.ScriptedConfig{Confidence: 1}, nil, "退货"), scripted(b, asr.ScriptedConfig{Confidence: 1}, nil, "退货")
		benchFrames(b, chain(b, chainConfig, prometheus.NewRegistry(), one, two))
	})
}
