package console

import (
	"regexp"

	"github.com/tidegate/tidegate/internal/obs"
)

// What is shown of personal data, whole to who may see them.

func shownPhone(phone string, personal bool) string {
	if personal {
		return phone
	}
	return obs.Phone(phone).String()
}

// longNumber is what may be somebody's telephone number: a run of digits, or
// groups of them as people write them. A date is none.
var longNumber = regexp.MustCompile(`\+?[0-9]{7,}|0[0-9]{2,3}[ -][0-9]{7,8}|[0-9]{3,4}[ -][0-9]{4}[ -][0-9]{4}`)

// shownText masks the long numbers in a text that people work with.
func shownText(text string, personal bool) string {
	if personal {
		return text
	}
	return longNumber.ReplaceAllStringFunc(text, func(n string) string { return obs.Phone(n).String() })
}

// shownSecret shows the length of what is personal as a whole: words of a
// conversation, an address.
func shownSecret(text string, personal bool) string {
	if personal || text == "" {
		return text
	}
	return obs.Text(text).String()
}

func shownMap(m map[string]string, personal bool) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = shownSecret(v, personal)
	}
	return out
}
