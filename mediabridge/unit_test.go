package mediabridge

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/schemas"
)

func frames(pcm []int16, n int) [][]int16 {
	var out [][]int16
	for ; len(pcm) >= n; pcm = pcm[n:] {
		out = append(out, pcm[:n])
	}
	return out
}

func noise(d time.Duration, amplitude float64) []int16 {
	rng := rand.New(rand.NewPCG(1, 2))
	pcm := audio.Silence(d, 8000)
	for i := range pcm {
		pcm[i] = int16((rng.Float64()*2 - 1) * amplitude * 32767)
	}
	return pcm
}

func TestVAD(t *testing.T) {
	speech := func(d time.Duration) []int16 { return audio.Tone(300, d, 8000, 0.2) }
	for name, c := range map[string]struct {
		pcm         []int16
		maxRun      int // the longest run of speech must be in [min, max]
		minRun      int
		quietAtLast bool
	}{
		"silence":             {audio.Silence(time.Second, 8000), 0, 0, true},
		"a word":              {append(speech(300*time.Millisecond), audio.Silence(time.Second, 8000)...), 300, 300, true},
		"a gap is bridged":    {append(append(speech(200*time.Millisecond), audio.Silence(80*time.Millisecond, 8000)...), speech(200*time.Millisecond)...), 400, 400, false},
		"a pause is not":      {append(append(speech(200*time.Millisecond), audio.Silence(200*time.Millisecond, 8000)...), speech(240*time.Millisecond)...), 240, 240, false},
		"quiet line noise":    {noise(2*time.Second, 0.008), 0, 0, true},
		"loud steady noise":   {noise(20*time.Second, 0.03), 12000, 0, true},
		"speech over a noise": {append(noise(15*time.Second, 0.02), speech(400*time.Millisecond)...), 12000, 400, false},
	} {
		t.Run(name, func(t *testing.T) {
			v, longest := newVAD(Defaults().VAD), 0
			var a activity
			for _, f := range frames(c.pcm, 160) {
				a = v.frame(f, false)
				longest = max(longest, a.runMS)
			}
			if longest < c.minRun || longest > c.maxRun {
				t.Errorf("longest run %d ms, want %d to %d", longest, c.minRun, c.maxRun)
			}
			if quiet := !a.loud; quiet != c.quietAtLast {
				t.Errorf("quiet at the end: %v", quiet)
			}
		})
	}
}

func detect(pcm []int16, rate int) (keys string, durations []int) {
	d := newDTMF(rate)
	for _, f := range frames(append(pcm, audio.Silence(100*time.Millisecond, rate)...), rate/50) {
		if got, ok, _ := d.frame(f); ok {
			keys += string(rune(got.key))
			durations = append(durations, got.durationMS)
		}
	}
	return keys, durations
}

func pair(low, high float64, lowAmp, highAmp float64, d time.Duration) []int16 {
	a, b := audio.Tone(low, d, 8000, lowAmp), audio.Tone(high, d, 8000, highAmp)
	for i := range a {
		a[i] += b[i]
	}
	return a
}

func TestDTMFKeys(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		for _, key := range audio.DTMFKeys {
			for offset := range 4 { // tones do not begin where frames do
				pcm := audio.Silence(time.Duration(offset*5)*time.Millisecond, rate)
				pcm = append(pcm, audio.DTMFTone(key, 40*time.Millisecond, rate)...)
				if got, _ := detect(pcm, rate); got != string(key) {
					t.Errorf("%d Hz: key %c after %d ms is %q", rate, key, offset*5, got)
				}
			}
		}
	}
}

func TestDTMFLimits(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	join := func(parts ...[]int16) []int16 { return bytesJoin(parts) }
	one := func(d time.Duration) []int16 { return audio.DTMFTone('1', d, 8000) }
	for name, c := range map[string]struct {
		pcm  []int16
		want string
	}{
		"20 ms is too short":              {one(ms(20)), ""},
		"twice with a pause of 40 ms":     {join(one(ms(60)), audio.Silence(ms(40), 8000), one(ms(60))), "11"},
		"an interruption of 10 ms":        {join(one(ms(60)), audio.Silence(ms(10), 8000), one(ms(60))), "1"},
		"two keys without a pause":        {join(one(ms(100)), audio.Silence(ms(50), 8000), audio.DTMFTone('9', ms(100), 8000)), "19"},
		"columns 3 dB up":                 {pair(697, 1209, 0.25, 0.35, ms(100)), "1"},
		"columns 8 dB up":                 {pair(697, 1209, 0.15, 0.38, ms(100)), ""},
		"rows 6 dB up":                    {pair(697, 1209, 0.4, 0.2, ms(100)), "1"},
		"rows 12 dB up":                   {pair(697, 1209, 0.4, 0.1, ms(100)), ""},
		"1.5 % off":                       {pair(697*1.015, 1209*0.985, 0.3, 0.3, ms(100)), "1"},
		"quiet, -30 dBFS":                 {pair(697, 1209, 0.03, 0.03, ms(100)), "1"},
		"one tone only":                   {audio.Tone(697, ms(100), 8000, 0.5), ""},
		"dial tone":                       {audio.Tone(450, time.Second, 8000, 0.5), ""},
		"noise":                           {noise(2*time.Second, 0.5), ""},
		"a tone in speech-like harmonics": {join(audio.Tone(350, ms(500), 8000, 0.4), pair(700, 1400, 0.2, 0.2, ms(30)), audio.Tone(250, ms(500), 8000, 0.4)), ""},
	} {
		if got, _ := detect(c.pcm, 8000); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func bytesJoin(parts [][]int16) (out []int16) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

type memoryOutlet struct {
	frames []byte
	log    []string
	ends   []time.Duration
}

func (m *memoryOutlet) sound(f []byte)       { m.frames = append(m.frames, f...) }
func (m *memoryOutlet) file(b []byte)        { m.log = append(m.log, "file") }
func (m *memoryOutlet) started(u *utterance) { m.log = append(m.log, "started "+u.say.UtteranceID) }
func (m *memoryOutlet) ended(u *utterance, reason string, heard time.Duration) {
	m.log = append(m.log, reason+" "+u.say.UtteranceID)
	m.ends = append(m.ends, heard)
}

func prompt(id string, d time.Duration) *utterance {
	return &utterance{say: schemas.MediaSay{UtteranceID: id, Text: "一二三四五六七八九十"}, complete: true,
		audio: audio.AppendL16(nil, audio.Tone(1000, d, 8000, 0.5))}
}

func TestPlayoutPacesAndReportsWhenHeard(t *testing.T) {
	out := &memoryOutlet{}
	p := newPlayout(8000, 320*time.Millisecond, false, out)
	p.add(prompt("a", 500*time.Millisecond))
	p.add(prompt("b", 100*time.Millisecond))
	t0 := time.Unix(1000, 0)
	var toldAt []time.Duration
	for at := time.Duration(0); at < time.Second; at += frameTime {
		before := len(out.log)
		p.tick(t0.Add(at))
		for range len(out.log) - before {
			toldAt = append(toldAt, at)
		}
		sent := audio.Duration(len(out.frames)/2, 8000)
		if lead := sent - at; lead > 420*time.Millisecond {
			t.Fatalf("at %s sound is %s ahead", at, lead)
		}
	}
	if got := strings.Join(out.log, ", "); got != "started a, finished a, started b, finished b" {
		t.Fatalf("%s", got)
	}
	want := []time.Duration{0, 500 * time.Millisecond, 580 * time.Millisecond, 680 * time.Millisecond}
	for i, w := range want {
		if toldAt[i] != w {
			t.Errorf("%s at %s, want %s", out.log[i], toldAt[i], w)
		}
	}
}

func TestPlayoutCutKnowsWhatWasHeard(t *testing.T) {
	out := &memoryOutlet{}
	p := newPlayout(8000, 240*time.Millisecond, false, out)
	p.add(prompt("a", time.Second))
	t0 := time.Unix(1000, 0)
	for at := time.Duration(0); at <= 400*time.Millisecond; at += frameTime {
		p.tick(t0.Add(at))
	}
	p.cut(t0.Add(410*time.Millisecond), "interrupted")
	if out.ends[0] != 410*time.Millisecond {
		t.Errorf("heard %s, want 410ms although more was sent", out.ends[0])
	}
	if got := heardText("一二三四五六七八九十", out.ends[0], time.Second); got != "一二三四" {
		t.Errorf("heard text %q", got)
	}
}

func TestPlayoutUnderrun(t *testing.T) {
	out := &memoryOutlet{}
	p := newPlayout(8000, 240*time.Millisecond, false, out)
	u := prompt("a", 200*time.Millisecond)
	u.complete = false
	p.add(u)
	t0 := time.Unix(1000, 0)
	for at := time.Duration(0); at <= 500*time.Millisecond; at += frameTime { // the synthesis is late
		p.tick(t0.Add(at))
	}
	if n := audio.Duration(len(out.frames)/2, 8000); n != 200*time.Millisecond {
		t.Fatalf("%s went out while the caller heard a gap, want all 200ms", n)
	}
	u.audio = append(u.audio, audio.AppendL16(nil, audio.Tone(1000, 100*time.Millisecond, 8000, 0.5))...)
	u.complete = true
	p.tick(t0.Add(500 * time.Millisecond))
	p.tick(t0.Add(590 * time.Millisecond))
	if len(out.log) != 1 {
		t.Fatalf("%v before its end was heard", out.log)
	}
	p.tick(t0.Add(600 * time.Millisecond))
	if got := strings.Join(out.log, ", "); got != "started a, finished a" {
		t.Fatalf("%s", got)
	}
}

// TestPlayoutMessages: as much as is there in one message, up to two of what
// the switch holds back; less than that only where the caller would hear a gap.
func TestPlayoutMessages(t *testing.T) {
	const ms = 16 // bytes at 8 kHz
	p := newPlayout(8000, 320*time.Millisecond, false, &memoryOutlet{})
	for _, tt := range []struct {
		rest     int // ms that wait
		complete bool
		ahead    time.Duration
		want     int // ms
	}{
		{1000, false, 0, 160}, {160, false, 0, 160}, {159, false, 0, 80}, {80, false, 160 * time.Millisecond, 80},
		{79, false, 160 * time.Millisecond, 0}, {79, false, 79 * time.Millisecond, 60}, {19, false, 0, 0},
		{79, true, 160 * time.Millisecond, 80}, {159, true, 0, 160}, {30, true, 0, 40},
	} {
		if got := p.due(tt.rest*ms, tt.complete, tt.ahead); got != tt.want*ms {
			t.Errorf("%d ms wait, complete %v, %s ahead: %d ms, want %d", tt.rest, tt.complete, tt.ahead, got/ms, tt.want)
		}
	}
}

func TestPlayoutReplacesMarks(t *testing.T) {
	out := &memoryOutlet{}
	p := newPlayout(8000, 240*time.Millisecond, false, out)
	u := prompt("a", 0)
	u.audio = bytes.Repeat([]byte{0xFF, 0xFF}, 300)
	p.add(u)
	p.tick(time.Unix(1000, 0))
	if bytes.Contains(out.frames, []byte{0xFF}) {
		t.Error("a sample of -1 went out")
	}
}

func TestIDMemoryIsBounded(t *testing.T) {
	var m idMemory
	for i := range 10 * knownIDs {
		id := string(rune('a'+i%26)) + strings.Repeat("x", i%97) + time.Duration(i).String()
		if m.seen(id) || !m.seen(id) {
			t.Fatalf("id %d", i)
		}
	}
	if len(m.ring) > knownIDs {
		t.Errorf("%d ids known", len(m.ring))
	}
}

func TestPreRoll(t *testing.T) {
	p := newPreRoll(3, 2)
	for i := byte(0); i < 5; i++ {
		p.add([]byte{i, i})
	}
	for n, want := range map[int][]byte{0: {}, 1: {4, 4}, 2: {3, 3, 4, 4}, 9: {2, 2, 3, 3, 4, 4}} {
		a, b := p.last(n)
		if got := append(append([]byte{}, a...), b...); !bytes.Equal(got, want) {
			t.Errorf("last %d: %v, want %v", n, got, want)
		}
	}
}

func TestConfigSaysAllThatIsWrong(t *testing.T) {
	c := Defaults()
	c.Listen, c.MaxSessions, c.Lead = "nowhere", 0, 0
	err := c.Validate()
	for _, key := range []string{"listen", "max_sessions", "lead", "fork_secret"} {
		if err == nil || !strings.Contains(err.Error(), key+":") {
			t.Errorf("%s is not named in %v", key, err)
		}
	}
	c = Defaults()
	c.ForkSecret = "0123456789abcdef"
	if err := c.Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
}

func FuzzSideFrame(f *testing.F) {
	f.Add([]byte(`{"type":"tidegate","envelope":"e30="}`))
	f.Add([]byte(`{"type":"tidegate"}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := decodeSide(in)
		if err == nil && schemas.TypeOf(c.data) == "" {
			t.Fatal("accepted data of no type")
		}
		if err != nil && errors.Is(err, schemas.ErrEnvelope) && c.data != nil {
			t.Fatal("data of a refused envelope")
		}
	})
}

func counterValue(c prometheus.Counter) float64 { return testutil.ToFloat64(c) }

// TestSaidAfterAll: what was given up for want of a worker, and has not had
// its turn, is asked of one that comes; what failed otherwise is not.
func TestSaidAfterAll(t *testing.T) {
	drops := newMetrics(nil).drops.WithLabelValues("tts_out")
	s := synthesis{maxBytes: 1 << 20, metrics: newMetrics(nil), jobs: map[string]*job{}}
	waits, begun, broken := &utterance{}, &utterance{told: true, sent: 320}, &utterance{}
	s.without(waits)
	s.without(begun)
	s.fail(broken)
	s.up(newMailbox(8, newBell(), drops), func() {}, []*utterance{waits, begun, broken}, time.Now())
	if waits.complete || waits.failed || waits.attempts != 1 {
		t.Errorf("what waits: %+v", waits)
	}
	if !begun.failed || begun.attempts != 0 || !broken.failed || broken.attempts != 0 {
		t.Errorf("begun %+v, broken %+v", begun, broken)
	}
}
