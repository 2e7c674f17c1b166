package tts_test

import (
	"testing"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/tts"
)

// wanted counts what workers ask for.
func wanted(t *testing.T, b *bus.Bus) <-chan schemas.PromptsWanted {
	t.Helper()
	got := make(chan schemas.PromptsWanted, 8)
	sub, err := b.Subscribe(schemas.SubjectPromptsWanted, "", func(m bus.Message) { got <- *m.Data.(*schemas.PromptsWanted) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return got
}

// TestPromptsFromTheBus: a worker asks for prompts at its start, and prepares
// those that it can speak.
func TestPromptsFromTheBus(t *testing.T) {
	server := bustest.Start(t)
	dialogue := server.Connect("orchestrator")
	asked := wanted(t, dialogue)
	w := runOn(t, server.Connect("tts"), nil, func(c *tts.Config) { c.CacheDir = t.TempDir() })
	if got := (<-asked).Worker; got != w.bus.Source() {
		t.Errorf("asked by %q", got)
	}
	prompts := schemas.PromptsPrepare{Flow: "returns", SampleRates: []int{8000, 16000}, Prompts: []schemas.FixedPrompt{
		{Text: "您好", Language: "zh-CN", Voice: "xiaoyu", Rate: 1, Style: "calm"},
		{Text: "请说", Language: "zh-CN"},
	}}
	for range 2 { // once more changes nothing
		if err := dialogue.Publish(schemas.SubjectPromptsPrepare, prompts); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "the prompts", func() bool {
		return w.value(t, "tidegate_tts_prewarmed_total", "result", "finished") == 8
	})
	if err := w.Ready(); err != nil {
		t.Errorf("after the preparation: %v", err)
	}
	c := w.open(t)
	c.Send(schemas.SpeechMessage{Type: schemas.SpeechSynthesize, ID: "u1", Text: "您好", Voice: "xiaoyu", Style: "安抚"})
	if _, m := heard(t, c, "u1"); !m.Cached {
		t.Errorf("after the preparation: %+v", m)
	}
	// What a caller alone hears is not written.
	ask(c, "u2", "单号是一二三四")
	heard(t, c, "u2")
	if n := w.value(t, "tidegate_tts_cache_entries", "level", "disk"); n != 4 {
		t.Errorf("%v files on disk", n)
	}
}

func TestUnknownStyleIsNeutral(t *testing.T) {
	w := run(t, nil, nil)
	c := w.open(t)
	for id, style := range map[string]string{"u1": "", "u2": "大声", "u3": "标准"} {
		c.Send(schemas.SpeechMessage{Type: schemas.SpeechSynthesize, ID: id, Text: "您好", Style: style})
		if pcm, m := heard(t, c, id); len(pcm) == 0 || m.Type != schemas.SpeechFinished {
			t.Errorf("%q: %d samples, %+v", style, len(pcm), m)
		}
	}
	if n := w.value(t, "tidegate_tts_unknown_styles_total", "", ""); n != 1 {
		t.Errorf("%v unknown styles", n)
	}
	if n := w.value(t, "tidegate_tts_cache_requests_total", "result", "miss"); n != 1 {
		t.Errorf("%v syntheses for one sound", n)
	}
}
