package asr

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/tidegate/tidegate/internal/dialect"
)

// tag is what models write about the sound into its transcript: SenseVoice
// <|zh|><|NEUTRAL|><|Speech|>, Dolphin <zh><SICHUAN>, others <unk>, <blk>,
// <sos/eos>.
var tag = regexp.MustCompile(`<\|?([A-Za-z][A-Za-z_/-]*)\|?>`)

// transcript is a model's text as people write it: without tags and without
// the spaces that stand between Chinese characters only because each of them
// is a token.
func transcript(text string) string {
	text = tag.ReplaceAllString(text, " ")
	text = strings.ReplaceAll(text, "▁", " ")
	words := strings.Fields(text)
	var b strings.Builder
	var last rune
	for i, w := range words {
		runes := []rune(w)
		if i > 0 && !(unspaced(last) && unspaced(runes[0])) {
			b.WriteByte(' ')
		}
		b.WriteString(w)
		last = runes[len(runes)-1]
	}
	return b.String()
}

// unspaced are characters of scripts that are written without spaces, and
// their punctuation.
func unspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r >= 0x3000 && r <= 0x303F || r >= 0xFF00 && r <= 0xFFEF
}

// languageTags are the languages that models name, and the dialects that
// they name as if they were languages.
var languageTags = map[string]struct{ language, dialect string }{
	"zh": {"zh", ""}, "en": {"en", ""}, "ja": {"ja", ""}, "ko": {"ko", ""},
	"yue": {"zh", "yue"}, "ct": {"zh", "yue"}, // Dolphin's name of Cantonese
}

// regionTags are the regions that models name otherwise than internal/dialect:
// Dolphin's of Wu and of Southern Min.
var regionTags = map[string]string{"wu": "wuu", "minnan": "nan"}

// region is the dialect of a tag such as SICHUAN or zh-SICHUAN, or "".
func region(tag string) string {
	tag = strings.TrimPrefix(tag, "zh-")
	if id, ok := regionTags[tag]; ok {
		return id
	}
	if d, ok := dialect.Lookup("zh-" + tag); ok {
		return d.ID
	}
	return ""
}

// spoken is which language (BCP 47) and dialect a model says it heard, by its
// own field or by the tags at the beginning of its text; empty where it does
// not.
func spoken(field, text string) (language, variety string) {
	tags := []string{strings.ToLower(strings.Trim(field, "<|>"))}
	for rest := strings.TrimSpace(text); ; {
		at := tag.FindStringSubmatchIndex(rest)
		if at == nil || at[0] != 0 {
			break
		}
		tags = append(tags, strings.ToLower(rest[at[2]:at[3]]))
		rest = strings.TrimSpace(rest[at[1]:])
	}
	for _, t := range tags {
		if known, ok := languageTags[t]; ok && language == "" {
			language, variety = known.language, known.dialect
		} else if id := region(t); id != "" && variety == "" {
			language, variety = "zh", id
		}
	}
	return language, variety
}
