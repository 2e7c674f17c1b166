// Package openaitest is a server that speaks OpenAI's audio endpoints on
// loopback, for tests of what talks to one. It understands nothing and has
// no voice: words and sound are told to it. In form, timing and failure it
// does as the real servers do.
package openaitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
)

// Kind is a form of streamed transcription.
type Kind int

// The kinds of servers.
const (
	OpenAI Kind = iota // also Speaches: transcript.text.delta and .done
	VLLM               // transcription.chunk and [DONE]
	Whole              // a server that ignores stream=true
)

// Fault is what goes wrong with a request.
type Fault int

// The faults. A positive number that is none of them is an HTTP status.
const (
	FaultNone      Fault = 0
	FaultMalformed Fault = -iota // an answer that is not JSON; sound as a WAV file
	FaultOversize                // an answer without end
	FaultCutOff                  // the connection breaks in mid-answer
	FaultHang                    // no answer at all
	FaultStall                   // an answer that stops in its middle
	FaultInStream                // an error event, or an empty sound
	FaultText                    // an answer in text/plain; sound as MP3
)

// Config is how a server behaves. Zero values work.
type Config struct {
	Kind  Kind
	Key   string // asked for, unless empty
	TLS   bool
	Said  func(t Transcription) string // nil: "我要退货"
	Speak func(s Speech) []int16       // at Rate; nil: a tone of 200 ms for each character
	Fault func(request int) Fault
	Delay time.Duration // before each answer, and between the parts of one
	Rate  int           // of sound; 0 is 24000
	// ContentType of sound; empty is audio/pcm.
	ContentType string
	Part        int // bytes of sound in one part; 0 is 4801, an odd number on purpose
}

// Transcription is what was asked of /audio/transcriptions.
type Transcription struct {
	Fields map[string][]string
	WAV    audio.WAV
}

// Speech is what was asked of /audio/speech.
type Speech struct {
	Model        string  `json:"model"`
	Input        string  `json:"input"`
	Voice        string  `json:"voice"`
	Format       string  `json:"response_format"`
	Instructions string  `json:"instructions"`
	Speed        float64 `json:"speed"`
	SampleRate   int     `json:"sample_rate"`
}

// Server is one running server.
type Server struct {
	cfg  Config
	http *httptest.Server
	done chan struct{}

	mu             sync.Mutex
	requests       int
	busy, most     int
	transcriptions []Transcription
	speeches       []Speech
}

// Start starts one that ends with the test.
func Start(t testing.TB, cfg Config) *Server {
	t.Helper()
	if cfg.Rate == 0 {
		cfg.Rate = 24000
	}
	if cfg.Part == 0 {
		cfg.Part = 4801
	}
	s := &Server{cfg: cfg, done: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/audio/transcriptions", s.answer(s.transcription))
	mux.HandleFunc("POST /v1/audio/speech", s.answer(s.speech))
	s.http = httptest.NewUnstartedServer(mux)
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	if cfg.TLS {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	t.Cleanup(func() {
		close(s.done)
		s.http.CloseClientConnections()
		s.http.Close()
	})
	return s
}

// URL is the base address, with its /v1.
func (s *Server) URL() string { return s.http.URL + "/v1" }

// Certificate is the one that a client has to trust, in PEM.
func (s *Server) Certificate() []byte { return certificatePEM(s.http.Certificate()) }

// Requests is how many there have been.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Most is how many there have been at the same time.
func (s *Server) Most() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

// Transcriptions is what was asked, in order.
func (s *Server) Transcriptions() []Transcription {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Transcription(nil), s.transcriptions...)
}

// Speeches is what was asked, in order.
func (s *Server) Speeches() []Speech {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Speech(nil), s.speeches...)
}

// answer counts a request, lets faults happen that are the same for both
// endpoints, and hands on the others.
func (s *Server) answer(next func(http.ResponseWriter, *http.Request, Fault)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests++
		s.busy++
		s.most = max(s.most, s.busy)
		n := s.requests
		s.mu.Unlock()
		defer func() {
			s.mu.Lock()
			s.busy--
			s.mu.Unlock()
		}()
		if s.cfg.Key != "" && r.Header.Get("Authorization") != "Bearer "+s.cfg.Key {
			failure(w, http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided: "+r.Header.Get("Authorization"))
			return
		}
		fault := FaultNone
		if s.cfg.Fault != nil {
			fault = s.cfg.Fault(n)
		}
		body, err := io.ReadAll(r.Body) // so that the client has written all
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if fault > 0 {
			w.Header().Set("Retry-After", "1")
			failure(w, int(fault), "fault", "what you sent was: "+r.URL.Path)
			return
		}
		if fault == FaultHang {
			s.wait(r, time.Hour)
			return
		}
		if s.wait(r, s.cfg.Delay) {
			next(w, r, fault)
		}
	}
}

// wait is false when the client left or the server ends.
func (s *Server) wait(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	case <-s.done:
		return false
	}
}

func failure(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": message, "type": "invalid_request_error", "code": code}})
}

func (s *Server) transcription(w http.ResponseWriter, r *http.Request, fault Fault) {
	if err := r.ParseMultipartForm(32 << 20); err != nil {
		failure(w, http.StatusBadRequest, "bad_form", err.Error())
		return
	}
	f, _, err := r.FormFile("file")
	if err != nil {
		failure(w, http.StatusBadRequest, "missing_file", err.Error())
		return
	}
	wav, err := audio.ReadWAV(f)
	if err != nil {
		failure(w, http.StatusBadRequest, "audio_unreadable", err.Error())
		return
	}
	t := Transcription{Fields: r.MultipartForm.Value, WAV: wav}
	s.mu.Lock()
	s.transcriptions = append(s.transcriptions, t)
	s.mu.Unlock()
	if t.field("model") == "" || t.field("response_format") != "json" {
		failure(w, http.StatusUnprocessableEntity, "bad_field", "model or response_format")
		return
	}
	text := "我要退货"
	if s.cfg.Said != nil {
		text = s.cfg.Said(t)
	}
	if t.field("stream") == "true" && s.cfg.Kind != Whole {
		s.stream(w, r, text, fault)
		return
	}
	s.whole(w, r, t, text, fault)
}

func (t Transcription) field(name string) string {
	if v := t.Fields[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (s *Server) whole(w http.ResponseWriter, r *http.Request, t Transcription, text string, fault Fault) {
	answer := map[string]any{"text": text, "usage": map[string]any{"type": "duration", "seconds": 1}}
	if t.field("include[]") == "logprobs" {
		var probs []any
		for _, c := range text {
			probs = append(probs, map[string]any{"token": string(c), "logprob": -0.1, "bytes": []byte(string(c))})
		}
		answer["logprobs"] = probs
	}
	b, _ := json.Marshal(answer)
	w.Header().Set("Content-Type", "application/json")
	switch fault {
	case FaultMalformed:
		b = []byte(`{"text": [`)
	case FaultInStream:
		b = []byte(`{"transcript": "退货"}`)
	case FaultOversize:
		b = append([]byte(`{"text":"`), bytes.Repeat([]byte("x"), 8<<20)...)
	case FaultText:
		w.Header().Set("Content-Type", "text/plain")
		b = []byte(text)
	case FaultCutOff, FaultStall:
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		s.half(w, r, b, fault)
		return
	}
	_, _ = w.Write(b)
}

// half writes the first half of an answer and no more.
func (s *Server) half(w http.ResponseWriter, r *http.Request, b []byte, fault Fault) {
	_, _ = w.Write(b[:len(b)/2])
	_ = http.NewResponseController(w).Flush()
	if fault == FaultStall {
		s.wait(r, time.Hour)
	}
	panic(http.ErrAbortHandler)
}

func (s *Server) stream(w http.ResponseWriter, r *http.Request, text string, fault Fault) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	flush := http.NewResponseController(w).Flush
	send := func(name, data string) {
		if name != "" {
			_, _ = fmt.Fprintf(w, "event: %s\n", name)
		}
		_, _ = fmt.Fprintf(w, "data: %s\n\n", data)
		_ = flush()
	}
	_, _ = io.WriteString(w, ": comment\n\n")
	runes := []rune(text)
	for len(runes) > 0 {
		n := min(2, len(runes))
		piece, _ := json.Marshal(string(runes[:n]))
		runes = runes[n:]
		if s.cfg.Kind == VLLM {
			send("", `{"id":"t-1","object":"transcription.chunk","choices":[{"delta":{"content":`+string(piece)+`},"finish_reason":null}]}`)
		} else {
			send("transcript.text.delta", `{"type":"transcript.text.delta","delta":`+string(piece)+`}`)
		}
		switch fault {
		case FaultMalformed:
			send("", `{"type":`)
		case FaultOversize:
			send("", `{"type":"x","delta":"`+strings.Repeat("x", 1<<20)+`"}`)
		case FaultInStream:
			send("error", `{"error":{"message":"CUDA out of memory while hearing 退货","code":500}}`)
		case FaultCutOff:
			panic(http.ErrAbortHandler)
		case FaultText: // the stream ends in order, but without its last event
			return
		case FaultStall:
			s.wait(r, time.Hour)
			return
		}
		if !s.wait(r, s.cfg.Delay) {
			return
		}
	}
	if s.cfg.Kind == VLLM {
		send("", `{"id":"t-1","object":"transcription.chunk","choices":[{"delta":{"content":""},"finish_reason":"stop"}]}`)
		send("", "[DONE]")
		return
	}
	whole, _ := json.Marshal(text)
	send("transcript.text.done", `{"type":"transcript.text.done","text":`+string(whole)+`,"logprobs":[{"token":"x","logprob":-0.2}]}`)
}
