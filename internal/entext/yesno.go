package entext

import (
	"regexp"
	"strings"
)

// Answer is what a reply to a yes-or-no question means.
type Answer uint8

// The answers.
const (
	AnswerUnknown Answer = iota
	AnswerYes
	AnswerNo
)

func (a Answer) String() string {
	return [...]string{"unknown", "yes", "no"}[min(a, AnswerNo)]
}

const hums = `(?:(?:uh|um|er|well|oh|so|i think|i guess|actually|ah|hmm|okay so|great|perfect|awesome|wonderful|excellent|cool|nice|lovely|alrighty|good) )*`

var (
	wholeYes = regexp.MustCompile(`^ ` + hums + `(?:yes|yeah|yep|yup|yah|ya|sure|correct|right|exactly|ok|okay|of course|absolutely|definitely|` +
		`certainly|please|please do|it is|thats it|thats right|thats correct|thats the one|that is right|that is correct|i do|i did|i have|` +
		`i would|mhm|uh huh|mm hmm|affirmative|go ahead|sounds good|all right|alright|fine|that one|its that one|confirm|confirmed|no problem|not a problem) `)
	wholeNo = regexp.MustCompile(`^ ` + hums + `(?:no|nope|nah|not|negative|never|its not|it isnt|it is not|thats not|thats wrong|that is wrong|` +
		`that isnt|wrong|incorrect|i dont|i didnt|i havent|i do not|i did not|i have not|dont|nothing|none|neither|not yet|uh uh) `)
	// glad is a yes when nothing else is said.
	glad = regexp.MustCompile(`^ (?:(?:oh|well|that is|thats|thatd be|that would be|that|sounds|yup|just) )*(?:great|perfect|awesome|wonderful|excellent|cool|nice|lovely|good|fantastic|works|works for me|works fine)(?: thanks| thank you)? $`)
	// A question is no answer.
	question = regexp.MustCompile(`^ (?:is|are|do|does|can|could|what|when|where|who|how|why|which) `)
)

// ReadYesNo reads yes and no in the forms that callers use. What a sentence
// begins with decides: "no, the other one" is a no.
func ReadYesNo(sentence string) Answer {
	text := plain(sentence)
	switch {
	case question.MatchString(text):
		return AnswerUnknown
	case strings.HasPrefix(text, " no problem ") || strings.HasPrefix(text, " not a problem "):
		return AnswerYes
	case strings.HasPrefix(text, " right now ") || strings.HasPrefix(text, " ok so ") && len(text) > 40:
		return AnswerUnknown
	case strings.HasPrefix(text, " please ") && len(strings.Fields(text)) > 2:
		return AnswerUnknown // "please connect me" asks for something
	case wholeNo.MatchString(text):
		return AnswerNo
	case wholeYes.MatchString(text), glad.MatchString(text):
		return AnswerYes
	}
	return AnswerUnknown
}
