package funasrtest

import (
	"errors"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/funasr"
	"github.com/tidegate/tidegate/internal/ws"
)

// connection is one client of the server. As in the real ones, everything of
// a connection is recognised in order.
type connection struct {
	server *Server
	ws     *ws.Conn
	number int

	// Of the configuration in force.
	name, mode, hotwords, language string
	rate                           int
	itn                            bool
	chunk                          []int
	hotwordsSet                    bool

	u        *Utterance
	fault    Fault
	said     []string
	sentence int // under way
	shown    int // pieces given of it
	heard    int // samples of the sentence
	index    int // of sentences on this connection
	held     []map[string]any
}

var errFault = errors.New("fault")

func (c *connection) run() {
	c.rate, c.mode, c.name = 16000, "2pass", "wav-default-id"
	for {
		kind, b, err := c.ws.Read()
		if err != nil {
			return
		}
		if kind == ws.Text {
			err = c.control(b)
		} else {
			err = c.sound(b)
		}
		if err != nil {
			return
		}
	}
}

func (c *connection) python() bool { return c.server.cfg.Server == funasr.ServerPython }

func (c *connection) control(b []byte) error {
	m, err := parse(b)
	if err != nil {
		if c.python() {
			return nil // "bad json message", and on
		}
		return err // the runtime answers nothing more on this connection
	}
	set(&c.name, m.Name)
	set(&c.mode, m.Mode)
	set(&c.rate, m.Rate)
	set(&c.itn, m.ITN)
	set(&c.language, m.Language)
	if c.python() || !c.hotwordsSet {
		set(&c.hotwords, m.Hotwords)
		c.hotwordsSet = true
	}
	if len(m.ChunkSize) == 3 && (c.python() || c.chunk == nil) {
		c.chunk = m.ChunkSize
	}
	if m.Speaking != nil && !*m.Speaking {
		return c.finish(m.End)
	}
	return nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// utterance is the one under way; it begins with its first sound.
func (c *connection) utterance() *Utterance {
	if c.u == nil {
		c.u = &Utterance{
			Connection: c.number, Name: c.name, Mode: c.mode, Rate: c.rate, ITN: c.itn, ChunkSize: c.chunk, Hotwords: c.hotwords, Language: c.language,
		}
		c.said = []string{"我要退货"}
		if c.server.cfg.Said != nil {
			c.said = c.server.cfg.Said(c.name)
		}
		c.fault, c.sentence, c.shown, c.heard = FaultNone, 0, 0, 0
		if c.server.cfg.Fault != nil {
			c.fault = c.server.cfg.Fault(c.number, c.name)
		}
		c.server.mu.Lock()
		c.server.utterances = append(c.server.utterances, c.u)
		c.server.mu.Unlock()
	}
	return c.u
}

func (c *connection) sound(b []byte) error {
	if c.chunk == nil {
		return nil // not configured: lost
	}
	u := c.utterance()
	c.server.mu.Lock()
	u.Sound = append(u.Sound, b...)
	u.Messages = append(u.Messages, len(b))
	heard := len(u.Sound)
	c.server.mu.Unlock()
	switch {
	case c.fault == FaultDrop && heard > 8000:
		return errFault
	case c.fault == FaultStall:
		<-c.server.done
		return errFault
	}
	c.heard += len(b) / 2
	return c.recognise()
}

// sentenceSound is the sound after which the server finds a pause, when more
// than one sentence is said.
const sentenceSound = 300 * time.Millisecond

// recognise gives the pieces that are due, and the end of a sentence.
func (c *connection) recognise() error {
	if c.sentence >= len(c.said) {
		return nil
	}
	chunk := 60 * c.chunk[1] * c.rate / 1000
	for c.mode != "offline" && c.heard/chunk > c.shown {
		if err := c.piece(); err != nil {
			return err
		}
	}
	if c.sentence < len(c.said)-1 && c.heard >= int(sentenceSound.Seconds()*float64(c.rate)) {
		return c.whole(false)
	}
	return nil
}

// piece gives the next two characters of the sentence under way.
func (c *connection) piece() error {
	text := []rune(c.said[c.sentence])
	from, to := min(2*c.shown, len(text)), min(2*c.shown+2, len(text))
	c.shown++
	if from == to {
		return nil
	}
	return c.answer("online", c.server.cfg.Tags+string(text[from:to]), false)
}

// whole ends a sentence: the second pass, or the rest of the first.
func (c *connection) whole(last bool) error {
	text := ""
	if c.sentence < len(c.said) {
		text = c.said[c.sentence]
	}
	defer func() { c.sentence++; c.index++; c.shown, c.heard = 0, 0 }()
	if c.mode == "online" {
		rest := []rune(text)
		return c.answer("online", string(rest[min(2*c.shown, len(rest)):]), last)
	}
	if text == "" && !last {
		return nil
	}
	if text != "" {
		text = c.server.cfg.Tags + text
	}
	return c.answer("offline", text, last)
}

// finish is the end of the speech.
func (c *connection) finish(acknowledge bool) error {
	u := c.utterance()
	c.server.mu.Lock()
	u.Ended = true
	heard := len(u.Sound) > 0
	c.server.mu.Unlock()
	defer func() { c.u = nil }()
	if c.fault == FaultDropAtEnd {
		return errFault
	}
	if c.fault == FaultSilent {
		return nil
	}
	select {
	case <-time.After(c.server.cfg.Delay):
	case <-c.server.done:
		return errFault
	}
	if c.fault == FaultError && !c.python() {
		return c.send(map[string]any{"text": "ERROR. Real-time transcription service ONLY SUPPORT PCM stream.", "wav_name": c.name, "is_final": true})
	}
	if !heard {
		c.said = nil
	}
	for c.sentence < len(c.said)-1 {
		if err := c.whole(false); err != nil {
			return err
		}
	}
	if !c.python() || heard && len(c.said) > 0 {
		if err := c.whole(true); err != nil {
			return err
		}
	}
	if err := c.release(); err != nil {
		return err
	}
	if !c.python() || !acknowledge || c.server.cfg.Old {
		return nil
	}
	ack := map[string]any{"mode": c.mode, "wav_name": c.name, "is_final": c.fault != FaultError, "is_end": true}
	if c.fault == FaultError {
		ack["error"] = "offline inference failed: out of memory"
	}
	return c.send(ack)
}

// answer sends a text as the kind of server does.
func (c *connection) answer(pass, text string, last bool) error {
	if c.fault == FaultSilent {
		return nil
	}
	m := map[string]any{"text": text, "wav_name": c.name, "is_final": last, "timestamp": 1780000000000}
	if text != "" {
		m["mode"] = pass
		if c.mode == "2pass" || !c.python() {
			m["mode"] = "2pass-" + pass
		}
		m["stamp_sents"] = []any{map[string]any{"text_seg": text, "punc": "，", "start": 430, "end": 1130}}
	}
	switch {
	case c.python() && c.server.cfg.Old:
		m["is_final"] = !last // is_final tells of the speaker
	case c.python() && pass == "offline":
		m["is_final"] = true
	case !c.python():
		m["index"] = c.index
	}
	switch c.fault {
	case FaultMalformed:
		for _, b := range []string{`{"mode":"2pass-online","text":`, `{"mode":7}`, `[]`, `{"mode":"3pass","text":"谁"}`, "\xff"} {
			if err := c.ws.WriteText([]byte(b)); err != nil {
				return err
			}
		}
		if err := c.ws.WriteBinary([]byte{1, 2}); err != nil {
			return err
		}
	case FaultOversize:
		m["text"] = strings.Repeat("长", 1<<20)
	case FaultShuffled:
		if pass == "offline" && !last { // kept back until the next sentence has been told
			c.held = append(c.held, m)
			return nil
		}
	}
	if last {
		if err := c.release(); err != nil {
			return err
		}
	}
	return c.send(m)
}

// release sends what was kept back.
func (c *connection) release() error {
	for _, m := range c.held {
		if err := c.send(m); err != nil {
			return err
		}
	}
	c.held = nil
	return nil
}

func (c *connection) send(m map[string]any) error { return c.ws.WriteJSON(m) }
