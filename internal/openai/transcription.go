package openai

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"unicode/utf8"

	"github.com/tmaxmax/go-sse"
)

// TranscriptionRequest asks what is said in a WAV file.
type TranscriptionRequest struct {
	Model    string
	Language string // ISO 639-1; empty lets the model find out
	Prompt   string // text that the model takes for what came before
	// Words to expect, in a field that the server knows: keywords[] at
	// OpenAI, hotwords at vLLM and Speaches.
	WordsField string
	Words      []string
	Stream     bool // partials come as they are decoded
	Confidence bool // ask for token probabilities
	WAV        []byte
}

// Transcription is the answer.
type Transcription struct {
	Text       string
	Confidence float64 // 0 to 1: mean token probability; 0 when the server tells none
}

// Bounds of an answer: an utterance of a minute has about 500 characters,
// and each may come with its probability.
const (
	maxTranscription = 1 << 20
	maxEvent         = 128 << 10
	maxText          = 64 << 10
)

// Transcribe asks for a transcription. partial, which may be nil, gets what
// is known so far, in full, when the answer is streamed.
func (c *Client) Transcribe(ctx context.Context, r TranscriptionRequest, partial func(text string)) (Transcription, error) {
	body, contentType, err := r.form()
	if err != nil {
		return Transcription{}, err
	}
	resp, err := c.post(ctx, "audio/transcriptions", contentType, "application/json, text/event-stream", body)
	if err != nil {
		return Transcription{}, fmt.Errorf("transcription: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	t, err := readTranscription(resp, partial)
	if err != nil {
		return Transcription{}, fmt.Errorf("transcription: %w", err)
	}
	return t, nil
}

func (r TranscriptionRequest) form() (body io.Reader, contentType string, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	field := func(name, value string) {
		if err == nil && value != "" {
			err = w.WriteField(name, value)
		}
	}
	field("model", r.Model)
	field("language", r.Language)
	field("prompt", r.Prompt)
	field("response_format", "json")
	if r.WordsField != "" && strings.HasSuffix(r.WordsField, "[]") {
		for _, word := range r.Words {
			field(r.WordsField, word)
		}
	} else if r.WordsField != "" {
		field(r.WordsField, strings.Join(r.Words, " "))
	}
	if r.Stream {
		field("stream", "true")
	}
	if r.Confidence {
		field("include[]", "logprobs")
	}
	if err != nil {
		return nil, "", err
	}
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="utterance.wav"`},
		"Content-Type":        {"audio/wav"},
	})
	if err != nil {
		return nil, "", err
	}
	if _, err := part.Write(r.WAV); err != nil {
		return nil, "", err
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	return &b, w.FormDataContentType(), nil
}

// readTranscription reads either form of answer: a server that cannot
// stream says everything at once, whatever it was asked.
func readTranscription(resp *http.Response, partial func(string)) (Transcription, error) {
	body := &bounded{r: resp.Body, left: maxTranscription}
	switch t, _ := mediaType(resp); {
	case t == "text/event-stream":
		return ReadEvents(body, partial)
	case t == "application/json" || strings.HasSuffix(t, "+json"):
		b, err := io.ReadAll(body)
		if err != nil {
			return Transcription{}, err
		}
		return ParseTranscription(b)
	default:
		return Transcription{}, fmt.Errorf("%w: content type %.64q", ErrAnswer, t)
	}
}

// logprob is the natural logarithm of a token's probability.
type logprob struct {
	Logprob *float64 `json:"logprob"`
}

// ParseTranscription reads an answer that is not streamed.
func ParseTranscription(b []byte) (Transcription, error) {
	var m struct {
		Text     *string   `json:"text"`
		Logprobs []logprob `json:"logprobs"`
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return Transcription{}, fmt.Errorf("%w: not the JSON expected", ErrAnswer)
	}
	if m.Text == nil {
		return Transcription{}, fmt.Errorf("%w: no text", ErrAnswer)
	}
	return transcription(*m.Text, m.Logprobs)
}

func transcription(text string, probs []logprob) (Transcription, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxText || !utf8.ValidString(text) {
		return Transcription{}, fmt.Errorf("%w: text of %d bytes", ErrAnswer, len(text))
	}
	return Transcription{Text: text, Confidence: confidence(probs)}, nil
}

// confidence is the mean probability of the tokens, in the logarithm.
func confidence(probs []logprob) float64 {
	sum, n := 0.0, 0
	for _, p := range probs {
		if p.Logprob != nil {
			sum += *p.Logprob
			n++
		}
	}
	if n == 0 {
		return 0
	}
	c := math.Exp(sum / float64(n))
	if math.IsNaN(c) {
		return 0
	}
	return max(0, min(1, c))
}

// event is one of a stream's: OpenAI's transcript.text.delta and .done, or
// vLLM's transcription.chunk.
type event struct {
	Type     string          `json:"type"`
	Delta    string          `json:"delta"`
	Text     string          `json:"text"`
	Logprobs []logprob       `json:"logprobs"`
	Error    json.RawMessage `json:"error"`
	Choices  []struct {
		Delta struct {
			Content string `json:"content"`
		} `json:"delta"`
		Finish *string `json:"finish_reason"`
	} `json:"choices"`
}

// ReadEvents reads a streamed answer up to its last event; without one it is
// ErrCutOff.
func ReadEvents(r io.Reader, partial func(text string)) (Transcription, error) {
	var text strings.Builder
	said := func(piece string) error {
		if piece == "" {
			return nil
		}
		if text.Len()+len(piece) > maxText {
			return fmt.Errorf("%w: text over %d bytes", ErrAnswer, maxText)
		}
		text.WriteString(piece)
		if partial != nil {
			partial(strings.TrimSpace(text.String()))
		}
		return nil
	}
	for ev, err := range sse.Read(r, &sse.ReadConfig{MaxEventSize: maxEvent}) {
		if err != nil {
			return Transcription{}, streamError(err)
		}
		if strings.TrimSpace(ev.Data) == "[DONE]" {
			return transcription(text.String(), nil)
		}
		var m event
		if json.Unmarshal([]byte(ev.Data), &m) != nil {
			return Transcription{}, fmt.Errorf("%w: event is not the JSON expected", ErrAnswer)
		}
		switch {
		case len(m.Error) > 0 && string(m.Error) != "null", m.Type == "error", ev.Type == "error":
			return Transcription{}, fmt.Errorf("%w: error in the stream", ErrFailed)
		case m.Type == "transcript.text.done":
			return transcription(m.Text, m.Logprobs)
		case m.Type == "transcript.text.delta":
			err = said(m.Delta)
		case len(m.Choices) > 0:
			err = said(m.Choices[0].Delta.Content)
			if err == nil && m.Choices[0].Finish != nil && *m.Choices[0].Finish != "" {
				return transcription(text.String(), nil)
			}
		}
		if err != nil {
			return Transcription{}, err
		}
	}
	return Transcription{}, ErrCutOff
}

// streamError tells a stream that broke from one that is over its bounds.
func streamError(err error) error {
	switch {
	case errors.Is(err, ErrAnswer), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("%w: event over %d bytes", ErrAnswer, maxEvent)
	default:
		return fmt.Errorf("%w: %w", ErrCutOff, err)
	}
}

// bounded reads so much and no more.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%w: over its size limit", ErrAnswer)
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
