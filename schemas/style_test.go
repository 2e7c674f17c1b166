package schemas

import "testing"

func TestParseStyle(t *testing.T) {
	for name, want := range map[string]Style{
		"": StyleNeutral, "标准": StyleNeutral, "neutral": StyleNeutral, "安抚": StyleCalm, " Calm ": StyleCalm, "慢速": StyleSlow,
		"热情": StyleCheerful, "cheerful": StyleCheerful, "歉意": StyleApologetic, "apologetic": StyleApologetic,
	} {
		if got, ok := ParseStyle(name); !ok || got != want {
			t.Errorf("ParseStyle(%q) = %q, %t, want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"loud", "安", "calm,slow"} {
		if got, ok := ParseStyle(name); ok || got != StyleNeutral {
			t.Errorf("ParseStyle(%q) = %q, %t", name, got, ok)
		}
	}
	for _, s := range Styles() {
		if got, ok := ParseStyle(string(s)); !ok || got != s {
			t.Errorf("style %q is read as %q, %t", s, got, ok)
		}
	}
}
