package dialog

import "cmp"

// Voice is how a flow's assistant speaks; empty parts are the synthesis
// engine's own choice.
type Voice struct {
	Name     string
	Rate     float64
	Language string // BCP 47, never empty
}

// Voice is the one that the flow names.
func (f *Flow) Voice() Voice {
	return Voice{Name: f.voice.Name, Rate: f.voice.Rate, Language: cmp.Or(f.voice.Language, f.header.Language)}
}

// voiceSpec is how the flow's assistant speaks.
type voiceSpec struct {
	// Name is a voice of the synthesis engine; empty is the engine's own.
	Name string `yaml:"name"`
	// Rate is the speaking rate; 0 is the engine's own, as is 1.
	Rate float64 `yaml:"rate"`
	// Language is that of the voice where it is another than the flow's,
	// such as a voice of a dialect.
	Language string `yaml:"language"`
}

// maxRate is the fastest speech that the speech protocol carries.
const maxRate = 4

func (l *loader) checkVoice() {
	v := l.flow.voice
	if !(v.Rate >= 0 && v.Rate <= maxRate) {
		l.bad("is %v, must be from 0 to %d", args(v.Rate, maxRate), "voice", "rate")
	}
	if len(v.Name) > 64 {
		l.bad("is longer than 64 bytes", nil, "voice", "name")
	}
	if len(v.Language) > 16 {
		l.bad("is longer than 16 bytes", nil, "voice", "language")
	}
}
