package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/e2e/telegraph"
	"github.com/tidegate/tidegate/workers/asr"
)

// shipped are the names of the scenarios whose callers listen, or of those
// whose callers do not.
func shipped(t *testing.T, listening bool) []string {
	t.Helper()
	return slices.DeleteFunc(scenarios.Names(), func(name string) bool {
		sc, err := scenarios.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		return sc.Listens() != listening
	})
}

// telegraphed is a system in which agent and callers understand every word.
func telegraphed(t *testing.T, set setup) *system {
	t.Helper()
	book := telegraph.NewBook()
	set.ears, set.mouth = telegraph.NewEars(book), telegraph.NewVoice(book)
	set.asr = func(c *asr.Config) { c.Denoise.Mode = asr.DenoiseOff }
	s := newSystem(t, set)
	s.voice, s.hearing = telegraph.NewVoice(book), telegraph.NewEars(book)
	return s
}

// placeAll places the calls of scenarios, so many at the same time.
func (s *system) placeAll(names []string, atOnce int) {
	s.t.Helper()
	room := make(chan struct{}, atOnce)
	var calls sync.WaitGroup
	for i, name := range names {
		calls.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			// Calls of one caller at one moment are told apart by the number
			// called.
			own := func(sc *scenarios.Scenario) { sc.To = fmt.Sprintf("40%02d", i) }
			still := watch()
			res, err := s.place(name, own, nil)
			if stood := still(); err == nil && !res.OK && stood > standstill {
				s.t.Logf("%s: again, as the machine stood still for %s: %q", name, stood, res.Failures)
				own = func(sc *scenarios.Scenario) { sc.To = fmt.Sprintf("41%02d", i) }
				res, err = s.place(name, own, nil)
			}
			if err != nil || !res.OK {
				b, _ := json.MarshalIndent(res, "", " ")
				s.t.Errorf("%s: %v: %s\nrecord: %s", name, err, b, s.get("calls/"+res.CallID))
			}
			if res.TicketNumber != "" && !strings.Contains(s.get("tickets?call_id="+res.CallID), res.TicketNumber) {
				s.t.Errorf("%s: ticket %s is not in the API", name, res.TicketNumber)
			}
		})
	}
	calls.Wait()
}

// private fails when the log shows what nobody but the caller should know.
func (s *system) private(words ...string) {
	s.t.Helper()
	logs := s.logs.String()
	for _, word := range append(words, eslSecret, forkSecret) {
		if i := strings.Index(logs, word); i >= 0 {
			s.t.Errorf("the log shows %q: %s", word, logs[max(0, i-300):i+len(word)])
		}
	}
}

// TestScenarios places every shipped call whose caller says its lines in their
// order.
func TestScenarios(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setup{})
	names := shipped(t, false)
	s.placeAll(names, len(names))
	s.private("13800138001", "13800138005", "羽绒服", "我要退货", "中山路")
}

// TestListeningCallers places every shipped call whose caller answers what it
// is asked.
func TestListeningCallers(t *testing.T) {
	t.Parallel()
	s := telegraphed(t, setup{})
	names := shipped(t, true)
	s.placeAll(names, len(names))
	s.private("13800138001", "13800138010", "羽绒服", "我要换货", "零七零零四五一二")
}
