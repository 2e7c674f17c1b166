package mediabridge

import (
	"strconv"
	"time"

	"github.com/tidegate/tidegate/schemas"
)

// job is one request for synthesis. A second request for an utterance skips
// what the first one brought.
type job struct {
	u     *utterance
	skip  int
	asked time.Time
	heard bool
}

// maxAttempts is how many workers get to see one utterance.
const maxAttempts = 3

// synthesis asks the connected synthesiser for utterances and sorts what
// comes back.
type synthesis struct {
	out      *mailbox // nil while no synthesiser is connected
	drop     func()
	maxBytes int
	metrics  *metrics

	count   int
	jobs    map[string]*job
	current *job // whose sound comes
}

// request asks for what an utterance still lacks.
func (s *synthesis) request(u *utterance, now time.Time) {
	if s.out == nil || u.complete {
		return
	}
	if u.attempts++; u.attempts > maxAttempts {
		u.complete, u.failed = true, true // it may be what kills workers
		return
	}
	s.count++
	id := strconv.Itoa(s.count)
	s.jobs[id] = &job{u: u, skip: len(u.audio), asked: now}
	u.progress = now
	s.text(schemas.SpeechMessage{
		Type: schemas.SpeechSynthesize, ID: id, Text: u.say.Text, Language: u.say.Language,
		Voice: u.say.Voice, Rate: u.say.Rate, Style: u.say.Style,
	})
}

func (s *synthesis) text(m schemas.SpeechMessage) {
	if s.out != nil {
		s.out.push(letterText, speech(m), nil)
	}
}

// cancel says that no more sound of an utterance is wanted.
func (s *synthesis) cancel(u *utterance) {
	for id, j := range s.jobs {
		if j.u != u {
			continue
		}
		delete(s.jobs, id)
		if s.current == j {
			s.current = nil
		}
		if !u.complete {
			s.text(schemas.SpeechMessage{Type: schemas.SpeechCancel, ID: id})
		}
	}
}

// sound takes a piece of what comes between started and finished.
func (s *synthesis) sound(b []byte, now time.Time) {
	j := s.current
	if j == nil {
		return // cancelled meanwhile
	}
	if !j.heard && len(b) > 0 {
		j.heard = true
		s.metrics.firstAudio.Observe(now.Sub(j.asked).Seconds())
	}
	j.u.progress = now
	n := min(j.skip, len(b))
	j.skip -= n
	b = b[n:]
	if over := len(j.u.audio) + len(b) - s.maxBytes; over > 0 {
		s.metrics.drops.WithLabelValues("tts_audio").Inc()
		j.u.audio = append(j.u.audio, b[:len(b)-over]...)
		s.cancel(j.u)
		j.u.complete = true
		return
	}
	j.u.audio = append(j.u.audio, b...)
}

// message takes a control message; false says that none such is expected.
func (s *synthesis) message(m schemas.SpeechMessage, now time.Time) bool {
	j := s.jobs[m.ID]
	switch m.Type {
	case schemas.SpeechStarted:
		s.current = j
		if j != nil {
			j.u.progress = now
		}
	case schemas.SpeechFinished:
		s.end(m.ID, j, m.Cancelled)
	case schemas.SpeechError:
		if j != nil && m.Retryable {
			s.leave() // another worker is asked for all that is incomplete
			return true
		}
		s.end(m.ID, j, true)
	default:
		return false
	}
	return true
}

func (s *synthesis) end(id string, j *job, failed bool) {
	if j == nil {
		return
	}
	delete(s.jobs, id)
	if s.current == j {
		s.current = nil
	}
	j.u.complete = true
	j.u.failed = failed
}

// fail gives an utterance up.
func (s *synthesis) fail(u *utterance) {
	s.cancel(u)
	u.complete, u.failed = true, true
}

// without gives an utterance up for want of a worker. When there is one before
// its turn comes, it is said after all.
func (s *synthesis) without(u *utterance) {
	s.fail(u)
	u.absent = true
}

// up connects a synthesiser and asks it for everything that is incomplete.
func (s *synthesis) up(out *mailbox, drop func(), queue []*utterance, now time.Time) {
	s.out, s.drop = out, drop
	for _, u := range queue {
		if u.absent && u.sent == 0 && !u.told {
			u.complete, u.failed, u.absent = false, false, false
		}
		s.request(u, now)
	}
}

func (s *synthesis) down() {
	s.out, s.drop, s.current = nil, nil, nil
	clear(s.jobs)
}

// leave drops the connected synthesiser for another one.
func (s *synthesis) leave() {
	if s.drop != nil {
		s.drop()
		s.down()
	}
}
