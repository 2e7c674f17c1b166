package e2e_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/sipua"
	"github.com/tidegate/tidegate/schemas"
)

// TestNothingLostUnderLateFrames: of the RTP in both directions, one packet of
// a hundred comes 30 to 80 ms late. Every tenth of a second of what a caller
// says reaches the recogniser once and in order, and so does all that the
// agent says the caller; and the records tell of its sentences in order.
func TestNothingLostUnderLateFrames(t *testing.T) {
	// Not beside the others: what they take of the machine makes more frames
	// late than the one in a hundred that this is about.
	const calls, sentences, sentenceNotes, callerNotes = 3, 10, 6, 50
	ears := newListener()
	s := newSystem(t, setup{ears: ears, mouth: singer{sentenceNotes}})
	late := newLateNetwork(t, s.sip, 100, 30*time.Millisecond, 80*time.Millisecond, 50*time.Millisecond, 65*time.Millisecond)
	ua, err := sipua.New(sipua.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ua.Close() })
	news := s.follow()
	var group sync.WaitGroup
	for i := range calls {
		group.Go(func() {
			number := fmt.Sprintf("1370000%04d", i)
			p := dial(t, ua, late.addr(), number, "melody")
			defer p.hangup()
			id := news.call(number)
			news.awaitQuiet(id) // the greeting is over

			said := melody(i, callerNotes)
			p.speak(play(said))
			eventually(t, "the caller's turn ends", func() bool { _, ended := ears.of(id); return ended > 0 })
			heard, _ := ears.of(id)
			got, silent := notes(heard)
			if diff := compareNotes(got, said); diff != "" {
				t.Errorf("call %d: the recogniser did not hear what was said: %s", i, diff)
			}
			t.Logf("call %d: %s of sound with %s of silence; %+v", i, audio.Duration(len(heard), 8000), silent, p.call.MediaStats())

			news.awaitQuiet(id) // whatever the agent made of it
			p.record()
			for n := range sentences {
				s.sing(id, news.epoch(id), n)
			}
			eventually(t, "every sentence has been played", func() bool { return len(news.ended(id, "melody-")) == sentences })
			var want []int
			for n := range sentences {
				want = append(want, melody(n, sentenceNotes)...)
			}
			eventually(t, "as much has been heard", func() bool { return lengthOf(p.recorded()) >= time.Duration(len(want))*note })
			time.Sleep(200 * time.Millisecond) // for what should not come
			got, _ = notes(p.recorded())
			if diff := compareNotes(got, want); diff != "" {
				t.Errorf("call %d: the caller did not hear what the agent said: %s", i, diff)
			}
			for n, e := range news.ended(id, "melody-") {
				if e.UtteranceID != "melody-"+strconv.Itoa(n) || e.Reason != "finished" || e.HeardText != strconv.Itoa(n) || e.HeardMS != e.TotalMS {
					t.Errorf("call %d: sentence %d is told as %+v", i, n, e)
				}
			}
			if stats := p.call.MediaStats(); stats.Lost+stats.Late+stats.Duplicate > 0 {
				t.Errorf("call %d: %+v", i, stats)
			}
		})
	}
	group.Wait()
	if late.late.Load() < late.packets.Load()/200 || late.packets.Load() < 1000 {
		t.Errorf("only %d of %d packets were late", late.late.Load(), late.packets.Load())
	}
}

// sing has the agent say a melody's number.
func (s *system) sing(call string, epoch, n int) {
	s.t.Helper()
	say := schemas.MediaSay{
		CallID: call, Epoch: epoch, UtteranceID: "melody-" + strconv.Itoa(n), Text: strconv.Itoa(n), Language: "zh-CN",
		Listen: schemas.ListenPolicy{Expect: schemas.ExpectNone},
	}
	if err := s.bus.Publish(schemas.SubjectMediaCommand(call), say); err != nil {
		s.t.Error(err)
	}
}

// news is what the bus tells of all calls.
type news struct {
	s      *system
	mu     sync.Mutex
	calls  map[string]string // by number
	epochs map[string]int
	ends   map[string][]schemas.MediaPlayoutEnded
	active map[string]time.Time // of the agent's last sound
}

func (s *system) follow() *news {
	s.t.Helper()
	n := &news{s: s, calls: map[string]string{}, epochs: map[string]int{}, ends: map[string][]schemas.MediaPlayoutEnded{}, active: map[string]time.Time{}}
	for _, subject := range []string{schemas.SubjectCallFacts, schemas.SubjectMediaEvent("*")} {
		sub, err := s.bus.Subscribe(subject, "", n.take)
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { _ = sub.Unsubscribe() })
	}
	return n
}

func (n *news) take(m bus.Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	switch e := m.Data.(type) {
	case *schemas.CallStarted:
		n.calls[e.Caller] = e.CallID
	case *schemas.MediaSpeechStarted:
		n.epochs[e.CallID] = e.Epoch
	case *schemas.MediaPlayoutStarted:
		n.epochs[e.CallID] = max(n.epochs[e.CallID], e.Epoch)
		n.active[e.CallID] = now.Add(time.Hour)
	case *schemas.MediaPlayoutEnded:
		n.active[e.CallID] = now
		n.ends[e.CallID] = append(n.ends[e.CallID], *e)
	}
}

func (n *news) call(number string) (id string) {
	n.s.t.Helper()
	eventually(n.s.t, "the call is known", func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		id = n.calls[number]
		return id != ""
	})
	return id
}

// awaitQuiet waits until the agent has said something and nothing more.
func (n *news) awaitQuiet(id string) {
	n.s.t.Helper()
	eventually(n.s.t, "the agent is silent", func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		at, spoke := n.active[id]
		return spoke && time.Since(at) > 500*time.Millisecond
	})
}

func (n *news) epoch(id string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.epochs[id]
}

// ended are the utterances whose name begins with a prefix, in the order in
// which they ended.
func (n *news) ended(id, prefix string) []schemas.MediaPlayoutEnded {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(n.ends[id]), func(e schemas.MediaPlayoutEnded) bool {
		return len(e.UtteranceID) < len(prefix) || e.UtteranceID[:len(prefix)] != prefix
	})
}
