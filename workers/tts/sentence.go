package tts

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSentence bounds a sentence in characters: what has no full stop is cut
// at a comma, or anywhere, so that sound comes early and in bounded pieces.
const maxSentence = 120

// sentences cuts text so that each piece can be spoken on its own.
func sentences(text string) []string {
	var out []string
	for _, s := range strings.FieldsFunc(text, isLineEnd) {
		for s != "" {
			n := sentenceEnd(s)
			if piece := strings.TrimSpace(s[:n]); piece != "" {
				out = append(out, piece)
			}
			s = s[n:]
		}
	}
	return out
}

func isLineEnd(r rune) bool { return r == '\n' || r == '\r' }

// sentenceEnd is the length in bytes of the first sentence of s.
func sentenceEnd(s string) int {
	count, comma := 0, 0
	for i, r := range s {
		end := i + utf8.RuneLen(r)
		if r == utf8.RuneError {
			_, w := utf8.DecodeRuneInString(s[i:])
			end = i + w
		}
		count++
		switch {
		case strings.ContainsRune("。！？；!?;…", r):
			return end + trailing(s[end:])
		case r == '.' && fullStop(s, i):
			return end + trailing(s[end:])
		case strings.ContainsRune("，、：,:", r):
			comma = end
		}
		if count >= maxSentence {
			if comma > 0 {
				return comma
			}
			return end
		}
	}
	return len(s)
}

// fullStop tells a full stop from a decimal point or one inside a name.
func fullStop(s string, i int) bool {
	next, _ := utf8.DecodeRuneInString(s[i+1:])
	return i+1 == len(s) || unicode.IsSpace(next)
}

// trailing counts the closing marks and further stops after a sentence.
func trailing(s string) int {
	n := 0
	for _, r := range s {
		if !strings.ContainsRune("。！？；!?;….”’」』）)\"'", r) {
			break
		}
		n += utf8.RuneLen(r)
	}
	return n
}
