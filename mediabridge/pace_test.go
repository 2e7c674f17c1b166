package mediabridge

import (
	"testing"
	"time"
)

// TestPace feeds an hour of sound, or as much as it takes.
func TestPace(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		rate, bytes int           // declared; of each message
		every       time.Duration // between messages
		first       time.Duration // of sound, at once
		stop        time.Duration // a pause after ten seconds, made up for after it
		within      time.Duration // wrong before; 0: never
	}{
		"in time":                          {8000, 320, 20 * ms, 0, 0, 0},
		"in time, wide":                    {16000, 640, 20 * ms, 0, 0, 0},
		"a clock 300 ppm fast":             {8000, 320, 19994 * time.Microsecond, 0, 0, 0},
		"a clock 300 ppm slow":             {8000, 320, 20006 * time.Microsecond, 0, 0, 0},
		"half a second at a time":          {8000, 8000, 500 * ms, 0, 0, 0},
		"one second at a time":             {8000, 16000, 1000 * ms, 0, 0, 0},
		"held back while it connected":     {8000, 320, 20 * ms, 2 * time.Second, 0, 0},
		"held up for eight seconds":        {8000, 320, 20 * ms, 0, 8 * time.Second, 0},
		"a fifth lost":                     {16000, 640, 25 * ms, 0, 0, 0},
		"half of it lost, narrow":          {8000, 320, 40 * ms, 0, 0, 0},
		"one frame a second":               {8000, 320, time.Second, 0, 0, 0},
		"16 kHz declared as 8":             {8000, 640, 20 * ms, 0, 0, 4 * time.Second},
		"16 kHz declared as 8, in 500 ms":  {8000, 16000, 500 * ms, 0, 0, 4 * time.Second},
		"half as fast again":               {8000, 480, 20 * ms, 0, 0, 10 * time.Second},
		"8 kHz declared as 16":             {16000, 320, 20 * ms, 0, 0, 10 * time.Second},
		"held back, then 16 kHz":           {8000, 640, 20 * ms, time.Second, 0, 3 * time.Second},
		"44.1 kHz declared as 16":          {16000, 1764, 20 * ms, 0, 0, 3 * time.Second},
		"stereo taken for twice as much 8": {8000, 640, 20 * ms, 0, 0, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Unix(1000, 0)
			p := newPace(start, c.rate)
			now, wrong := start, time.Duration(0)
			ok := p.took(int(c.first/ms)*c.rate/1000*2, now)
			for n := 0; ok && now.Sub(start) < time.Hour; n++ {
				now = now.Add(c.every)
				if c.stop > 0 && now.Sub(start) > 10*time.Second {
					now = now.Add(c.stop)
					for range int(c.stop / c.every) {
						ok = ok && p.took(c.bytes, now)
					}
					c.stop = 0
				}
				ok = ok && p.took(c.bytes, now)
			}
			if !ok {
				wrong = now.Sub(start)
			}
			if c.within == 0 && wrong != 0 {
				t.Errorf("wrong after %s", wrong)
			}
			if c.within != 0 && (wrong == 0 || wrong > c.within) {
				t.Errorf("wrong after %s, want within %s", wrong, c.within)
			}
		})
	}
}

func TestPaceCountsMessages(t *testing.T) {
	now := time.Unix(1000, 0)
	p := newPace(now, 8000)
	for n := range 60 * paceMessages { // a minute of as many as may be
		if now = now.Add(time.Second / paceMessages); !p.message(now) {
			t.Fatalf("message %d is one too many", n)
		}
	}
	n := 0
	for ; p.message(now) && n < 10*paceBurst; n++ {
	}
	if n < paceBurst/2 || n > paceBurst {
		t.Errorf("%d messages at once, want %d to be the limit", n, paceBurst)
	}
}
