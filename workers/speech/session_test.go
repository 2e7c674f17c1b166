package speech_test

import (
	"testing"

	"github.com/tidegate/tidegate/workers/speech"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"type":"start","call_id":"c","sample_rate":8000,"language":"zh-CN"}`))
	f.Add([]byte(`{"type":"final","utterance":1,"text":"我要退货","confidence":0.9}`))
	f.Add([]byte(`{"type":"synthesize","id":"u1","text":"您好","rate":1e999}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := speech.Parse(b)
		if err == nil && (m.Type == "" || m.Utterance < 0 || m.Rate < 0 || m.Rate > 4) {
			t.Fatalf("accepted %+v", m)
		}
	})
}
