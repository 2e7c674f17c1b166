package asr

import (
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/internal/sherpa"
)

// decode works on streams of one model, one helping of each, and says of
// which there is more. Steps of a streaming model are done for all of them
// together.
func (e *sherpaEngine) decode(batch []*sherpaStream) (more []bool) {
	began := time.Now()
	more = make([]bool, len(batch))
	var at []*sherpaStream
	var sound time.Duration
	for i, s := range batch {
		var ok bool
		if ok, more[i] = s.take(); ok {
			at = append(at, s)
			sound += audio.Duration(len(s.helping.pcm), s.rate)
		} else if s.ended() {
			s.free()
		}
	}
	if len(at) == 0 {
		return more
	}
	for _, s := range at {
		s.feed()
	}
	step(at)
	for _, s := range at {
		s.tell()
	}
	m, model := e.metrics.sherpa, at[0].model.Name
	m.decode.WithLabelValues(model).Add(time.Since(began).Seconds())
	m.audio.WithLabelValues(model).Add(sound.Seconds())
	m.batch.Observe(float64(len(at)))
	return more
}

// step decodes what the streams have got.
func step(at []*sherpaStream) {
	ready := make([]*sherpa.OnlineStream, 0, len(at))
	for {
		ready = ready[:0]
		for _, s := range at {
			if s.online != nil && s.online.Ready() {
				ready = append(ready, s.online)
			}
		}
		switch len(ready) {
		case 0:
			return
		case 1:
			ready[0].Decode()
		default:
			sherpa.DecodeTogether(ready)
		}
	}
}

func (s *sherpaStream) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// free gives back what the stream holds of the library's.
func (s *sherpaStream) free() {
	if s.online != nil {
		s.online.Close()
		s.online = nil
	}
	s.front.release()
	s.decoding.pcm = nil
}

// feed puts the helping through the front end, and to a streaming model.
func (s *sherpaStream) feed() {
	h := s.helping
	if h.begins {
		s.begin(h)
	}
	s.heard += len(h.pcm)
	s.decoding.pcm = s.front.process(s.decoding.pcm, h.pcm)
	if h.ends {
		s.decoding.pcm = s.front.finish(s.decoding.pcm)
	}
	if s.online == nil {
		return
	}
	s.online.Accept(s.decoding.pcm)
	s.decoding.pcm = s.decoding.pcm[:0]
	if h.ends {
		s.online.Accept(make([]float32, audio.Samples(s.model.tail, sherpa.Rate)))
		s.online.Finish()
	}
}

func (s *sherpaStream) begin(h helping) {
	s.free()
	s.front.begin()
	s.decoding.pcm, s.heard, s.shown, s.err = s.decoding.pcm[:0], 0, "", nil
	if s.model.online != nil {
		s.online, s.err = s.model.online.Stream(h.hotwords)
	}
}

// tell makes events of what was decoded.
func (s *sherpaStream) tell() {
	if s.helping.ends {
		s.final()
	} else if s.online != nil && audio.Duration(s.heard, s.rate) >= s.engine.cfg.PartialEvery {
		s.heard = 0
		s.partial()
	}
}

func (s *sherpaStream) partial() {
	r := s.online.Result()
	text := transcript(r.Text)
	if text == "" || text == s.shown {
		return
	}
	s.shown = text
	s.emit(Event{Kind: EventPartial, Utterance: s.helping.n, Text: text, Confidence: s.model.confidence.of(text, r)})
}

func (s *sherpaStream) final() {
	ev := Event{Kind: EventFinal, Utterance: s.helping.n}
	switch {
	case s.err != nil:
		ev = Event{Kind: EventError, Utterance: s.helping.n, Err: s.err}
	case s.online != nil:
		s.understood(&ev, s.online.Result())
	default:
		for _, piece := range s.engine.cutter.pieces(s.decoding.pcm) {
			if len(piece) > 0 {
				s.understood(&ev, s.model.offline.Recognize(piece))
			}
		}
	}
	if s.engine.punctuation != nil {
		ev.Text = s.engine.punctuation.Add(ev.Text)
	}
	s.engine.log.Debug("utterance decoded", "utterance", ev.Utterance, "model", s.model.Name, "text", obs.Text(ev.Text))
	s.emit(ev)
	s.free()
}

// understood adds a result to the final event of its utterance, whose pieces
// count by their characters.
func (s *sherpaStream) understood(ev *Event, r sherpa.Result) {
	text := transcript(r.Text)
	if text == "" {
		return
	}
	if ev.Language == "" && ev.Dialect == "" {
		ev.Language, ev.Dialect = spoken(r.Language, r.Text)
	}
	before, now := float64(len([]rune(ev.Text))), float64(len([]rune(text)))
	ev.Confidence = (ev.Confidence*before + s.model.confidence.of(text, r)*now) / (before + now)
	if ev.Text != "" && !(unspaced(lastRune(ev.Text)) && unspaced([]rune(text)[0])) {
		text = " " + text
	}
	ev.Text = strings.TrimSpace(ev.Text + text)
}

func lastRune(s string) rune {
	runes := []rune(s)
	return runes[len(runes)-1]
}
