package notify

import (
	"strings"
	"unicode/utf16"
)

// Segments is how many SMS a text takes, and how many characters it counts.
// In mainland China every character counts as one: 70 make one SMS, more are
// cut into pieces of 67 (https://help.aliyun.com/document_detail/44335.html).
// Elsewhere texts in the GSM alphabet (3GPP TS 23.038) have 160 and 153.
func Segments(text string, mainland bool) (segments, characters int) {
	one, many := 70, 67
	characters = len(utf16.Encode([]rune(text)))
	if n, ok := gsm(text); ok && !mainland {
		characters, one, many = n, 160, 153
	}
	if characters <= one {
		return 1, characters
	}
	return (characters + many - 1) / many, characters
}

const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€" // two places each
)

func gsm(text string) (places int, ok bool) {
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsmBasic, r):
			places++
		case strings.ContainsRune(gsmExtended, r):
			places += 2
		default:
			return 0, false
		}
	}
	return places, true
}
