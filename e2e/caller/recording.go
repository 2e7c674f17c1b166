package caller

import (
	"errors"
	"fmt"
	"os"

	"github.com/tidegate/tidegate/internal/audio"
)

// maxDrift is how far the agent's RTP clock may be from the time of arrival
// before it is set anew: more than jitter, less than a pause between prompts.
const maxDrift = rate / 4 // samples

// recording keeps both sides on one time line, which the caller's own sending
// makes: sample n of either side belongs to the same moment.
type recording struct {
	left, right []int16
	primed      bool
	base        int    // sample on the time line …
	stamp       uint32 // … at this RTP time stamp
}

// sent adds what the caller said.
func (r *recording) sent(pcm []int16) { r.left = append(r.left, pcm...) }

// skipped adds time in which nothing was sent.
func (r *recording) skipped(samples int) { r.left = append(r.left, make([]int16, samples)...) }

// heard adds a frame of the agent where its time stamp says, so that packets
// which come early or late in a bunch sound as they were sent.
func (r *recording) heard(stamp uint32, pcm []int16) {
	now := len(r.left)
	at := r.base + int(int32(stamp-r.stamp))
	if drift := at - now; !r.primed || drift > maxDrift || drift < -maxDrift {
		r.primed, r.base, r.stamp = true, max(now, len(r.right)), stamp
		at = r.base
	}
	if at < len(r.right) {
		return // a moment that has been heard already
	}
	r.right = append(append(r.right, make([]int16, at-len(r.right))...), pcm...)
}

// stereo has the caller on the left and the agent on the right.
func (r *recording) stereo() audio.WAV {
	n := max(len(r.left), len(r.right))
	w := audio.WAV{Rate: rate, Channels: 2, Samples: make([]int16, 2*n)}
	for i, s := range r.left {
		w.Samples[2*i] = s
	}
	for i, s := range r.right {
		w.Samples[2*i+1] = s
	}
	return w
}

func (r *recording) write(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	if err := errors.Join(audio.WriteWAV(f, r.stereo()), f.Close()); err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	return nil
}
