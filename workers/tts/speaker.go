package tts

import (
	"context"
	"strconv"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/schemas"
)

// The sound in one websocket message: the first is short, so that it is heard
// early; later ones spare both sides work.
const (
	firstTime = 100 * time.Millisecond
	frameTime = 400 * time.Millisecond
)

// speak speaks the session's requests in order until the queue is closed.
func (x *session) speak(ctx context.Context) {
	for u := range x.queue {
		if ctx.Err() == nil {
			x.utter(u)
		}
		x.ended(u)
	}
}

// utter speaks one request: started, sound, finished; or an error.
func (x *session) utter(u *utterance) {
	sp := &speaker{session: x, utterance: u, taken: time.Now()}
	if u.ctx.Err() == nil {
		res, err := x.service.engine.Synthesize(u.ctx, u.req, sp.emit)
		switch {
		case u.ctx.Err() != nil: // cancelled, or the session is over
		case sp.broken != nil:
			return // the connection is gone
		case err != nil:
			x.failed(u, err)
			return
		default:
			sp.finish(res)
			return
		}
	}
	x.service.metrics.requests.WithLabelValues(resultCancelled).Inc()
	sp.send(schemas.SpeechMessage{
		Type: schemas.SpeechFinished, ID: u.id, Cancelled: true, DurationMS: sp.sent().Milliseconds(),
	})
}

// speaker sends the sound of one utterance, not further ahead of its being
// heard than the configured lead: the bridge's queue stays short, and a
// cancelled utterance has not all been sent.
type speaker struct {
	*session
	utterance *utterance
	taken     time.Time
	first     time.Time // when the first sound was sent
	samples   int
	l16       []byte
	broken    error // the connection's
}

func (p *speaker) emit(pcm []int16) error {
	for len(pcm) > 0 {
		frame := frameTime
		if p.samples == 0 {
			frame = firstTime
		}
		n := min(audio.Samples(frame, p.start.SampleRate), len(pcm))
		if err := p.pace(); err != nil {
			return err
		}
		if p.samples == 0 && !p.begin() {
			return p.broken
		}
		p.l16 = audio.AppendL16(p.l16[:0], pcm[:n])
		if p.broken = p.conn.SendAudio(p.l16); p.broken != nil {
			return p.broken
		}
		p.samples += n
		pcm = pcm[n:]
	}
	return nil
}

// begin announces the first sound.
func (p *speaker) begin() bool {
	p.first = time.Now()
	return p.send(schemas.SpeechMessage{Type: schemas.SpeechStarted, ID: p.utterance.id, SampleRate: p.start.SampleRate})
}

func (p *speaker) finish(res Result) {
	if p.samples == 0 && !p.begin() {
		return
	}
	m := p.service.metrics
	if p.samples > 0 {
		m.firstAudio.WithLabelValues(strconv.FormatBool(res.Cached)).Observe(p.first.Sub(p.taken).Seconds())
	}
	m.audio.Add(p.sent().Seconds())
	m.requests.WithLabelValues(resultFinished).Inc()
	p.send(schemas.SpeechMessage{
		Type: schemas.SpeechFinished, ID: p.utterance.id, DurationMS: p.sent().Milliseconds(), Cached: res.Cached,
	})
}

func (p *speaker) sent() time.Duration { return audio.Duration(p.samples, p.start.SampleRate) }

// pace waits until the next frame is due.
func (p *speaker) pace() error {
	if err := p.utterance.ctx.Err(); err != nil {
		return err
	}
	if p.samples == 0 {
		return nil
	}
	early := p.sent() - time.Since(p.first) - p.service.cfg.Lead
	if early <= 0 {
		return nil
	}
	t := time.NewTimer(early)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-p.utterance.ctx.Done():
		return p.utterance.ctx.Err()
	}
}

func (p *speaker) send(m schemas.SpeechMessage) bool {
	if err := p.conn.Send(m); err != nil {
		p.broken = err
		return false
	}
	return true
}
