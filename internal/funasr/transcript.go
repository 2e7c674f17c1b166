package funasr

import (
	"strings"
	"unicode/utf8"
)

// Transcript puts together what the answers say of one utterance. The server
// cuts it into sentences at pauses; each is first told in pieces and then, in
// two-pass mode, once more as a whole.
type Transcript struct {
	sentences []sentence
	bytes     int
	Language  string // the first one told
}

type sentence struct {
	index  int // -1: the server does not number them
	pieces string
	whole  string
	heard  bool // the second pass has been here
}

// Bounds of a transcript: a minute of fast speech has about 500 characters.
const (
	maxSentences       = 256
	maxTranscriptBytes = 32 << 10
)

// Add takes an answer and says whether the text is another one now. What
// would go over the bounds is left out.
func (t *Transcript) Add(a Answer) (changed bool) {
	if a.Text == "" || a.Pass == PassUnknown || t.bytes+len(a.Text) > maxTranscriptBytes {
		return false
	}
	if t.Language == "" {
		t.Language = a.Language
	}
	before := t.Text()
	if a.Pass == PassFirst {
		t.first(a)
	} else {
		t.second(a)
	}
	return t.Text() != before
}

func (t *Transcript) first(a Answer) {
	s := t.find(a.Index)
	if s == nil {
		s = t.open(a.Index)
	}
	if s == nil || s.heard {
		return // a piece that comes after its whole is late
	}
	s.pieces += a.Text
	t.bytes += len(a.Text)
}

func (t *Transcript) second(a Answer) {
	s := t.find(a.Index)
	if s == nil || s.heard && a.Index < 0 {
		s = t.open(a.Index)
	}
	if s == nil {
		return
	}
	t.bytes += len(a.Text) - len(s.whole)
	s.whole, s.heard = a.Text, true
}

// find gives the sentence that an answer is about: the numbered one or,
// without numbers, the one that is not heard whole yet.
func (t *Transcript) find(index int) *sentence {
	for i := range t.sentences {
		s := &t.sentences[i]
		if s.index == index && (index >= 0 || !s.heard) {
			return s
		}
	}
	return nil
}

// open begins a sentence, in its place among those with numbers.
func (t *Transcript) open(index int) *sentence {
	if len(t.sentences) >= maxSentences {
		return nil
	}
	at := len(t.sentences)
	for at > 0 && index >= 0 && t.sentences[at-1].index > index {
		at--
	}
	t.sentences = append(t.sentences, sentence{})
	copy(t.sentences[at+1:], t.sentences[at:])
	t.sentences[at] = sentence{index: index}
	return &t.sentences[at]
}

// Text is what has been said, as far as it is known.
func (t *Transcript) Text() string {
	var b strings.Builder
	for _, s := range t.sentences {
		text := s.pieces
		if s.heard {
			text = s.whole
		}
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		first, _ := utf8.DecodeRuneInString(text)
		last, _ := utf8.DecodeLastRuneInString(b.String())
		if isLatin(first) && isLatin(last) {
			b.WriteByte(' ')
		}
		b.WriteString(text)
	}
	return b.String()
}

func isLatin(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }
