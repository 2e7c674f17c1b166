package asr

import (
	"context"
	"errors"
	"strconv"

	"github.com/tidegate/tidegate/internal/funasr"
)

// funasrLink is one connection and the goroutine that reads it.
type funasrLink struct {
	conn    *funasr.Conn
	server  *funasrServer
	words   funasr.Hotwords // in force
	fixed   bool            // they cannot change any more
	bad     int
	answers chan funasrAnswer
	gone    chan struct{}
}

// funasrAnswer is an answer, or the error that came instead.
type funasrAnswer struct {
	funasr.Answer
	ending funasr.Ending
	err    error
}

// join takes a connection; it ends with the stream's context at the latest.
func (s *funasrStream) join(conn *funasr.Conn, server *funasrServer) {
	l := &funasrLink{conn: conn, server: server, answers: make(chan funasrAnswer, eventQueue), gone: make(chan struct{})}
	s.link, s.at = l, cursor{}
	clear(s.spoken)
	server.streams.Add(1)
	s.engine.metrics.connections.Inc()
	stop := context.AfterFunc(s.ctx, conn.Abort)
	s.readers.Go(func() {
		defer stop()
		l.read()
	})
}

// leave ends the connection, if there is one.
func (s *funasrStream) leave() {
	if s.link == nil {
		return
	}
	s.link.conn.Abort()
	close(s.link.gone)
	s.link.server.streams.Add(-1)
	s.engine.metrics.connections.Dec()
	s.link = nil
	clear(s.spoken)
}

func (l *funasrLink) read() {
	for {
		a, err := l.conn.Read()
		answer := funasrAnswer{Answer: a, err: err}
		if err == nil {
			answer.ending = l.ends(a)
		}
		select {
		case l.answers <- answer:
		case <-l.gone:
			return
		}
		if err != nil && !errors.Is(err, funasr.ErrAnswer) {
			return
		}
	}
}

// ends asks the connection, but for what the server showed on others: one
// that once said is_end says it always.
func (l *funasrLink) ends(a funasr.Answer) funasr.Ending {
	if a.End {
		l.server.acknowledges.Store(true)
	}
	if e := l.conn.Ends(a); e != funasr.EndingPossible || !l.server.acknowledges.Load() {
		return e
	}
	return funasr.EndingNone
}

// begin begins an utterance with hot words, as far as the server still takes
// them.
func (l *funasrLink) begin(n int, words funasr.Hotwords) error {
	if !l.fixed {
		l.words, l.fixed = words, l.conn.Server() == funasr.ServerRuntime
	}
	return l.conn.Begin(strconv.Itoa(n), words)
}
