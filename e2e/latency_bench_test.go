package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/sipua"
	"github.com/tidegate/tidegate/mediabridge"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/asr"
)

var (
	benchCalls    = flag.Int("calls", 0, "calls at once of BenchmarkCalls; 0 leaves it out")
	benchTurns    = flag.Int("calls.turns", 3, "turns of each call of BenchmarkCalls")
	benchPartials = flag.Duration("calls.partials", 20*time.Millisecond, "sound between two partial texts of the recogniser; 0: it gives none")
	benchSilero   = flag.String("calls.silero", "", "model file of the voice activity detector; empty: energy")
	benchSpeech   = flag.String("calls.speech", "", "WAV file of what callers say, which the model needs; empty: a tone")
)

// Lines that are answered from the flow alone.
var benchLines = []string{"你们的退货政策是什么", "退款一般要几天", "几天之内可以退货"}

// turnLog notes when the bridge decides that a caller's turn has ended.
type turnLog struct {
	slog.Handler
	call string
	ends *turnEnds
}

type turnEnds struct {
	mu    sync.Mutex
	at    map[string][]time.Time // by call
	calls map[string]string      // by number of the caller
}

// started notes which call is whose.
func (e *turnEnds) started(m bus.Message) {
	if c, ok := m.Data.(*schemas.CallStarted); ok {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.calls[c.Caller] = c.CallID
	}
}

func (l turnLog) Enabled(context.Context, slog.Level) bool { return true }

func (l turnLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		if a.Key == "call_id" {
			l.call = a.Value.String()
		}
	}
	return l
}

func (l turnLog) WithGroup(string) slog.Handler { return l }

func (l turnLog) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "the caller's turn has ended" {
		l.ends.mu.Lock()
		defer l.ends.mu.Unlock()
		l.ends.at[l.call] = append(l.ends.at[l.call], r.Time)
	}
	return nil
}

// between gives the end of a caller's turn in a time.
func (e *turnEnds) between(number string, from, to time.Time) (time.Time, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, at := range e.at[e.calls[number]] {
		if at.After(from) && at.Before(to) {
			return at, true
		}
	}
	return time.Time{}, false
}

// latencies are what callers waited.
type latencies struct {
	mu                       sync.Mutex
	answer, decided, stopped []time.Duration
	missed                   int
}

// BenchmarkCalls places calls at once through the whole system in this
// process, with engines that take no time, and measures at the callers' RTP:
// from the bridge's decision that the turn has ended, and from the caller's
// last packet, to the first packet of the answer; and from the first packet of
// an interruption to the end of the last packet of what it cut.
func BenchmarkCalls(b *testing.B) {
	if *benchCalls == 0 {
		b.Skip("takes a minute and a machine of its own: make bench-calls")
	}
	ends := &turnEnds{at: map[string][]time.Time{}, calls: map[string]string{}}
	s := newSystem(b, setup{
		log: turnLog{Handler: slog.DiscardHandler, ends: ends},
		asr: func(c *asr.Config) {
			c.Scripted.Delay, c.Scripted.PartialEvery, c.Scripted.PartialChars = 0, *benchPartials, 4
		},
		lines: func(string) ([]string, error) {
			return slices.Repeat(benchLines, 20), nil
		},
		bridge: func(c *mediabridge.Config) {
			c.VAD.Engine = mediabridge.VADEnergy
			if *benchSilero != "" {
				c.VAD.Engine, c.VAD.Model = mediabridge.VADSilero, *benchSilero
			}
		},
	})
	sub, err := s.bus.Subscribe(schemas.SubjectCallFacts, "", ends.started)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	ua, err := sipua.New(sipua.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = ua.Close() }()
	word := benchWord(b)
	l := &latencies{}
	benchCall(b, s, ua, 0, word, &latencies{}, ends) // fills the prompt cache
	var calls sync.WaitGroup
	for i := range *benchCalls {
		calls.Go(func() {
			time.Sleep(time.Duration(i) * 40 * time.Millisecond)
			benchCall(b, s, ua, i+1, word, l, ends)
		})
	}
	calls.Wait()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n%d calls at once, %d turns each\n\tmeasures\tp50\tp95\tmax\t\n", *benchCalls, *benchTurns)
	row := func(name string, all []time.Duration) {
		slices.Sort(all)
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t\n", name, len(all), at(all, 50), at(all, 95), at(all, 100))
	}
	row("turn decided to answer heard", l.decided)
	row("last word to answer heard", l.answer)
	row("interruption to silence", l.stopped)
	_ = w.Flush()
	if l.missed > 0 {
		b.Errorf("%d turns had no answer, or no interruption stopped the agent", l.missed)
	}
	b.ReportMetric(float64(at(l.decided, 50).Milliseconds()), "ms-answer-p50")
	b.ReportMetric(float64(at(l.decided, 95).Milliseconds()), "ms-answer-p95")
	b.ReportMetric(float64(at(l.stopped, 95).Milliseconds()), "ms-stop-p95")
	b.ReportMetric(0, "ns/op")
}

// benchWord is what callers say: sound from the first packet to the last, of
// at most a second and a half.
func benchWord(b *testing.B) []int16 {
	if *benchSpeech == "" {
		return audio.Tone(300, 700*time.Millisecond, 8000, 0.3)
	}
	f, err := os.Open(*benchSpeech)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	w, err := audio.ReadWAV(f)
	if err != nil {
		b.Fatal(err)
	}
	pcm := audio.Resample(w.Mono(), w.Rate, 8000)
	loud := func(i int) bool { return audio.DBFS(pcm[i:i+160]) >= phoneLoud+10 }
	for len(pcm) >= 320 && !loud(0) {
		pcm = pcm[160:]
	}
	pcm = pcm[:min(len(pcm), 12000)/160*160]
	for len(pcm) >= 320 && !loud(len(pcm)-160) {
		pcm = pcm[:len(pcm)-160]
	}
	return pcm
}

// at is a percentile by nearest rank.
func at(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	return all[max(0, (len(all)*p+99)/100-1)].Round(100 * time.Microsecond)
}

// benchCall is one call: each turn a question, and into its answer the next
// one as an interruption.
func benchCall(b *testing.B, s *system, ua *sipua.UA, n int, word []int16, l *latencies, ends *turnEnds) {
	number := fmt.Sprintf("1390000%04d", n)
	p := dial(b, ua, s.sip, number, "bench")
	defer p.hangup()
	miss := func() { l.mu.Lock(); l.missed++; l.mu.Unlock() }
	for range *benchTurns {
		if _, ok := p.silence(1200*time.Millisecond, 30*time.Second); !ok {
			miss()
			return
		}
		p.forget()
		_, last := p.speak(word)
		heard, ok := p.hears(last, 10*time.Second)
		if !ok {
			miss()
			return
		}
		l.mu.Lock()
		l.answer = append(l.answer, heard.Sub(last))
		if at, ok := ends.between(number, last, heard); ok {
			l.decided = append(l.decided, heard.Sub(at))
		}
		l.mu.Unlock()
		time.Sleep(1500 * time.Millisecond) // into the answer
		first, _ := p.speak(word)
		stopped, ok := p.silence(300*time.Millisecond, 10*time.Second)
		if !ok {
			miss()
			return
		}
		l.mu.Lock()
		l.stopped = append(l.stopped, stopped.Add(phoneFrame).Sub(first))
		l.mu.Unlock()
	}
}
