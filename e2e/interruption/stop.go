package interruption

import (
	"fmt"
	"os"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
)

// How a recording shows that the agent has stopped: a silence that no pause
// between two sentences is as long as.
const (
	loudDBFS = -45
	silence  = 500 * time.Millisecond
	frame    = 20 * time.Millisecond
)

// stopped reads a stereo recording, the agent on the right, and gives the time
// from a moment to the agent's last sound before it falls silent.
func stopped(path string, at time.Duration) (time.Duration, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	w, err := audio.ReadWAV(f)
	if err != nil {
		return 0, err
	}
	if w.Channels != 2 {
		return 0, fmt.Errorf("%s: %d channels", path, w.Channels)
	}
	var agent []int16
	for i := 1; i < len(w.Samples); i += 2 {
		agent = append(agent, w.Samples[i])
	}
	return lastSound(agent, w.Rate, at), nil
}

func lastSound(pcm []int16, rate int, at time.Duration) time.Duration {
	size := audio.Samples(frame, rate)
	var last, quiet time.Duration
	for i := audio.Samples(at, rate) / size; (i+1)*size <= len(pcm) && quiet < silence; i++ {
		if audio.DBFS(pcm[i*size:(i+1)*size]) < loudDBFS {
			quiet += frame
			continue
		}
		last, quiet = time.Duration(i+1)*frame-at, 0
	}
	return max(0, last)
}
