// Package llmtest is a server that speaks OpenAI's chat completions on
// loopback, whole and streamed. It understands nothing: what it says is told to
// it. In form, timing and failure it does as the real servers do.
package llmtest

import (
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
)

// Fault is what goes wrong with an answer.
type Fault int

// The faults. A positive number is an HTTP status.
const (
	None      Fault = 0
	Hang      Fault = -iota // no answer at all
	Drip                    // characters that never become a sentence
	CutOff                  // the connection breaks in mid-answer
	EarlyEnd                // the stream ends in order, but without its end
	Malformed               // not JSON
	NoChoice                // JSON without a choice
	Oversize                // an answer without end
	HugeEvent               // one event of many megabytes
	Refusal                 // the model's own refusal
	Filtered                // cut by a filter
	Length                  // cut by max_tokens
	InStream                // an error event
	HTML                    // a page of a proxy
	Redirect                // to somewhere else
)

// Question is what was asked.
type Question struct {
	Key      string `json:"-"`
	Raw      string `json:"-"`
	Model    string `json:"model"`
	Stream   bool   `json:"stream"`
	Messages []struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	} `json:"messages"`
	ResponseFormat struct {
		Type       string `json:"type"`
		JSONSchema struct {
			Strict bool            `json:"strict"`
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
}

// User is the message of the user.
func (q Question) User() string {
	for _, m := range q.Messages {
		if m.Role == "user" {
			return m.Content
		}
	}
	return ""
}

// Server is one running server.
type Server struct {
	http *httptest.Server
	done chan struct{}

	mu        sync.Mutex
	say       func(Question) (string, Fault)
	questions []Question
	busy      int
	most      int
	delay     time.Duration
}

// Start starts one that ends with the test and answers with what say returns.
func Start(t testing.TB, say func(Question) (string, Fault)) *Server {
	t.Helper()
	s := &Server{say: say, done: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", s.complete)
	s.http = httptest.NewUnstartedServer(mux)
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.http.Start()
	t.Cleanup(func() {
		close(s.done)
		s.http.CloseClientConnections()
		s.http.Close()
	})
	return s
}

// Saying is a say that always does the same.
func Saying(text string, fault Fault) func(Question) (string, Fault) {
	return func(Question) (string, Fault) { return text, fault }
}

// URL is the base address, with its /v1.
func (s *Server) URL() string { return s.http.URL + "/v1" }

// Say changes what is answered.
func (s *Server) Say(say func(Question) (string, Fault)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.say = say
}

// Delay is waited for before each answer and between its pieces.
func (s *Server) Delay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

// Questions lists what was asked.
func (s *Server) Questions() []Question {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Question(nil), s.questions...)
}

// Busy is how many questions are being answered, Most how many there have been
// at the same time.
func (s *Server) Busy() (now, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy, s.most
}

func (s *Server) complete(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	q := Question{Raw: string(raw), Key: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")}
	if err := json.Unmarshal(raw, &q); err != nil || q.Model == "" || len(q.Messages) == 0 {
		failure(w, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.questions = append(s.questions, q)
	s.busy++
	s.most = max(s.most, s.busy)
	say, delay := s.say, s.delay
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.busy--
		s.mu.Unlock()
	}()
	text, fault := say(q)
	if !s.wait(r, delay) {
		return
	}
	switch {
	case fault > 0:
		failure(w, int(fault))
	case fault == Hang:
		s.wait(r, time.Hour)
	case fault == HTML:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>proxy</html>")
	case fault == Redirect:
		http.Redirect(w, r, s.http.URL+"/elsewhere", http.StatusTemporaryRedirect)
	case q.Stream:
		s.stream(w, r, text, fault, delay)
	default:
		s.whole(w, r, text, fault)
	}
}

// failure repeats the request, as some servers do: nobody may log that.
func failure(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"error":{"message":"cannot answer: SECRET WORDS OF THE CALLER","type":"server_error","code":"x"}}`)
}

func (s *Server) wait(r *http.Request, d time.Duration) bool {
	if d == 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-r.Context().Done():
	case <-s.done:
	}
	return false
}

func (s *Server) whole(w http.ResponseWriter, r *http.Request, text string, fault Fault) {
	message := map[string]any{"role": "assistant", "content": text}
	finish := "stop"
	switch fault {
	case Refusal:
		message = map[string]any{"role": "assistant", "content": nil, "refusal": text}
	case Filtered:
		finish = "content_filter"
	case Length:
		finish = "length"
	case Oversize:
		message["content"] = strings.Repeat("退", 1<<20)
	}
	choices := []any{map[string]any{"index": 0, "message": message, "finish_reason": finish, "logprobs": nil}}
	if fault == NoChoice {
		choices = nil
	}
	b, _ := json.Marshal(map[string]any{"id": "c-1", "object": "chat.completion", "created": 1, "model": "m", "choices": choices})
	w.Header().Set("Content-Type", "application/json")
	switch fault {
	case Malformed:
		b = []byte(`{"choices": [`)
	case CutOff, EarlyEnd, Drip:
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		_, _ = w.Write(b[:len(b)/2])
		_ = http.NewResponseController(w).Flush()
		if fault == Drip {
			s.wait(r, time.Hour)
		}
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(b)
}

func (s *Server) stream(w http.ResponseWriter, r *http.Request, text string, fault Fault, delay time.Duration) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	send := func(data string) {
		_, _ = fmt.Fprintf(w, "data: %s\n\n", data)
		_ = http.NewResponseController(w).Flush()
	}
	chunk := func(delta map[string]any, finish any) {
		b, _ := json.Marshal(map[string]any{"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
			"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}})
		send(string(b))
	}
	_, _ = io.WriteString(w, ": comment\n\n")
	chunk(map[string]any{"role": "assistant", "content": ""}, nil)
	switch fault {
	case Refusal:
		chunk(map[string]any{"refusal": text}, nil)
		chunk(map[string]any{}, "stop")
		send("[DONE]")
		return
	case Malformed:
		send(`{"choices": [`)
		return
	case HugeEvent:
		chunk(map[string]any{"content": strings.Repeat("退", 4<<20)}, nil)
		return
	case NoChoice:
		send(`{"id":"c-1","object":"chat.completion.chunk","choices":[]}`)
	}
	runes := []rune(text)
	for len(runes) > 0 || fault == Oversize || fault == Drip {
		n := min(2, len(runes))
		piece := string(runes[:n])
		runes = runes[n:]
		if n == 0 {
			piece = "嗯"
		}
		chunk(map[string]any{"content": piece}, nil)
		if fault == Drip && !s.wait(r, 20*time.Millisecond) || r.Context().Err() != nil || !s.wait(r, delay) {
			return
		}
	}
	switch fault {
	case CutOff:
		panic(http.ErrAbortHandler)
	case EarlyEnd:
		return
	case InStream:
		send(`{"error":{"message":"SECRET WORDS OF THE CALLER","code":500}}`)
		return
	case Filtered:
		chunk(map[string]any{}, "content_filter")
	case Length:
		chunk(map[string]any{}, "length")
	default:
		chunk(map[string]any{}, "stop")
	}
	send(`{"id":"c-1","object":"chat.completion.chunk","choices":[],"usage":{"total_tokens":9}}`)
	send("[DONE]")
}
