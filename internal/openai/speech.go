package openai

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// SpeechRequest asks for the sound of a text.
type SpeechRequest struct {
	Model        string
	Input        string
	Voice        string
	Instructions string  // how to say it
	Speed        float64 // 0.25 to 4; 0 and 1 are the model's own
	SampleRate   int     // Hz asked for, at servers that know the field; 0 asks for none
}

// PCMRate is the rate of OpenAI's response format pcm: 16-bit signed
// little-endian samples of one channel.
const PCMRate = 24000

// Sound is an answer that has begun. It has to be closed.
type Sound struct {
	io.Reader
	body io.Closer
	Rate int // Hz as the server tells it; 0 when it does not
}

// Close ends the answer.
func (s *Sound) Close() error { return s.body.Close() }

// Speech asks for the sound of a text and returns with its first bytes.
func (c *Client) Speech(ctx context.Context, r SpeechRequest) (*Sound, error) {
	if r.Speed == 1 {
		r.Speed = 0
	}
	body, err := json.Marshal(struct {
		Model        string  `json:"model"`
		Input        string  `json:"input"`
		Voice        string  `json:"voice"`
		Format       string  `json:"response_format"`
		Instructions string  `json:"instructions,omitempty"`
		Speed        float64 `json:"speed,omitempty"`
		SampleRate   int     `json:"sample_rate,omitempty"`
	}{r.Model, r.Input, r.Voice, "pcm", r.Instructions, r.Speed, r.SampleRate})
	if err != nil {
		return nil, err
	}
	resp, err := c.post(ctx, "audio/speech", "application/json", "audio/pcm, application/octet-stream", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("speech: %w", err)
	}
	kind, params := mediaType(resp)
	s := &Sound{body: resp.Body}
	if s.Rate, err = pcmRate(kind, params); err == nil {
		s.Reader, err = checkPCM(resp.Body)
	}
	if err != nil {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("speech: %w", err)
	}
	return s, nil
}

// pcmTypes are what servers call PCM. audio/L16 is not among them: its
// definition says big-endian (RFC 2586), those who use it mostly mean
// little-endian, and the wrong guess is full-scale noise.
var pcmTypes = []string{"", "audio/pcm", "audio/x-pcm", "audio/raw", "application/octet-stream", "binary/octet-stream"}

func pcmRate(kind string, params map[string]string) (int, error) {
	if !slices.Contains(pcmTypes, kind) {
		return 0, fmt.Errorf("%w: sound comes as %.64q, not as PCM", ErrAnswer, kind)
	}
	for name, value := range params {
		n, err := strconv.Atoi(value)
		switch {
		case name == "rate" && (err != nil || n < 8000 || n > 192000):
			return 0, fmt.Errorf("%w: sample rate %.16q", ErrAnswer, value)
		case name == "channels" && value != "1":
			return 0, fmt.Errorf("%w: %.16q channels", ErrAnswer, value)
		}
	}
	rate, _ := strconv.Atoi(params["rate"])
	return rate, nil
}

// magics begin files of sound: a server that does not know the format pcm
// may send its own, and call it application/octet-stream.
var magics = []string{"RIFF", "OggS", "fLaC", "ID3"}

func checkPCM(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, 16<<10)
	head, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %w", ErrCutOff, err)
	}
	for _, magic := range magics {
		if bytes.HasPrefix(head, []byte(magic)) {
			return nil, fmt.Errorf("%w: sound comes as a %s file, not as PCM", ErrAnswer, magic)
		}
	}
	return buffered, nil
}
