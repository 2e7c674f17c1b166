package e2e_test

import (
	"strings"
	"testing"

	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/orchestrator"
	"github.com/tidegate/tidegate/orchestrator/llm/llmtest"
)

// TestCallWithLanguageModel: in a whole call the model words what is known,
// makes nothing of what nobody told the assistant, and the call ends as it does
// without one.
func TestCallWithLanguageModel(t *testing.T) {
	t.Parallel()
	server := llmtest.Start(t, func(q llmtest.Question) (string, llmtest.Fault) {
		if q.Stream {
			return "赠品需要您一起寄回来。用掉了会从退款里扣。", llmtest.None
		}
		return `{"intent":"none","answer":"none","slots":{"reason":"none","received":"none"}}`, llmtest.None
	})
	s := newSystem(t, setup{orchestrator: withModel(server)})
	s.call("knowledge", func(sc *scenarios.Scenario) {
		sc.Expect.Said = []string{"赠品需要您一起寄回来。", "用掉了会从退款里扣。", "这个我不清楚"}
	}, nil)
	streamed, meanings := 0, 0
	for _, q := range server.Questions() {
		if q.Stream {
			streamed++
		} else if meanings++; !strings.Contains(q.User(), "有会员吗") {
			t.Errorf("asked what is clear: %s", q.User())
		}
	}
	if streamed != 1 || meanings != 1 {
		t.Errorf("asked for words %d times, for a meaning %d times", streamed, meanings)
	}
	if strings.Contains(s.logs.String(), "有会员吗") {
		t.Error("the log shows what the caller said")
	}
}

// TestCallWithBrokenLanguageModel: a server that never answers costs the time
// limit, and nothing else.
func TestCallWithBrokenLanguageModel(t *testing.T) {
	t.Parallel()
	server := llmtest.Start(t, llmtest.Saying("", llmtest.Hang))
	s := newSystem(t, setup{orchestrator: withModel(server)})
	s.call("knowledge", nil, nil)
	if n := len(server.Questions()); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

func withModel(server *llmtest.Server) func(*orchestrator.Config) {
	return func(c *orchestrator.Config) { c.LLM.BaseURL, c.LLM.Model = server.URL(), "small" }
}
