// Package funasrtest is a server that speaks FunASR's protocol on loopback,
// for tests of what talks to one. It recognises nothing: what it answers is
// told to it. In all else it does as the real servers do: hot words count
// with the first message of a connection (runtime) or any (Python), sound
// before the configuration is lost, sentences end at pauses that it finds by
// itself, and answers come in pieces, late, and after faults not at all.
package funasrtest

import (
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/funasr"
	"github.com/tidegate/tidegate/internal/ws"
)

// Fault is what goes wrong with an utterance.
type Fault int

// The faults.
const (
	FaultNone      Fault = iota
	FaultDrop            // the connection is lost in mid-utterance
	FaultDropAtEnd       // ... after the end of the speech, before the last answer
	FaultSilent          // no answer at all
	FaultMalformed       // messages that are none come before the answers
	FaultOversize        // an answer over all limits
	FaultError           // the runtime's error text, or an acknowledgement with an error
	FaultShuffled        // answers of a sentence come after those of the next one
	FaultStall           // the server stops reading and answering
)

// Config is how a server behaves. Zero values work.
type Config struct {
	Server funasr.Server // ServerAuto is the runtime
	Old    bool          // a Python server of before 2026-07, which knows no is_end
	TLS    bool
	// Said gives the sentences of an utterance; nil says "我要退货" of each.
	Said  func(name string) []string
	Fault func(connection int, name string) Fault
	// Refuse answers the handshake of a connection with a status; 0 takes it.
	Refuse func(connection int) int
	Delay  time.Duration // of the last answer
	Tags   string        // before each text, as SenseVoice models write them
}

// Utterance is what the server got.
type Utterance struct {
	Connection int
	Name       string
	Mode       string
	Rate       int
	ITN        bool
	ChunkSize  []int
	Hotwords   string // those in force
	Language   string
	Sound      []byte
	Messages   []int // lengths of the messages of sound
	Ended      bool
}

// Server is one running server.
type Server struct {
	cfg  Config
	http *httptest.Server
	wait sync.WaitGroup
	done chan struct{}

	mu          sync.Mutex
	connections int
	open        map[*ws.Conn]bool
	utterances  []*Utterance
}

// Start starts one that ends with the test.
func Start(t testing.TB, cfg Config) *Server {
	t.Helper()
	s := &Server{cfg: cfg, done: make(chan struct{}), open: map[*ws.Conn]bool{}}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	if cfg.TLS {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	t.Cleanup(s.Stop)
	return s
}

// Stop ends the server and all its connections.
func (s *Server) Stop() {
	s.mu.Lock()
	select {
	case <-s.done:
	default:
		close(s.done)
	}
	for c := range s.open {
		c.Abort()
	}
	s.mu.Unlock()
	s.http.Close()
	s.wait.Wait()
}

// URL is ws://HOST:PORT, or wss://.
func (s *Server) URL() string { return "ws" + strings.TrimPrefix(s.http.URL, "http") }

// Certificate is the one that a client has to trust.
func (s *Server) Certificate() *x509.Certificate { return s.http.Certificate() }

// Connections is how many there have been, refused ones included.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections
}

// Utterances is what came so far, in its order.
func (s *Server) Utterances() []Utterance {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Utterance, len(s.utterances))
	for i, u := range s.utterances {
		out[i] = *u
		out[i].Sound = append([]byte(nil), u.Sound...)
	}
	return out
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.wait.Add(1)
	defer s.wait.Done()
	s.mu.Lock()
	s.connections++
	n := s.connections
	s.mu.Unlock()
	if s.cfg.Refuse != nil {
		if status := s.cfg.Refuse(n); status != 0 {
			http.Error(w, "refused", status)
			return
		}
	}
	var o ws.Options
	if s.cfg.Server == funasr.ServerPython {
		o.Subprotocols = []string{"binary"}
	}
	c, err := ws.Upgrade(w, r, o)
	if err != nil {
		return
	}
	defer c.Abort()
	s.mu.Lock()
	s.open[c] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.open, c)
		s.mu.Unlock()
	}()
	(&connection{server: s, ws: c, number: n}).run()
}

// message is everything that a client may say, as the servers read it.
type message struct {
	Mode      *string `json:"mode"`
	Name      *string `json:"wav_name"`
	Rate      *int    `json:"audio_fs"`
	ITN       *bool   `json:"itn"`
	ChunkSize []int   `json:"chunk_size"`
	Hotwords  *string `json:"hotwords"`
	Language  *string `json:"svs_lang"`
	Speaking  *bool   `json:"is_speaking"`
	End       bool    `json:"is_end"`
}

func parse(b []byte) (message, error) {
	var m message
	err := json.Unmarshal(b, &m)
	return m, err
}
