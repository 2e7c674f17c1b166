package schemas

import "strings"

// Style is how something is said. What an engine makes of it is its own
// (docs/speaking.md).
type Style string

// The styles. Neutral is how a voice speaks by itself, and is written as an
// empty string in messages.
const (
	StyleNeutral    Style = ""
	StyleCalm       Style = "calm"
	StyleSlow       Style = "slow"
	StyleCheerful   Style = "cheerful"
	StyleApologetic Style = "apologetic"
)

// Styles lists them all.
func Styles() []Style {
	return []Style{StyleNeutral, StyleCalm, StyleSlow, StyleCheerful, StyleApologetic}
}

// styleNames are the names that flows may use.
var styleNames = map[string]Style{
	"": StyleNeutral, "neutral": StyleNeutral, "标准": StyleNeutral,
	"calm": StyleCalm, "安抚": StyleCalm,
	"slow": StyleSlow, "慢速": StyleSlow,
	"cheerful": StyleCheerful, "热情": StyleCheerful,
	"apologetic": StyleApologetic, "歉意": StyleApologetic,
}

// ParseStyle reads a style's English or Chinese name. What it does not know
// is neutral, and ok is false.
func ParseStyle(name string) (s Style, ok bool) {
	s, ok = styleNames[strings.ToLower(strings.TrimSpace(name))]
	return s, ok
}
