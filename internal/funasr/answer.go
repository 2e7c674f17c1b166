package funasr

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Pass says which of its recognisers an answer comes from.
type Pass int

// The passes. The first gives pieces while the caller speaks, each to be
// added to those before; the second hears a whole sentence again and replaces
// what the first has said of it.
const (
	PassUnknown Pass = iota
	PassFirst
	PassSecond
)

// Answer is one message of the server.
type Answer struct {
	Name     string // of the utterance, as its Begin named it
	Pass     Pass
	Text     string
	Language string // BCP 47, where a SenseVoice model tells it
	Index    int    // number of the sentence, from servers of 2026 on; -1 without
	Final    bool   // is_final, which the servers use differently: see Conn.Ends
	End      bool   // is_end: all of the utterance has been answered (Python server of 2026-07 on)
	Error    string // what went wrong, in the server's words
}

// ErrAnswer: a message that is not one of the protocol.
var ErrAnswer = errors.New("answer is not of the FunASR protocol")

// Parse reads a message of the server. Fields that it does not know, such as
// timestamp and stamp_sents, may be of any type.
func Parse(b []byte) (Answer, error) {
	if !utf8.Valid(b) {
		return Answer{}, fmt.Errorf("%w: not UTF-8", ErrAnswer)
	}
	var m struct {
		Mode  string `json:"mode"`
		Name  string `json:"wav_name"`
		Text  string `json:"text"`
		Index *int   `json:"index"`
		Final bool   `json:"is_final"`
		End   bool   `json:"is_end"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrAnswer, withoutValue(err))
	}
	a := Answer{Name: m.Name, Pass: passes[m.Mode], Index: -1, Final: m.Final, End: m.End, Error: m.Error}
	if m.Index != nil && *m.Index >= 0 {
		a.Index = *m.Index
	}
	// The runtime puts an error into the text, and then names no mode.
	if m.Mode == "" && strings.HasPrefix(m.Text, "ERROR") {
		a.Error = m.Text
		return a, nil
	}
	if m.Text != "" && a.Pass == PassUnknown {
		return Answer{}, fmt.Errorf("%w: text of the unknown mode %.32q", ErrAnswer, m.Mode)
	}
	a.Text, a.Language = untag(m.Text)
	return a, nil
}

var passes = map[string]Pass{
	"2pass-online": PassFirst, "online": PassFirst,
	"2pass-offline": PassSecond, "offline": PassSecond,
}

// withoutValue keeps what callers said out of errors: the decoder's messages
// quote characters only, but a wrong type quotes a number.
func withoutValue(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("field %.32q is of the wrong type", wrong.Field)
	}
	return errors.New("not JSON")
}

// languages are SenseVoice's own names.
var languages = map[string]string{"zh": "zh", "yue": "yue", "en": "en", "ja": "ja", "ko": "ko"}

// untag takes SenseVoice's marks out of a text, as in
// "<|zh|><|NEUTRAL|><|Speech|><|woitn|>你好", and gives the language that
// they name.
func untag(text string) (clean, language string) {
	if !strings.Contains(text, "<|") {
		return text, ""
	}
	var out strings.Builder
	for {
		before, rest, open := strings.Cut(text, "<|")
		out.WriteString(before)
		if !open {
			return out.String(), language
		}
		tag, after, closed := strings.Cut(rest, "|>")
		if !closed {
			return out.String(), language
		}
		if l := languages[tag]; l != "" && language == "" {
			language = l
		}
		text = after
	}
}
